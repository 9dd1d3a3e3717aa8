// A host that plays MAPI and Outlook. It is written with mingw's headers, loads the provider as MAPI
// does, and prints what happens. Usage: host PROVIDER INNER MAILDIR STATE

#include "recording.h"
#include "mapisync.h"
#include <cstdio>
#include <tuple>

namespace {

volatile LONG objects, buffers, initialized, uninitialized;
std::string log_text; // the calls of the support object
unsigned calls;
const char *inner_library, *maildir, *state;
const ULONG PR_INNER_LIBRARY = PROP_TAG(PT_UNICODE, 0x6680);

// --- MAPI's allocator ---

// Each block begins with a pointer to the next one that belongs to it.
struct Block {
    Block *next;
    ULONG64 data[1];
};

Block *block(ULONG size) {
    auto *made = (Block *)malloc(sizeof(Block) + size);
    made->next = nullptr;
    memset(made->data, 0xDD, size);
    return made;
}
Block *block_of(void *buffer) { return (Block *)((char *)buffer - offsetof(Block, data)); }

SCODE WINAPI allocate_buffer(ULONG size, LPVOID *buffer) {
    InterlockedIncrement(&buffers);
    *buffer = block(size)->data;
    return S_OK;
}
SCODE WINAPI allocate_more(ULONG size, LPVOID object, LPVOID *buffer) {
    Block *made = block(size);
    made->next = block_of(object)->next;
    block_of(object)->next = made;
    *buffer = made->data;
    return S_OK;
}
ULONG WINAPI free_buffer(LPVOID buffer) {
    if (!buffer) return 0;
    InterlockedDecrement(&buffers);
    for (Block *next, *one = block_of(buffer); one; one = next) {
        next = one->next;
        free(one);
    }
    return 0;
}

// --- MAPI's objects ---

HRESULT record(const std::string &call) {
    log_text += call + "\n";
    return code_of(++calls);
}

std::wstring wide(const char *text) {
    std::wstring out(MultiByteToWideChar(CP_UTF8, 0, text, -1, nullptr, 0), L'\0');
    MultiByteToWideChar(CP_UTF8, 0, text, -1, &out[0], (int)out.size());
    return out;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
class UnsupportedSection : public Object<IProfSect> {
  public:
    using Object::Object;
    MAPI_IMAPIPROP_METHODS({ return MAPI_E_NO_SUPPORT; })
};
class UnsupportedAdmin : public Object<IProviderAdmin> {
  public:
    using Object::Object;
    MAPI_IPROVIDERADMIN_METHODS({ return MAPI_E_NO_SUPPORT; })
};
#pragma GCC diagnostic pop

class Section final : public UnsupportedSection {
  public:
    Section() : UnsupportedSection(&objects, IID_IProfSect, IID_IMAPIProp) {}
    HRESULT STDMETHODCALLTYPE GetProps(LPSPropTagArray tags, ULONG, ULONG *count, LPSPropValue *values) override {
        const char *strings[] = {inner_library, maildir, state};
        *count = tags ? tags->cValues : 3;
        void *buffer = nullptr, *text = nullptr;
        allocate_buffer(*count * sizeof(SPropValue), &buffer);
        *values = (LPSPropValue)buffer;
        HRESULT result = S_OK;
        for (ULONG i = 0; i < *count; i++) {
            ULONG index = (tags ? PROP_ID(tags->aulPropTag[i]) : 0x6680 + i) - 0x6680;
            SPropValue &value = (*values)[i];
            if (index > 2) {
                value.ulPropTag = PROP_TAG(PT_ERROR, PROP_ID(tags->aulPropTag[i]));
                value.Value.err = MAPI_E_NOT_FOUND;
                result = MAPI_W_ERRORS_RETURNED;
                continue;
            }
            std::wstring string = wide(strings[index]);
            allocate_more(string.size() * sizeof(WCHAR), buffer, &text);
            memcpy(text, string.data(), string.size() * sizeof(WCHAR));
            value.ulPropTag = PR_INNER_LIBRARY + (index << 16);
            value.Value.lpszW = (LPWSTR)text;
        }
        return result;
    }
    HRESULT STDMETHODCALLTYPE SaveChanges(ULONG flags) override {
        std::printf("the section is saved, flags %lu\n", flags);
        return S_OK;
    }
};

// Records all calls. `Support` below does more.
class RecordingSupport : public Object<IMAPISupport> {
  public:
    using Object::Object;
#define SLOT(name, parameters, ...) \
    HRESULT STDMETHODCALLTYPE name parameters override { return record(call_text(#name, __VA_ARGS__)); }
    IMAPISUPPORT_SLOTS(SLOT)
#undef SLOT
};

class Support final : public RecordingSupport {
  public:
    bool recording = false;
    Support() : RecordingSupport(&objects, IID_IMAPISup) {}
    HRESULT STDMETHODCALLTYPE OpenProfileSection(LPMAPIUID uid, ULONG flags, LPPROFSECT *section) override {
        if (recording) return RecordingSupport::OpenProfileSection(uid, flags, section);
        *section = new Section;
        return S_OK;
    }
    HRESULT STDMETHODCALLTYPE GetMemAllocRoutines(LPALLOCATEBUFFER *buffer, LPALLOCATEMORE *more, LPFREEBUFFER *free) override {
        if (recording) return RecordingSupport::GetMemAllocRoutines(buffer, more, free);
        *buffer = allocate_buffer, *more = allocate_more, *free = free_buffer;
        return S_OK;
    }
};

class Admin final : public UnsupportedAdmin {
  public:
    Admin() : UnsupportedAdmin(&objects, IID_IProviderAdmin) {}
    HRESULT STDMETHODCALLTYPE OpenProfileSection(LPMAPIUID, LPCIID, ULONG, LPPROFSECT *section) override {
        *section = new Section;
        return S_OK;
    }
};

// --- Outlook's callback ---

class Dialog final : public Object<IMAPISyncProgressCallback> {
  public:
    long cancel_at;
    HRESULT status = E_UNEXPECTED;
    explicit Dialog(long cancel_at) : Object(&objects, IID_IMAPISyncProgressCallback), cancel_at(cancel_at) {}
    HRESULT STDMETHODCALLTYPE Progress(const WCHAR *step, ULONG index, ULONG max) override {
        std::printf("  %s, %lu of %lu\n", step ? utf8(step).c_str() : "-", index, max);
        return cancel_at-- == 0 ? MAPI_E_USER_CANCEL : S_OK;
    }
    HRESULT STDMETHODCALLTYPE Error(HRESULT code, const WCHAR *message) override {
        std::printf("  error 0x%08lX %s\n", code, utf8(message).c_str());
        return S_OK;
    }
    HRESULT STDMETHODCALLTYPE Done(HANDLE event, HRESULT result) override {
        handle = event;
        status = result;
        return S_OK;
    }
    HANDLE handle = nullptr;
};

// A run: `start` returns the code of the call, and `finish` waits for the end.
struct Run {
    Dialog *dialog;
    HANDLE event = nullptr;
    explicit Run(long cancel_at = -1) : dialog(new Dialog(cancel_at)) {}
    ~Run() { dialog->Release(); }
    HRESULT start(IMAPISync *sync) {
        MAPISIB request = {};
        request.ulSize = sizeof request;
        request.ulFlags = SYNC_DOWNLOAD_CONTENTS;
        request.punkCallBack = dialog;
        request.phSyncDoneEvent = &event;
        return sync->SynchronizeInBackground(&request);
    }
    void finish() {
        bool ended = event && WaitForSingleObject(event, 10000) == WAIT_OBJECT_0;
        std::printf("  done 0x%08lX%s\n", dialog->status, ended ? "" : ", without the event");
        if (dialog->handle) CloseHandle(dialog->handle);
    }
};

// --- the slots ---

template <class T> T value(unsigned number) {
    if constexpr (std::is_pointer_v<T>)
        return reinterpret_cast<T>((uintptr_t)number);
    else
        return (T)number;
}

unsigned increased(unsigned &number) { return ++number; }

// Calls a method with distinct values. Returns the call as text. The code must be that of the call.
template <class I, class... A>
std::string call(I *object, HRESULT (STDMETHODCALLTYPE I::*method)(A...), const char *name, unsigned number) {
    unsigned next = number << 8;
    std::tuple<A...> arguments{value<A>(increased(next))...};
    HRESULT result = std::apply([&](A... each) { return (object->*method)(each...); }, arguments);
    if (result != code_of(number)) std::printf("%s returned 0x%08lX\n", name, result);
    return std::apply([&](A... each) { return call_text(name, each...); }, arguments) + "\n";
}

void compare(const char *interface_name, unsigned count, const std::string &made, const std::string &seen) {
    std::printf("%s: %u slots, %s\n", interface_name, count, made == seen ? "all arrive" : "DIFFERENT");
    if (made != seen) std::printf("made\n%sseen\n%s", made.c_str(), seen.c_str());
}

StandIn *inner;

std::string inner_log() {
    std::string text(1 << 16, '\0');
    text.resize(inner->take_log(&text[0], text.size()));
    return text;
}

void print_inner() { std::printf("%s", inner_log().c_str()); }

template <class I> I *request(IUnknown *object, REFIID iid) {
    void *out = nullptr;
    object->QueryInterface(iid, &out);
    return static_cast<I *>(out);
}

// Whether two pointers lead to one object.
const char *same(IUnknown *one, IUnknown *other) {
    auto *a = request<IUnknown>(one, IID_IUnknown), *b = request<IUnknown>(other, IID_IUnknown);
    bool equal = a == b;
    a->Release(), b->Release();
    return equal ? "the same" : "another";
}

void slots(Support *support, IMsgStore *store) {
    std::string made;
    unsigned count = 0;
    inner->recording = true;
#define SLOT(name, parameters, ...)                                                                                    \
    if (std::string(#name) != "StoreLogoff") {                                                                         \
        ++count;                                                                                                       \
        made += call(store, &IMsgStore::name, #name, count);                                                           \
    }
    IMAPIPROP_SLOTS(SLOT)
    IMSGSTORE_SLOTS(SLOT)
#undef SLOT
    compare("IMsgStore", count + 1, made, inner_log());
    inner->recording = false;

    // The inner provider calls the support object.
    made.clear(), log_text.clear();
    count = calls = 0;
    support->recording = true;
    MAPIUID uid = {{7}};
    LPPROFSECT section = nullptr;
    IMAPISupport *wrapped = inner->support;
#define SLOT(name, parameters, ...)                                                                                    \
    ++count;                                                                                                           \
    if (std::string(#name) == "OpenProfileSection") {                                                                  \
        made += call_text("OpenProfileSection", &uid, 5, &section) + "\n";                                             \
        wrapped->OpenProfileSection(&uid, 5, &section);                                                                \
    } else {                                                                                                           \
        made += call(wrapped, &IMAPISupport::name, #name, count);                                                      \
    }
    IMAPISUPPORT_SLOTS(SLOT)
#undef SLOT
    compare("IMAPISupport", count, made, log_text);
    support->recording = false;
}

void run(const char *title, IMAPISync *sync, long cancel_at = -1) {
    std::printf("%s\n", title);
    Run one(cancel_at);
    HRESULT code = one.start(sync);
    if (FAILED(code)) std::printf("  refused 0x%08lX\n", code);
    else one.finish();
    print_inner();
}

// Calls both entry points so often that the stack overflows, or is overwritten, if one of them has the
// wrong calling convention. On 32-bit x86, one leaves its arguments to the caller and one removes them.
void conventions(MSPROVIDERINIT *init, LPMSGSERVICEENTRY entry) {
    ULONG version;
    LPMSPROVIDER provider;
    for (int i = 0; i < 100000; i++) {
        init(nullptr, nullptr, nullptr, nullptr, nullptr, 0, 0, &version, &provider);
        entry(nullptr, nullptr, nullptr, 0, 0, MSG_SERVICE_INSTALL, 0, nullptr, nullptr, nullptr);
    }
}

DWORD WINAPI let_go(LPVOID event) {
    Sleep(200);
    SetEvent(event);
    return 0;
}

} // namespace

extern "C" {
__declspec(dllexport) HRESULT WINAPI MAPIInitialize(LPVOID) {
    InterlockedIncrement(&initialized);
    return S_OK;
}
__declspec(dllexport) void WINAPI MAPIUninitialize() { InterlockedIncrement(&uninitialized); }
}

int main(int argc, char **argv) {
    if (argc != 5) return 2;
    std::setvbuf(stdout, nullptr, _IONBF, 0);
    inner_library = argv[2], maildir = argv[3], state = argv[4];
    HMODULE library = LoadLibraryA(argv[1]), inner_module = LoadLibraryA(inner_library);
    if (!library || !inner_module) {
        std::printf("a library cannot be loaded\n");
        return 1;
    }
    inner = ((StandIn * (*)())(void *) GetProcAddress(inner_module, "stand_in"))();
    // The names are undecorated, on 32-bit x86 too.
    auto init = (MSPROVIDERINIT *)(void *)GetProcAddress(library, "MSProviderInit");
    auto entry = (LPMSGSERVICEENTRY)(void *)GetProcAddress(library, "ServiceEntry");
    if (!init || !entry) {
        std::printf("an export is missing\n");
        return 1;
    }

    conventions(init, entry);
    ULONG version = 0, flags = 0, security_size = 0;
    LPMSPROVIDER provider = nullptr, second = nullptr;
    auto initialize = [&](ULONG mapi, LPMSPROVIDER *out) {
        return init(library, nullptr, allocate_buffer, allocate_more, free_buffer, 0, mapi, &version, out);
    };
    std::printf("too old 0x%08lX\n", initialize(CURRENT_SPI_VERSION - 1, &provider));
    std::printf("no out parameter 0x%08lX\n", initialize(CURRENT_SPI_VERSION, nullptr));
    std::printf("MSProviderInit 0x%08lX", initialize(CURRENT_SPI_VERSION, &provider));
    std::printf(" 0x%08lX, version 0x%08lX\n", initialize(CURRENT_SPI_VERSION, &second), version);
    std::printf("the second provider is %s\n", same(provider, second));

    auto *support = new Support;
    LPBYTE security = nullptr;
    LPMAPIERROR error = nullptr;
    LPMSLOGON logon = nullptr, other_logon = nullptr;
    LPMDB store = nullptr, spooler = nullptr;
    HRESULT code = provider->Logon(support, 1, (LPTSTR)2, 3, (LPENTRYID)4, 5, nullptr, &security_size, &security, &error,
                                   &logon, &store);
    std::printf("Logon 0x%08lX\n", code);
    std::string text = inner_log();
    std::printf("%s\n", text.substr(0, text.find("Logon ") + 15).c_str());
    code = second->SpoolerLogon(support, 1, (LPTSTR)2, 3, (LPENTRYID)4, 5, nullptr, 6, (LPBYTE)7, (LPMAPIERROR *)8,
                                &other_logon, &spooler);
    std::printf("SpoolerLogon 0x%08lX\n", code);
    print_inner();
    code = provider->CompareStoreIDs(1, (LPENTRYID)2, 3, (LPENTRYID)4, 5, (ULONG *)6);
    std::printf("CompareStoreIDs 0x%08lX\n", code);
    print_inner();

    auto *sync = request<IMAPISync>(store, IID_IMAPISync);
    auto *back = request<IMsgStore>(sync, IID_IMsgStore);
    auto *prop = request<IMAPIProp>(sync, IID_IMAPIProp);
    auto *foreign = request<IUnknown>(store, IID_IMAPISup);
    std::printf("IMsgStore is %s, IMAPIProp is %s, the inner store's interface is %s\n", same(back, store),
                same(prop, store), same(foreign, store));
    std::printf("IMAPISync of that one: %s\n", request<IMAPISync>(foreign, IID_IMAPISync) ? "yes" : "no");
    back->Release(), prop->Release(), foreign->Release();
    slots(support, store);

    run("a run", sync);
    run("nothing new", sync);
    DeleteFileA(state);
    run("canceled", sync, 2);
    DeleteFileA(state);
    const char *failing[] = {"GetReceiveFolder", "OpenEntry", "CreateMessage", "SetProps", "ModifyRecipients", "SaveChanges"};
    for (const char *method : failing) {
        inner->failing = method, inner->code = MAPI_E_DISK_ERROR;
        run(method, sync);
    }
    inner->failing = nullptr;

    inner->arrived = CreateEventA(nullptr, FALSE, FALSE, nullptr);
    inner->release = CreateEventA(nullptr, FALSE, FALSE, nullptr);
    {
        std::printf("two at once\n");
        Run first, other;
        first.start(sync);
        WaitForSingleObject(inner->arrived, 10000);
        std::printf("  refused 0x%08lX\n", other.start(sync));
        HANDLE arrived = inner->arrived;
        inner->arrived = nullptr;
        SetEvent(inner->release);
        first.finish();
        inner->arrived = arrived;
        inner_log();
        DeleteFileA(state);
    }
    {
        std::printf("logoff\n");
        Run last;
        last.start(sync);
        WaitForSingleObject(inner->arrived, 10000);
        HANDLE thread = CreateThread(nullptr, 0, let_go, inner->release, 0, nullptr);
        code = store->StoreLogoff(&flags);
        std::printf("  StoreLogoff 0x%08lX, flags 0x%lX\n", code, flags);
        last.finish();
        text = inner_log();
        size_t messages = 0;
        for (size_t at = 0; (at = text.find("message\n", at)) != std::string::npos; at++) messages++;
        std::printf("  %zu message, then %s", messages, text.substr(text.rfind("StoreLogoff")).c_str());
        WaitForSingleObject(thread, 10000);
        CloseHandle(thread);
    }
    inner->arrived = nullptr;
    run("after the logoff", sync);

    std::printf("ServiceEntry 0x%08lX", entry(library, nullptr, nullptr, 0, 0, MSG_SERVICE_INSTALL, 0, nullptr, nullptr, &error));
    std::printf(" 0x%08lX\n", entry(library, nullptr, support, 0, 0, MSG_SERVICE_CREATE, 0, nullptr, nullptr, &error));
    auto *admin = new Admin;
    code = entry(library, nullptr, support, 1, 2, MSG_SERVICE_CREATE, 0, nullptr, admin, &error);
    std::printf("ServiceEntry 0x%08lX\n", code);
    print_inner();
    std::printf("left: admin %lu,", admin->Release());

    std::printf(" sync %lu,", sync->Release());
    std::printf(" store %lu,", store->Release());
    std::printf(" spooler %lu,", spooler->Release());
    logon->Release(), other_logon->Release();
    flags = 3;
    code = provider->Shutdown(&flags);
    std::printf(" provider %lu,", provider->Release());
    std::printf(" second %lu,", second->Release());
    inner->support->Release();
    std::printf(" support %lu\n", support->Release());
    std::printf("Shutdown 0x%08lX\n", code);
    print_inner();
    std::printf("objects %ld and %ld, buffers %ld\n", objects, inner->objects, buffers);
    std::printf("MAPIInitialize %ld, MAPIUninitialize %ld\n", initialized, uninitialized);
    BOOL freed = FreeLibrary(library);
    std::printf("FreeLibrary %d, the library is %s\n", freed, GetModuleHandleA("wrapped_store32.dll") ? "pinned" : "gone");
    return 0;
}
