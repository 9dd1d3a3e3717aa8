// A store provider that records what is set. It is written with mingw's headers, and stands in for
// Outlook's PST provider.

#include "recording.h"

namespace {

CRITICAL_SECTION lock;
std::string log_text;
LPALLOCATEBUFFER allocate;
unsigned calls;

void note(const std::string &line) {
    EnterCriticalSection(&lock);
    log_text += line + "\n";
    LeaveCriticalSection(&lock);
}

size_t take_log(char *buffer, size_t size) {
    EnterCriticalSection(&lock);
    size_t length = log_text.size() < size ? log_text.size() : size;
    log_text.copy(buffer, length);
    log_text.clear();
    calls = 0;
    LeaveCriticalSection(&lock);
    return length;
}

StandIn control = {take_log, nullptr, S_OK, false, nullptr, 0, nullptr, nullptr};

bool fails(const char *method) { return control.failing && std::string(control.failing) == method; }

HRESULT record(const std::string &call) {
    note(call);
    return code_of(++calls);
}

// Text on one line.
std::string line(const std::string &text) {
    std::string out;
    for (char c : text) out += c == '\n' ? std::string("\\n") : std::string(1, c);
    return out;
}

std::string value(const SPropValue &property) {
    char tag[16];
    std::snprintf(tag, sizeof tag, "%08lX ", property.ulPropTag);
    std::string text = tag;
    switch (PROP_TYPE(property.ulPropTag)) {
    case PT_LONG: return text + std::to_string(property.Value.l);
    case PT_UNICODE: return text + line(utf8(property.Value.lpszW));
    case PT_BINARY: return text + line(std::string((const char *)property.Value.bin.lpb, property.Value.bin.cb));
    case PT_SYSTIME: {
        FILETIME time = property.Value.ft;
        uint64_t intervals = (uint64_t)time.dwHighDateTime << 32 | time.dwLowDateTime;
        return text + std::to_string(intervals / 10000000 - 11644473600ULL);
    }
    default: return text + "of another type";
    }
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
template <class I> class UnsupportedProp : public Object<I> {
  public:
    using Object<I>::Object;
    MAPI_IMAPIPROP_METHODS({ return MAPI_E_NO_SUPPORT; })
};
class UnsupportedFolder : public UnsupportedProp<IMAPIFolder> {
  public:
    using UnsupportedProp::UnsupportedProp;
    MAPI_IMAPICONTAINER_METHODS({ return MAPI_E_NO_SUPPORT; })
    MAPI_IMAPIFOLDER_METHODS({ return MAPI_E_NO_SUPPORT; })
};
class UnsupportedMessage : public UnsupportedProp<IMessage> {
  public:
    using UnsupportedProp::UnsupportedProp;
    MAPI_IMESSAGE_METHODS({ return MAPI_E_NO_SUPPORT; })
};
class UnsupportedLogon : public Object<IMSLogon> {
  public:
    using Object::Object;
    MAPI_IMSLOGON_METHODS({ return MAPI_E_NO_SUPPORT; })
};
#pragma GCC diagnostic pop

class Message final : public UnsupportedMessage {
  public:
    Message() : UnsupportedMessage(&control.objects, IID_IMessage, IID_IMAPIProp) {}
    HRESULT STDMETHODCALLTYPE SetProps(ULONG count, LPSPropValue values, LPSPropProblemArray *) override {
        if (fails("SetProps")) return control.code;
        for (ULONG i = 0; i < count; i++) text += "  " + value(values[i]) + "\n";
        return S_OK;
    }
    HRESULT STDMETHODCALLTYPE ModifyRecipients(ULONG flags, LPADRLIST list) override {
        if (fails("ModifyRecipients") || flags != MODRECIP_ADD) return control.code;
        for (ULONG i = 0; i < list->cEntries; i++) {
            text += "  recipient";
            for (ULONG n = 0; n < list->aEntries[i].cValues; n++) text += ", " + value(list->aEntries[i].rgPropVals[n]);
            text += "\n";
        }
        return S_OK;
    }
    HRESULT STDMETHODCALLTYPE SaveChanges(ULONG) override {
        if (fails("SaveChanges")) return control.code;
        note("message\n" + text.substr(0, text.size() - 1));
        return S_OK;
    }

  private:
    std::string text;
};

class Folder final : public UnsupportedFolder {
  public:
    Folder() : UnsupportedFolder(&control.objects, IID_IMAPIFolder, IID_IMAPIProp) {}
    HRESULT STDMETHODCALLTYPE CreateMessage(LPCIID, ULONG, LPMESSAGE *message) override {
        if (control.arrived) {
            SetEvent(control.arrived);
            WaitForSingleObject(control.release, 10000);
        }
        if (fails("CreateMessage")) return control.code;
        *message = new Message;
        return S_OK;
    }
};

const char INBOX[] = "the inbox of the stand-in";

// Records all calls. `Store` below does more if they are not recorded.
class RecordingStore : public Object<IMsgStore> {
  public:
    using Object::Object;
#define SLOT(name, parameters, ...) \
    HRESULT STDMETHODCALLTYPE name parameters override { return record(call_text(#name, __VA_ARGS__)); }
    IMAPIPROP_SLOTS(SLOT)
    IMSGSTORE_SLOTS(SLOT)
#undef SLOT
};

class Store final : public RecordingStore {
  public:
    Store() : RecordingStore(&control.objects, IID_IMsgStore, IID_IMAPIProp) {}
    HRESULT STDMETHODCALLTYPE QueryInterface(REFIID riid, void **ppv) override {
        // An interface that only this store has.
        return RecordingStore::QueryInterface(riid == IID_IMAPISup ? IID_IMsgStore : riid, ppv);
    }
    HRESULT STDMETHODCALLTYPE GetReceiveFolder(LPTSTR name, ULONG flags, ULONG *size, LPENTRYID *id, LPTSTR *folder_class) override {
        if (control.recording) return RecordingStore::GetReceiveFolder(name, flags, size, id, folder_class);
        if (fails("GetReceiveFolder")) return control.code;
        note(std::string("GetReceiveFolder ") + name);
        void *buffer = nullptr;
        if (allocate(sizeof INBOX, &buffer) != S_OK) return MAPI_E_NOT_ENOUGH_MEMORY;
        memcpy(buffer, INBOX, sizeof INBOX);
        *size = sizeof INBOX;
        *id = (LPENTRYID)buffer;
        return S_OK;
    }
    HRESULT STDMETHODCALLTYPE OpenEntry(ULONG size, LPENTRYID id, LPCIID iid, ULONG flags, ULONG *type, LPUNKNOWN *unknown) override {
        if (control.recording) return RecordingStore::OpenEntry(size, id, iid, flags, type, unknown);
        if (fails("OpenEntry")) return control.code;
        if (size != sizeof INBOX || memcmp(id, INBOX, size) || *iid != IID_IMAPIFolder) return MAPI_E_INVALID_ENTRYID;
        note("OpenEntry " + std::to_string(flags));
        *type = MAPI_FOLDER;
        *unknown = new Folder;
        return S_OK;
    }
    HRESULT STDMETHODCALLTYPE StoreLogoff(ULONG *flags) override {
        if (control.recording) return RecordingStore::StoreLogoff(flags);
        note("StoreLogoff " + std::to_string(*flags));
        *flags = LOGOFF_COMPLETE;
        return S_OK;
    }
};

class Provider final : public Object<IMSProvider> {
  public:
    Provider() : Object(&control.objects, IID_IMSProvider) {}
    HRESULT STDMETHODCALLTYPE Shutdown(ULONG *flags) override {
        note("Shutdown " + std::to_string(*flags));
        return S_OK;
    }
    HRESULT STDMETHODCALLTYPE Logon(LPMAPISUP support, ULONG window, LPTSTR profile, ULONG size, LPENTRYID id, ULONG flags,
                                    LPCIID iid, ULONG *security_size, LPBYTE *security, LPMAPIERROR *error, LPMSLOGON *logon,
                                    LPMDB *store) override {
        note(call_text("Logon", window, profile, size, id, flags, iid, security_size, security, error));
        return log_on(support, logon, store);
    }
    HRESULT STDMETHODCALLTYPE SpoolerLogon(LPMAPISUP support, ULONG window, LPTSTR profile, ULONG size, LPENTRYID id,
                                           ULONG flags, LPCIID iid, ULONG security_size, LPBYTE security, LPMAPIERROR *error,
                                           LPMSLOGON *logon, LPMDB *store) override {
        note(call_text("SpoolerLogon", window, profile, size, id, flags, iid, security_size, security, error));
        return log_on(support, logon, store);
    }
    HRESULT STDMETHODCALLTYPE CompareStoreIDs(ULONG size1, LPENTRYID id1, ULONG size2, LPENTRYID id2, ULONG flags,
                                              ULONG *result) override {
        return record(call_text("CompareStoreIDs", size1, id1, size2, id2, flags, result));
    }

  private:
    HRESULT log_on(LPMAPISUP support, LPMSLOGON *logon, LPMDB *store) {
        if (control.support) control.support->Release();
        support->AddRef();
        control.support = support;
        *logon = new UnsupportedLogon(&control.objects, IID_IMSLogon);
        *store = new Store;
        return S_OK;
    }
};

} // namespace

extern "C" {

__declspec(dllexport) StandIn *stand_in() { return &control; }

__declspec(dllexport) HRESULT __cdecl MSProviderInit(HINSTANCE instance, LPMALLOC, LPALLOCATEBUFFER buffer, LPALLOCATEMORE,
                                                    LPFREEBUFFER, ULONG flags, ULONG mapi, ULONG *version,
                                                    LPMSPROVIDER *provider) {
    static bool once = (InitializeCriticalSection(&lock), true);
    (void)once;
    allocate = buffer;
    bool own = GetProcAddress(instance, "stand_in") == (FARPROC)(void *)stand_in;
    note(call_text("MSProviderInit", flags, mapi) + (own ? ", with its own handle" : ", with another handle"));
    *version = CURRENT_SPI_VERSION;
    *provider = new Provider;
    return S_OK;
}

__declspec(dllexport) HRESULT WINAPI NSTServiceEntry(HINSTANCE, LPMALLOC, LPMAPISUP support, ULONG window, ULONG flags,
                                                    ULONG context, ULONG count, LPSPropValue values,
                                                    LPPROVIDERADMIN admin, LPMAPIERROR *) {
    note(call_text("NSTServiceEntry", window, flags, context, count) + (admin ? ", with an admin" : ""));
    for (ULONG i = 0; i < count; i++) note("  " + value(values[i]).substr(0, 8));
    return support ? S_OK : E_POINTER;
}
}
