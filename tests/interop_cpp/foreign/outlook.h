/* The host's side of MAPI's interfaces, as mingw's <mapidefs.h> and <mapix.h> declare them. Only Windows
 * has those headers. */
#include <initguid.h>
#define USES_IID_IMAPISession
#include <mapiguid.h>

static bool is_iid_of(REFIID riid, IMAPISession *) { return IsEqualGUID(riid, IID_IMAPISession); }

// A session without support for any method.
class UnsupportedSession : public Object<IMAPISession> {
  public:
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
    MAPI_IMAPISESSION_METHODS({ return MAPI_E_NO_SUPPORT; })
#pragma GCC diagnostic pop
};

// An entry identifier with readable bytes. The methods take a pointer to non-const.
static ENTRYID *entry(const char *bytes) { return (ENTRYID *)const_cast<char *>(bytes); }

// A session with the first, a middle and the last method, which report to a callback. It is free-threaded,
// unlike MAPI's own.
class Session final : public UnsupportedSession {
  public:
    Session(IMAPISyncProgressCallback *callback) : callback(callback) {}
    HRESULT STDMETHODCALLTYPE GetLastError(HRESULT result, ULONG, LPMAPIERROR *error) override {
        *error = nullptr;
        return callback.object->Error(result, nullptr);
    }
    HRESULT STDMETHODCALLTYPE CompareEntryIDs(ULONG size, LPENTRYID id, ULONG other_size, LPENTRYID other, ULONG flags,
                                              ULONG *result) override {
        *result = size == 5 && other_size == 3 && memcmp(id, "inbox", 5) == 0 && memcmp(other, "out", 3) == 0;
        return callback.object->Progress(nullptr, 0, flags);
    }
    HRESULT STDMETHODCALLTYPE PrepareForm(LPCIID iid, LPMESSAGE message, ULONG *token) override {
        // The token is not written, because it is a ULONG_PTR in Microsoft's header.
        return callback.object->Progress(nullptr, IsEqualGUID(*iid, IID_IMAPISync), !message && token);
    }

  private:
    Inner<IMAPISyncProgressCallback> callback;
};

EXPORT IMAPISession *foreign_session(IMAPISyncProgressCallback *callback) { return new Session(callback); }

/* Calls a method of a store: two of IMAPIProp, with the first, and two of IMsgStore's own, with the last.
 * Returns the code and, if it has one, its result. */
EXPORT HRESULT foreign_msg_store(IMsgStore *store, uint32_t method, ULONG *result) {
    MAPIERROR *error;
    NOTIFICATION news = {};
    news.ulEventType = fnevNewMail;
    news.info.newmail.cbEntryID = 3;
    news.info.newmail.lpEntryID = entry("new");
    switch (method) {
    case 0: return store->GetLastError(MAPI_E_NOT_FOUND, 7, &error);
    case 1: return store->SaveChanges(9);
    case 2: return store->CompareEntryIDs(5, entry("inbox"), 3, entry("out"), 13, result);
    default: return store->NotifyNewMail(&news);
    }
}
