// A store provider in C++ as its author writes it, in a library that exports CreateMapiSync. It keeps
// every rule of the conformance kit. The environment variable MAPISYNC_PROVIDER_FAULT makes it crash or
// hang: "create", "run", "null" (at a NULL MAPISIB), "release"; "hang" in the second QueryInterface.
#include "mapisync.h"
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

// The done event. On Windows it is a manual-reset event. On Unix it is one end of a pipe, which becomes
// readable when the other end is closed. The owner signals it.
#if defined(_WIN32)
typedef HANDLE Owner;
static HANDLE new_event(Owner *owner) {
    HANDLE event = CreateEventW(nullptr, TRUE, FALSE, nullptr);
    DuplicateHandle(GetCurrentProcess(), event, GetCurrentProcess(), owner, 0, FALSE, DUPLICATE_SAME_ACCESS);
    return event;
}
static void signal_event(Owner owner) {
    SetEvent(owner);
    CloseHandle(owner);
}
// The threads of winpthreads keep handles for later threads.
static void start_thread(DWORD(WINAPI *work)(void *), void *argument) {
    CloseHandle(CreateThread(nullptr, 0, work, argument, 0, nullptr));
}
#define THREAD DWORD WINAPI
#else
#include <fcntl.h>
#include <unistd.h>
typedef int Owner;
static HANDLE new_event(Owner *owner) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) std::abort();
    int event = fcntl(ends[0], F_DUPFD_CLOEXEC, 3); // never 0, which would be NULL
    close(ends[0]);
    *owner = ends[1];
    return (HANDLE)(intptr_t)event;
}
static void signal_event(Owner owner) { close(owner); }
static void start_thread(void *(*work)(void *), void *argument) { std::thread(work, argument).detach(); }
#define THREAD void *
#endif

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
    Owner owner;
};

static THREAD work(void *argument) {
    static const MAPISYNC_CHAR RECEIVING[] = {'R', 'e', 'c', 'e', 'i', 'v', 'i', 'n', 'g', 0};
    const ULONG mails = 20;
    Job job = *static_cast<Job *>(argument);
    delete static_cast<Job *>(argument);
    if (job.callback) {
        HRESULT status = S_OK;
        for (ULONG mail = 1; mail <= mails && SUCCEEDED(status); mail++)
            status = job.callback->Progress(RECEIVING, mail, mails);
        if (fault("run")) crash();
        job.callback->Done(job.event, FAILED(status) ? status : S_OK);
        job.callback->Release();
    }
    signal_event(job.owner);
    return 0;
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
        if (!request && fault("null")) crash();
        if (!request) return E_POINTER;
        if (request->ulSize < sizeof *request || !request->phSyncDoneEvent) return E_INVALIDARG;
        *request->phSyncDoneEvent = nullptr;
        IMAPISyncProgressCallback *callback = nullptr;
        if (request->punkCallBack) {
            HRESULT code = request->punkCallBack->QueryInterface(IID_IMAPISyncProgressCallback,
                                                                 reinterpret_cast<void **>(&callback));
            if (FAILED(code)) return code;
        }
        Job *job = new Job;
        job->callback = callback;
        // The callback may close the event as soon as the thread runs, so it is stored first.
        *request->phSyncDoneEvent = job->event = new_event(&job->owner);
        start_thread(work, job);
        return S_OK;
    }

  private:
    ~Provider() = default;
    std::atomic<ULONG> count{1}, calls{0};
};

#if defined(__MINGW32__)
__declspec(dllexport)
#elif defined(__GNUC__)
__attribute__((visibility("default")))
#endif
HRESULT STDMETHODCALLTYPE CreateMapiSync(REFIID riid, void **ppv) {
#if defined(_MSC_VER) // a function that a header has declared without `dllexport` cannot get it later
#pragma comment(linker, "/EXPORT:" __FUNCTION__ "=" __FUNCDNAME__)
#endif
    if (fault("create")) crash();
    Provider *provider = new Provider;
    HRESULT code = provider->QueryInterface(riid, ppv);
    provider->Release();
    return code;
}
