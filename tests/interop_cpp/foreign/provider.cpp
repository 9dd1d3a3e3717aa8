// A store provider in C++ as its author writes it, in a library that exports CreateMapiSync. It keeps
// every rule of the conformance kit. The environment variable MAPISYNC_PROVIDER_FAULT makes it crash or
// hang: "create", "run", "null" (at a NULL MAPISIB), "release"; "hang" in the second QueryInterface.
#include "foreign.h"
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wunused-function" // it needs only the events and threads of platform.h
#endif
#include "platform.h"

static bool fault(const char *name) {
    const char *value = std::getenv("MAPISYNC_PROVIDER_FAULT");
    return value && std::strcmp(value, name) == 0;
}

static void crash() {
    std::printf("the provider crashes\n");
    std::fflush(stdout);
    static int *volatile nowhere = nullptr;
    *nowhere = 0;
}

// The work of one run, which owns a reference to the callback.
struct Job {
    IMAPISyncProgressCallback *callback;
    HANDLE event;
    EventOwner owner;
};

static const MAPISYNC_CHAR RECEIVING[] = {'R', 'e', 'c', 'e', 'i', 'v', 'i', 'n', 'g', 0};
enum { MAILS = 20 };

static THREAD work(void *argument) {
    Job job = *static_cast<Job *>(argument);
    delete static_cast<Job *>(argument);
    if (job.callback) {
        HRESULT status = S_OK;
        for (ULONG mail = 1; mail <= MAILS && SUCCEEDED(status); mail++)
            status = job.callback->Progress(RECEIVING, mail, MAILS);
        if (fault("run")) crash();
        job.callback->Done(job.event, FAILED(status) ? status : S_OK);
        job.callback->Release();
    }
    event_signal(job.owner);
    THREAD_END;
}

class Provider final : public IMAPISync {
  public:
    HRESULT STDMETHODCALLTYPE QueryInterface(REFIID riid, void **ppv) override {
        while (calls++ > 0 && fault("hang")) std::this_thread::sleep_for(std::chrono::seconds(1));
        if (!ppv) return E_POINTER;
        *ppv = nullptr;
        if (!IsEqualGUID(riid, IID_IUnknown) && !IsEqualGUID(riid, IID_IMAPISync)) return E_NOINTERFACE;
        AddRef();
        *ppv = static_cast<IMAPISync *>(this);
        return S_OK;
    }
    ULONG STDMETHODCALLTYPE AddRef() override { return ++count; }
    ULONG STDMETHODCALLTYPE Release() override {
        ULONG left = --count;
        if (left == 0) {
            if (fault("release")) crash();
            delete this;
        }
        return left;
    }
    HRESULT STDMETHODCALLTYPE SynchronizeInBackground(MAPISIB *request) override {
        IMAPISyncProgressCallback *callback = nullptr;
        if (!request && fault("null")) crash();
        if (!request) return E_POINTER;
        if (request->ulSize < sizeof *request || !request->phSyncDoneEvent) return E_INVALIDARG;
        *request->phSyncDoneEvent = nullptr;
        if (request->punkCallBack) {
            HRESULT code = request->punkCallBack->QueryInterface(IID_IMAPISyncProgressCallback,
                                                                 reinterpret_cast<void **>(&callback));
            if (FAILED(code)) return code;
        }
        Job *job = new Job;
        job->callback = callback;
        // The callback may close the event as soon as the thread runs, so it is stored first.
        *request->phSyncDoneEvent = job->event = event_new(&job->owner);
        if (thread_start(work, job)) return S_OK;
        event_signal(job->owner);
        event_close(job->event);
        *request->phSyncDoneEvent = nullptr;
        if (callback) callback->Release();
        delete job;
        return E_OUTOFMEMORY;
    }

  private:
    ~Provider() = default;
    std::atomic<ULONG> count{1}, calls{0};
};

EXPORT HRESULT STDMETHODCALLTYPE CreateMapiSync(REFIID riid, void **ppv) {
    if (fault("create")) crash();
    Provider *provider = new Provider;
    HRESULT code = provider->QueryInterface(riid, ppv);
    provider->Release();
    return code;
}
