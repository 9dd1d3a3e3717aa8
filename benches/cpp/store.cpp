// The store of a whole run in C++. Like SyncRequest::spawn, but without checks, it starts a thread
// which reports, calls Done and signals the event.
#include "runs.h"
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace {

class Store final : public Object<Store, IMAPISync> {
  public:
    explicit Store(ULONG reports) : reports(reports) {}
    static REFIID iid() { return IID_IMAPISync; }
    HRESULT STDMETHODCALLTYPE SynchronizeInBackground(MAPISIB *request) override {
        void *found;
        HRESULT result = request->punkCallBack->QueryInterface(IID_IMAPISyncProgressCallback, &found);
        if (FAILED(result)) return result;
        auto callback = static_cast<IMAPISyncProgressCallback *>(found);
        int ends[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return E_FAIL;
        *request->phSyncDoneEvent = handle(ends[0]);
        ULONG max = reports;
        std::thread([=] {
            HRESULT status = S_OK;
            for (ULONG index = 0; index != max && SUCCEEDED(status); index++)
                status = callback->Progress(nullptr, index, max);
            callback->Done(handle(ends[0]), status);
            callback->Release();
            shutdown(ends[1], SHUT_RDWR);
            close(ends[1]);
        }).detach();
        return S_OK;
    }

  private:
    ULONG reports;
};

} // namespace

IMAPISync *new_store(ULONG reports) { return new Store(reports); }
