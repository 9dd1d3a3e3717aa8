#include "mapisync.h"
#include <atomic>
#include <thread>
#include <unistd.h>

class Store final : public IMAPISync {
    std::atomic<ULONG> count{1};

  public:
    HRESULT STDMETHODCALLTYPE QueryInterface(REFIID riid, void **ppv) override {
        if (!ppv) return E_POINTER;
        *ppv = nullptr;
        bool known = IsEqualGUID(riid, IID_IUnknown) || IsEqualGUID(riid, IID_IMAPISync);
        if (!known) return E_NOINTERFACE;
        AddRef();
        *ppv = this;
        return S_OK;
    }
    ULONG STDMETHODCALLTYPE AddRef() override { return ++count; }
    ULONG STDMETHODCALLTYPE Release() override {
        ULONG left = --count;
        if (left == 0) delete this;
        return left;
    }
    HRESULT STDMETHODCALLTYPE SynchronizeInBackground(MAPISIB *psibpb) override {
        if (!psibpb) return E_POINTER;
        if (psibpb->ulSize < sizeof *psibpb || !psibpb->phSyncDoneEvent || !psibpb->punkCallBack)
            return E_INVALIDARG;
        void *found;
        HRESULT hr = psibpb->punkCallBack->QueryInterface(IID_IMAPISyncProgressCallback, &found);
        if (FAILED(hr)) return hr;
        auto callback = static_cast<IMAPISyncProgressCallback *>(found);
        int ends[2];
        if (pipe(ends) != 0) {
            callback->Release();
            return E_OUTOFMEMORY;
        }
        HANDLE event = *psibpb->phSyncDoneEvent = (HANDLE)(intptr_t)ends[0];
        std::thread([=] {
            HRESULT status = S_OK;
            for (ULONG n = 0; n <= 2 && SUCCEEDED(status); n++)
                status = callback->Progress(u"Receiving", n, 2);
            callback->Done(event, status);
            callback->Release();
            close(ends[1]); // signals the event
        }).detach();
        return S_OK;
    }
};

extern "C" HRESULT STDMETHODCALLTYPE CreateMapiSync(REFIID riid, void **ppv) {
    auto store = new Store;
    HRESULT hr = store->QueryInterface(riid, ppv);
    store->Release();
    return hr;
}
