/* A host with all of MAPI's interfaces, as mingw's <mapidefs.h> and <mapix.h> declare them: it calls an IMsgStore, asks it for
 * IMAPISync and back, and has it synchronise with a session. For Windows alone, which alone has those headers. */
#include <initguid.h>
#define USES_IID_IMAPISession
#define USES_IID_IMsgStore
#define USES_IID_IMAPIProp
#include <mapiguid.h>

// What is said of an interface with the count that its object has then.
static void counted(Log *log, const char *what, IUnknown *object) { note(log, "%s counts %lu", what, count_of(object)); }

// Asks for an interface, in a place that holds neither NULL nor an interface of the object. NULL if there is none, or if the
// count is wrong, with which one had better not go on.
template <class Interface> static Interface *ask(Log *log, IUnknown *object, REFIID riid, const char *way) {
    void *out = log;
    unsigned long before = count_of(object), after;
    HRESULT answer = object->QueryInterface(riid, &out);
    after = count_of(object);
    note(log, "%s -> 0x%08lX, %s, counts %lu", way, (unsigned long)(uint32_t)answer, there(out), after);
    return after == before + 1 ? static_cast<Interface *>(out) : nullptr;
}

static void same(Log *log, const char *what, const void *one, const void *other) {
    note(log, "%s %s", what, one == other ? "same" : "another");
}

static unsigned long given_back(Log *log, const char *what, IUnknown *object) {
    unsigned long left = object->Release();
    note(log, "%s released, left %lu", what, left);
    return left;
}

// An entry identifier whose bytes can be read as text; the methods take no const.
static ENTRYID *entry(const char *text) { return (ENTRYID *)const_cast<char *>(text); }

// The session's methods, each of which says that it is not supported.
class Mute : public Object<IMAPISession> {
  public:
    using Object::Object;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
    MAPI_IMAPISESSION_METHODS({ return MAPI_E_NO_SUPPORT; })
#pragma GCC diagnostic pop
};

// A session with some that answer, the first and the last among them. It is free-threaded, unlike MAPI's own.
class Session final : public Mute {
  public:
    Session(Log *log, IMsgStore *store) : Mute(log, "session", IID_IMAPISession), store(store) {}

    HRESULT STDMETHODCALLTYPE GetLastError(HRESULT result, ULONG flags, LPMAPIERROR *error) override {
        note(log, "session: GetLastError(0x%08lX, %lu)", (unsigned long)(uint32_t)result, flags);
        *error = nullptr;
        return said(S_OK);
    }
    HRESULT STDMETHODCALLTYPE OpenMsgStore(ULONG_PTR window, ULONG size, LPENTRYID id, LPCIID iid, ULONG flags,
                                           LPMDB *out) override {
        note(log, "session: OpenMsgStore(%lu, %.*s, %s, %lu)", (unsigned long)window, (int)size, (const char *)id,
             IsEqualGUID(*iid, IID_IMsgStore) ? "IMsgStore" : "another", flags);
        HRESULT answer = store->QueryInterface(*iid, (void **)out);
        counted(log, "session: store", store);
        return said(answer);
    }
    HRESULT STDMETHODCALLTYPE CompareEntryIDs(ULONG size1, LPENTRYID id1, ULONG size2, LPENTRYID id2, ULONG flags,
                                              ULONG *result) override {
        note(log, "session: CompareEntryIDs(%.*s, %.*s, %lu)", (int)size1, (const char *)id1, (int)size2, (const char *)id2,
             flags);
        *result = 5;
        return said(S_OK);
    }
    HRESULT STDMETHODCALLTYPE Logoff(ULONG_PTR window, ULONG flags, ULONG reserved) override {
        note(log, "session: Logoff(%lu, %lu, %lu)", (unsigned long)window, flags, reserved);
        return said(MAPI_E_BUSY);
    }
    HRESULT STDMETHODCALLTYPE PrepareForm(LPCIID iid, LPMESSAGE message, ULONG *token) override {
        note(log, "session: PrepareForm(%s, %s, %s)", IsEqualGUID(*iid, IID_IMAPISync) ? "IMAPISync" : "another",
             there(message), there(token)); // a ULONG_PTR in Microsoft's header, so it is not written
        return said(MAPI_E_NOT_FOUND);
    }

  private:
    HRESULT said(HRESULT answer) {
        counted(log, "session", this);
        return answer;
    }

    IMsgStore *store; // outlives the session
};

// Methods from the first slot to the last, each with arguments and answers of its own.
static void methods(Log *log, IMsgStore *store) {
    MAPIERROR *error = (MAPIERROR *)log;
    answered(log, "GetLastError", store->GetLastError(MAPI_E_NOT_FOUND, 7, &error));
    note(log, "error %s", there(error));
    answered(log, "SaveChanges", store->SaveChanges(9));
    MAPINAMEID name = {}, *names = &name;
    name.ulKind = MNID_ID;
    name.Kind.lID = 1234;
    SPropTagArray *tags = (SPropTagArray *)log;
    answered(log, "GetIDsFromNames", store->GetIDsFromNames(1, &names, 11, &tags));
    note(log, "tags %s", there(tags));
    ULONG result = 99, type = 98, flags = 97;
    answered(log, "CompareEntryIDs", store->CompareEntryIDs(5, entry("inbox"), 3, entry("out"), 13, &result));
    note(log, "result %lu", result);
    IUnknown *opened = (IUnknown *)log;
    answered(log, "OpenEntry", store->OpenEntry(4, entry("root"), &IID_IMAPISync, 17, &type, &opened));
    note(log, "type %lu, opened %s", type, there(opened));
    if (opened) {
        counted(log, "opened", opened);
        given_back(log, "opened", opened);
    }
    answered(log, "StoreLogoff", store->StoreLogoff(&flags));
    note(log, "flags %lu", flags);
    answered(log, "FinishedMsg", store->FinishedMsg(19, 4, entry("sent")));
    NOTIFICATION news = {};
    news.ulEventType = fnevNewMail;
    news.info.newmail.cbEntryID = 3;
    news.info.newmail.lpEntryID = entry("new");
    answered(log, "NotifyNewMail", store->NotifyNewMail(&news));
}

// IMAPISync's method, without a MAPISIB. As __stdcall demands it takes its arguments off the stack itself; g++'s frames
// survive it if it does not, other callers' may not, so the stack is measured.
static void without_request(Log *log, IMAPISync *sync) {
    HRESULT answer;
#if defined(__i386__)
    long off;
    void *method = (*(void ***)sync)[3];
    asm volatile("movl %%esp, %%esi\n\tpushl $0\n\tpushl %[sync]\n\tcall *%[method]\n\t"
                 "movl %%esp, %%ecx\n\tmovl %%esi, %%esp\n\tsubl %%esi, %%ecx"
                 : "=&a"(answer), "=&c"(off)
                 : [sync] "D"(sync), [method] "b"(method)
                 : "edx", "esi", "memory", "cc");
    if (off != 0) note(log, "but the stack is off by %ld", off);
#else
    answer = sync->SynchronizeInBackground(nullptr);
#endif
    answered(log, "without a request", answer);
}

void witness_msg_store(Log *log, IUnknown *object) {
    static const GUID STRANGER = {0xDEADBEEF, 0, 0, {0, 1, 2, 3, 4, 5, 6, 7}};
    IMsgStore *store = static_cast<IMsgStore *>(object); // so the caller says
    counted(log, "store", store);
    methods(log, store);
    counted(log, "store", store);

    IMAPISync *sync = ask<IMAPISync>(log, store, IID_IMAPISync, "store to IMAPISync");
    if (!sync) return; // the log says so
    IMsgStore *back = ask<IMsgStore>(log, sync, IID_IMsgStore, "sync to IMsgStore");
    IMAPIProp *properties = ask<IMAPIProp>(log, sync, IID_IMAPIProp, "sync to IMAPIProp");
    if (!back || !properties) return;
    IMAPISync *again = ask<IMAPISync>(log, properties, IID_IMAPISync, "properties to IMAPISync");
    IUnknown *identity = ask<IUnknown>(log, store, IID_IUnknown, "store to IUnknown");
    if (!again || !identity) return;
    same(log, "IMsgStore", store, back);
    same(log, "IMAPISync", sync, again);
    same(log, "IMsgStore and IMAPISync", store, sync);
    answered(log, "IMAPIProp's SaveChanges", properties->SaveChanges(21));

    IUnknown *faces[] = {sync, back, properties, again, identity};
    for (IUnknown *face : faces) {
        IUnknown *own = ask<IUnknown>(log, face, IID_IUnknown, "to IUnknown");
        same(log, "identity", own, identity);
        if (own) given_back(log, "it", own);
        ask<IUnknown>(log, face, STRANGER, "to a stranger");
        ask<IUnknown>(log, face, IID_IMAPISyncProgressCallback, "to the callback");
    }

    without_request(log, sync);
    // Two references to spare: what gives back too many is to be seen by a count, before it is a crash.
    Session *session = new Session(log, store);
    session->AddRef();
    session->AddRef();
    counted(log, "session", session);
    witness_drive(log, sync, SYNC_DOWNLOAD_CONTENTS, session, S_OK, 0);
    counted(log, "session", session);
    while (given_back(log, "session", session) != 0) {
    }

    for (IUnknown *face : faces) given_back(log, "face", face);
    counted(log, "store", store);
}
