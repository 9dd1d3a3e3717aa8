/* A host that uses MAPI's interfaces as mingw's <mapidefs.h> and <mapix.h> declare them. It calls an
 * IMsgStore, gets its IMAPISync and from there the IMsgStore again, and runs it with a session. Only
 * Windows has those headers. */
#include <initguid.h>
#define USES_IID_IMAPISession
#define USES_IID_IMsgStore
#define USES_IID_IMAPIProp
#include <mapiguid.h>

// Logs the reference count of an object.
static void counted(Log *log, const char *what, IUnknown *object) { note(log, "%s counts %lu", what, count_of(object)); }

// Requests an interface, into an out parameter that holds neither NULL nor an interface of the object.
// Returns NULL if there is none. It also returns NULL if the count is wrong, because further calls could
// then crash.
template <class Interface> static Interface *request_interface(Log *log, IUnknown *object, REFIID riid, const char *way) {
    void *out = log;
    unsigned long before = count_of(object), after;
    HRESULT code = object->QueryInterface(riid, &out);
    after = count_of(object);
    note(log, "%s -> 0x%08lX, %s, counts %lu", way, (unsigned long)(uint32_t)code, there(out), after);
    return after == before + 1 ? static_cast<Interface *>(out) : nullptr;
}

static void same(Log *log, const char *what, const void *one, const void *other) {
    note(log, "%s %s", what, one == other ? "same" : "another");
}

static unsigned long release_logged(Log *log, const char *what, IUnknown *object) {
    unsigned long left = object->Release();
    note(log, "%s released, left %lu", what, left);
    return left;
}

// An entry identifier with readable bytes. The methods take a pointer to non-const.
static ENTRYID *entry(const char *bytes) { return (ENTRYID *)const_cast<char *>(bytes); }

// A session without support for any method.
class UnsupportedSession : public Object<IMAPISession> {
  public:
    using Object::Object;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
    MAPI_IMAPISESSION_METHODS({ return MAPI_E_NO_SUPPORT; })
#pragma GCC diagnostic pop
};

// A session that supports some methods, among them the first and the last. It is free-threaded, unlike
// MAPI's own.
class Session final : public UnsupportedSession {
  public:
    Session(Log *log, IMsgStore *store) : UnsupportedSession(log, "session", IID_IMAPISession), store(store) {}

    HRESULT STDMETHODCALLTYPE GetLastError(HRESULT result, ULONG flags, LPMAPIERROR *error) override {
        note(log, "session: GetLastError(0x%08lX, %lu)", (unsigned long)(uint32_t)result, flags);
        *error = nullptr;
        return log_count(S_OK);
    }
    HRESULT STDMETHODCALLTYPE OpenMsgStore(ULONG_PTR window, ULONG size, LPENTRYID id, LPCIID iid, ULONG flags,
                                           LPMDB *out) override {
        note(log, "session: OpenMsgStore(%lu, %.*s, %s, %lu)", (unsigned long)window, (int)size, (const char *)id,
             IsEqualGUID(*iid, IID_IMsgStore) ? "IMsgStore" : "another", flags);
        HRESULT code = store->QueryInterface(*iid, (void **)out);
        counted(log, "session: store", store);
        return log_count(code);
    }
    HRESULT STDMETHODCALLTYPE CompareEntryIDs(ULONG size1, LPENTRYID id1, ULONG size2, LPENTRYID id2, ULONG flags,
                                              ULONG *result) override {
        note(log, "session: CompareEntryIDs(%.*s, %.*s, %lu)", (int)size1, (const char *)id1, (int)size2, (const char *)id2,
             flags);
        *result = 5;
        return log_count(S_OK);
    }
    HRESULT STDMETHODCALLTYPE Logoff(ULONG_PTR window, ULONG flags, ULONG reserved) override {
        note(log, "session: Logoff(%lu, %lu, %lu)", (unsigned long)window, flags, reserved);
        return log_count(MAPI_E_BUSY);
    }
    HRESULT STDMETHODCALLTYPE PrepareForm(LPCIID iid, LPMESSAGE message, ULONG *token) override {
        note(log, "session: PrepareForm(%s, %s, %s)", IsEqualGUID(*iid, IID_IMAPISync) ? "IMAPISync" : "another",
             there(message), there(token)); // not written, because it is a ULONG_PTR in Microsoft's header
        return log_count(MAPI_E_NOT_FOUND);
    }

  private:
    HRESULT log_count(HRESULT code) {
        counted(log, "session", this);
        return code;
    }

    IMsgStore *store; // outlives the session
};

// Calls methods from the first vtable slot to the last, each with different arguments and another code.
static void methods(Log *log, IMsgStore *store) {
    MAPIERROR *error = (MAPIERROR *)log;
    returned(log, "GetLastError", store->GetLastError(MAPI_E_NOT_FOUND, 7, &error));
    note(log, "error %s", there(error));
    returned(log, "SaveChanges", store->SaveChanges(9));
    MAPINAMEID name = {}, *names = &name;
    name.ulKind = MNID_ID;
    name.Kind.lID = 1234;
    SPropTagArray *tags = (SPropTagArray *)log;
    returned(log, "GetIDsFromNames", store->GetIDsFromNames(1, &names, 11, &tags));
    note(log, "tags %s", there(tags));
    ULONG result = 99, type = 98, flags = 97;
    returned(log, "CompareEntryIDs", store->CompareEntryIDs(5, entry("inbox"), 3, entry("out"), 13, &result));
    note(log, "result %lu", result);
    IUnknown *opened = (IUnknown *)log;
    returned(log, "OpenEntry", store->OpenEntry(4, entry("root"), &IID_IMAPISync, 17, &type, &opened));
    note(log, "type %lu, opened %s", type, there(opened));
    if (opened) {
        counted(log, "opened", opened);
        release_logged(log, "opened", opened);
    }
    returned(log, "StoreLogoff", store->StoreLogoff(&flags));
    note(log, "flags %lu", flags);
    returned(log, "FinishedMsg", store->FinishedMsg(19, 4, entry("sent")));
    NOTIFICATION news = {};
    news.ulEventType = fnevNewMail;
    news.info.newmail.cbEntryID = 3;
    news.info.newmail.lpEntryID = entry("new");
    returned(log, "NotifyNewMail", store->NotifyNewMail(&news));
}

// Calls IMAPISync's method without a MAPISIB, and measures the stack. A __stdcall method must remove its
// arguments. A caller compiled by g++ survives if it does not, but other callers may crash.
static void without_request(Log *log, IMAPISync *sync) {
    HRESULT code;
#if defined(__i386__)
    long off;
    void *method = (*(void ***)sync)[3];
    asm volatile("movl %%esp, %%esi\n\tpushl $0\n\tpushl %[sync]\n\tcall *%[method]\n\t"
                 "movl %%esp, %%ecx\n\tmovl %%esi, %%esp\n\tsubl %%esi, %%ecx"
                 : "=&a"(code), "=&c"(off)
                 : [sync] "D"(sync), [method] "b"(method)
                 : "edx", "esi", "memory", "cc");
    if (off != 0) note(log, "but the stack pointer is off by %ld", off);
#else
    code = sync->SynchronizeInBackground(nullptr);
#endif
    returned(log, "without a request", code);
}

void foreign_msg_store(Log *log, IUnknown *object) {
    static const GUID UNKNOWN_IID = {0xDEADBEEF, 0, 0, {0, 1, 2, 3, 4, 5, 6, 7}};
    IMsgStore *store = static_cast<IMsgStore *>(object); // by the contract of this function
    counted(log, "store", store);
    methods(log, store);
    counted(log, "store", store);

    IMAPISync *sync = request_interface<IMAPISync>(log, store, IID_IMAPISync, "store to IMAPISync");
    if (!sync) return; // the log has the reason
    IMsgStore *back = request_interface<IMsgStore>(log, sync, IID_IMsgStore, "sync to IMsgStore");
    IMAPIProp *properties = request_interface<IMAPIProp>(log, sync, IID_IMAPIProp, "sync to IMAPIProp");
    if (!back || !properties) return;
    IMAPISync *again = request_interface<IMAPISync>(log, properties, IID_IMAPISync, "properties to IMAPISync");
    IUnknown *identity = request_interface<IUnknown>(log, store, IID_IUnknown, "store to IUnknown");
    if (!again || !identity) return;
    same(log, "IMsgStore", store, back);
    same(log, "IMAPISync", sync, again);
    same(log, "IMsgStore and IMAPISync", store, sync);
    returned(log, "IMAPIProp's SaveChanges", properties->SaveChanges(21));

    IUnknown *interfaces[] = {sync, back, properties, again, identity};
    for (IUnknown *one : interfaces) {
        IUnknown *own = request_interface<IUnknown>(log, one, IID_IUnknown, "to IUnknown");
        same(log, "identity", own, identity);
        if (own) release_logged(log, "it", own);
        request_interface<IUnknown>(log, one, UNKNOWN_IID, "to an unknown IID");
        request_interface<IUnknown>(log, one, IID_IMAPISyncProgressCallback, "to the callback");
    }

    without_request(log, sync);
    // With two spare references, one Release too many shows in the count before it crashes.
    Session *session = new Session(log, store);
    session->AddRef();
    session->AddRef();
    counted(log, "session", session);
    foreign_run(log, sync, SYNC_DOWNLOAD_CONTENTS, session, S_OK, 0);
    counted(log, "session", session);
    while (release_logged(log, "session", session) != 0) {
    }

    for (IUnknown *one : interfaces) release_logged(log, "interface", one);
    counted(log, "store", store);
}
