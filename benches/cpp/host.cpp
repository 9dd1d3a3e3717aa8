// The host of a whole run in C++. Like SyncHost, it starts a run and waits for Done and for the event.
#include "runs.h"
#include <condition_variable>
#include <mutex>
#include <poll.h>
#include <unistd.h>

namespace {

class Host final : public Object<Host, IMAPISyncProgressCallback> {
  public:
    static REFIID iid() { return IID_IMAPISyncProgressCallback; }
    HRESULT STDMETHODCALLTYPE Progress(const WCHAR *, ULONG index, ULONG) override {
        last.store(index, std::memory_order_relaxed);
        return S_OK;
    }
    HRESULT STDMETHODCALLTYPE Error(HRESULT, const WCHAR *) override { return S_OK; }
    HRESULT STDMETHODCALLTYPE Done(HANDLE event, HRESULT result) override {
        std::lock_guard<std::mutex> lock(mutex);
        close(descriptor(event));
        status = result;
        done = true;
        ended.notify_all();
        return S_OK;
    }
    HRESULT wait() {
        std::unique_lock<std::mutex> lock(mutex);
        ended.wait(lock, [this] { return done; });
        return status;
    }
    // Returns a duplicate that the host owns, or -1 if Done was called already.
    int duplicate(HANDLE event) {
        std::lock_guard<std::mutex> lock(mutex);
        return done ? -1 : dup(descriptor(event));
    }

  private:
    std::atomic<ULONG> last{0};
    std::mutex mutex;
    std::condition_variable ended;
    HRESULT status = E_ABORT;
    bool done = false;
};

} // namespace

extern "C" bool cpp_run(uint32_t reports, uint64_t n) {
    bool good = true;
    IMAPISync *store = new_store(reports);
    for (; n != 0; n--) {
        Host *host = new Host;
        HANDLE event = nullptr;
        MAPISIB request = {sizeof request, SYNC_DOWNLOAD_CONTENTS, nullptr, host, &event};
        good &= SUCCEEDED(store->SynchronizeInBackground(&request));
        int mine = host->duplicate(event);
        good &= host->wait() == S_OK;
        if (mine >= 0) {
            pollfd waited = {mine, POLLIN, 0};
            good &= poll(&waited, 1, 60000) == 1;
            close(mine);
        }
        host->Release();
    }
    store->Release();
    return good;
}
