// A host in C++, in the role of Outlook: it loads a library that exports CreateMapiSync, starts a
// synchronization, shows its progress, and unloads the library.
//
//   g++ -std=c++17 -I src/abi examples/cpp_host/main.cpp -o cpp_host -ldl
//   cargo build -p provider_dll
//   MAPISYNC_SERVER=… MAPISYNC_LOCAL=… ./cpp_host target/debug/libprovider_dll.so
//
// Ctrl-C asks the store to stop. The exit code is 0 for success, 1 for a failure, and 130 if the
// user canceled.

#include "mapisync.h"
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#if defined(_WIN32)
#define MAPI_E_USER_CANCEL ((HRESULT)0x80040113) // as in <mapicode.h>, which the Windows SDK lacks
#else
#include <dlfcn.h>
#include <poll.h>
#include <unistd.h>
#endif

namespace {

// A signal handler may set it, because it is lock-free.
std::atomic<bool> canceled{false};

void on_signal(int) { canceled = true; }

std::string utf8(const MAPISYNC_CHAR *string) {
    std::string out;
    for (; string && *string; string++) {
        unsigned long c = static_cast<unsigned short>(*string);
        if (c >= 0xD800 && c < 0xDC00 && string[1] >= 0xDC00 && string[1] < 0xE000)
            c = 0x10000 + ((c - 0xD800) << 10) + (static_cast<unsigned short>(*++string) - 0xDC00UL);
        else if (c >= 0xD800 && c < 0xE000)
            c = 0xFFFD; // an unpaired surrogate
        auto byte = [&](unsigned long bits) { out += static_cast<char>(bits); };
        if (c < 0x80) {
            byte(c);
        } else if (c < 0x800) {
            byte(0xC0 | c >> 6), byte(0x80 | (c & 0x3F));
        } else if (c < 0x10000) {
            byte(0xE0 | c >> 12), byte(0x80 | (c >> 6 & 0x3F)), byte(0x80 | (c & 0x3F));
        } else {
            byte(0xF0 | c >> 18), byte(0x80 | (c >> 12 & 0x3F)), byte(0x80 | (c >> 6 & 0x3F)), byte(0x80 | (c & 0x3F));
        }
    }
    return out;
}

// The callback. The store calls it on another thread.
class Dialog final : public IMAPISyncProgressCallback {
  public:
    std::atomic<HRESULT> status{E_UNEXPECTED};

    HRESULT STDMETHODCALLTYPE QueryInterface(REFIID riid, void **ppv) override {
        if (!ppv) return E_POINTER;
        *ppv = nullptr;
        if (!IsEqualGUID(riid, IID_IUnknown) && !IsEqualGUID(riid, IID_IMAPISyncProgressCallback)) return E_NOINTERFACE;
        AddRef();
        *ppv = static_cast<IMAPISyncProgressCallback *>(this);
        return S_OK;
    }
    ULONG STDMETHODCALLTYPE AddRef() override { return ++count; }
    ULONG STDMETHODCALLTYPE Release() override {
        ULONG left = --count;
        if (left == 0) delete this;
        return left;
    }
    HRESULT STDMETHODCALLTYPE Progress(const MAPISYNC_CHAR *step, ULONG index, ULONG max) override {
        if (step) std::printf("%s: %lu of %lu\n", utf8(step).c_str(), (unsigned long)index, (unsigned long)max);
        return canceled ? MAPI_E_USER_CANCEL : S_OK;
    }
    HRESULT STDMETHODCALLTYPE Error(HRESULT code, const MAPISYNC_CHAR *message) override {
        std::fprintf(stderr, "0x%08lX: %s\n", (unsigned long)code & 0xFFFFFFFFUL, utf8(message).c_str());
        return S_OK;
    }
    HRESULT STDMETHODCALLTYPE Done(HANDLE, HRESULT result) override {
        status = result; // `main` waits for the event and closes it
        return S_OK;
    }

  private:
    std::atomic<ULONG> count{1};
    ~Dialog() = default;
};

#if defined(_WIN32)
using Library = HMODULE;
Library load(const char *path) { return LoadLibraryA(path); }
void *symbol(Library library, const char *name) { return reinterpret_cast<void *>(GetProcAddress(library, name)); }
void unload(Library library) { FreeLibrary(library); }
void wait(HANDLE event) { WaitForSingleObject(event, INFINITE); }
void close_event(HANDLE event) { CloseHandle(event); }
#else
using Library = void *;
Library load(const char *path) { return dlopen(path, RTLD_NOW | RTLD_LOCAL); }
void *symbol(Library library, const char *name) { return dlsym(library, name); }
void unload(Library library) { dlclose(library); }
int descriptor(HANDLE event) { return static_cast<int>(reinterpret_cast<intptr_t>(event)); }
void wait(HANDLE event) {
    pollfd entry = {descriptor(event), POLLIN, 0};
    while (poll(&entry, 1, -1) < 0 && errno == EINTR) { // Ctrl-C interrupts it
    }
    if (entry.revents == 0 || entry.revents & POLLNVAL) {
        std::fprintf(stderr, "the event cannot be waited for\n");
        std::exit(1);
    }
}
void close_event(HANDLE event) { close(descriptor(event)); }
#endif

} // namespace

int main(int argc, char **argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: %s LIBRARY\n", argv[0]);
        return 2;
    }
    std::signal(SIGINT, on_signal);
    std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ); // each line is written at once, to a pipe too
    Library library = load(argv[1]);
    auto create = library ? reinterpret_cast<PCREATEMAPISYNC>(symbol(library, "CreateMapiSync")) : nullptr;
    if (!create) {
        std::fprintf(stderr, "%s: no library that exports CreateMapiSync\n", argv[1]);
        return 1;
    }

    void *out = nullptr;
    HANDLE event = nullptr;
    HRESULT result = create(IID_IMAPISync, &out);
    if (SUCCEEDED(result)) {
        auto *sync = static_cast<IMAPISync *>(out);
        auto *dialog = new Dialog;
        MAPISIB request = {};
        request.ulSize = sizeof request;
        request.ulFlags = SYNC_DOWNLOAD_HIERARCHY | SYNC_DOWNLOAD_CONTENTS | SYNC_ON_DEMAND;
        request.punkCallBack = dialog;
        request.phSyncDoneEvent = &event;
        result = sync->SynchronizeInBackground(&request);
        if (SUCCEEDED(result)) {
            if (event) wait(event);
            result = dialog->status;
        }
        dialog->Release();
        sync->Release();
    }
    std::printf("ended with 0x%08lX\n", (unsigned long)result & 0xFFFFFFFFUL);
    if (event) close_event(event);
    unload(library); // the library must allow this while its thread is still returning
    if (result == MAPI_E_USER_CANCEL) return 130;
    return SUCCEEDED(result) ? 0 : 1;
}
