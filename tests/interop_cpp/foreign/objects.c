/* Objects in C: structs that begin with `lpVtbl`, and functions. */
#include "behavior.h"

/* A reference count. Microsoft's compiler has <stdatomic.h> only with an experimental option. */
#if defined(_WIN32)
typedef volatile LONG Count;
static ULONG count_up(Count *count) { return (ULONG)InterlockedIncrement(count); }
static ULONG count_down(Count *count) { return (ULONG)InterlockedDecrement(count); }
#else
#include <stdatomic.h>
typedef atomic_uint Count;
static ULONG count_up(Count *count) { return atomic_fetch_add(count, 1) + 1; }
static ULONG count_down(Count *count) { return atomic_fetch_sub(count, 1) - 1; }
#endif

typedef struct Callback {
    IMAPISyncProgressCallback head;
    Count count;
    CallbackState state;
} Callback;

typedef struct Store {
    IMAPISync head;
    Count count;
    StoreState state;
} Store;

typedef struct BareObject {
    IUnknown head;
    Count count;
    Log *log;
} BareObject;

static HRESULT query(void *object, Count *count, REFIID own, REFIID riid, void **out) {
    if (!out) return E_POINTER;
    *out = NULL;
    if (!IsEqualGUID(riid, &IID_IUnknown) && !IsEqualGUID(riid, own)) return E_NOINTERFACE;
    count_up(count);
    *out = object;
    return S_OK;
}

static ULONG release(void *object, Count *count, Log *log, const char *name) {
    ULONG left = count_down(count);
    if (left == 0) {
        note(log, "%s gone", name);
        free(object);
        foreign_log_release(log);
    }
    return left;
}

static HRESULT STDMETHODCALLTYPE callback_query(IMAPISyncProgressCallback *this, REFIID riid, void **out) {
    return query(this, &((Callback *)this)->count, &IID_IMAPISyncProgressCallback, riid, out);
}
static ULONG STDMETHODCALLTYPE callback_add_ref(IMAPISyncProgressCallback *this) {
    return count_up(&((Callback *)this)->count);
}
static ULONG STDMETHODCALLTYPE callback_release(IMAPISyncProgressCallback *this) {
    return release(this, &((Callback *)this)->count, ((Callback *)this)->state.log, "callback");
}
static HRESULT STDMETHODCALLTYPE callback_progress(IMAPISyncProgressCallback *this, const MAPISYNC_CHAR *string,
                                                   ULONG index, ULONG max) {
    return record_progress(&((Callback *)this)->state, string, index, max);
}
static HRESULT STDMETHODCALLTYPE callback_error(IMAPISyncProgressCallback *this, HRESULT code,
                                                const MAPISYNC_CHAR *string) {
    return record_error(&((Callback *)this)->state, code, string);
}
static HRESULT STDMETHODCALLTYPE callback_done(IMAPISyncProgressCallback *this, HANDLE event, HRESULT status) {
    return record_done(&((Callback *)this)->state, event, status);
}

static const IMAPISyncProgressCallbackVtbl CALLBACK_VTBL = {callback_query,    callback_add_ref, callback_release,
                                                            callback_progress, callback_error,   callback_done};

IMAPISyncProgressCallback *foreign_callback(Log *log, HRESULT code, const void *location, uint32_t options,
                                            Completion *completion) {
    Callback *callback = malloc(sizeof *callback);
    *callback = (Callback){{&CALLBACK_VTBL}, 1, {retain(log), code, location, options, completion}};
    return &callback->head;
}

static HRESULT STDMETHODCALLTYPE store_query(IMAPISync *this, REFIID riid, void **out) {
    return query(this, &((Store *)this)->count, &IID_IMAPISync, riid, out);
}
static ULONG STDMETHODCALLTYPE store_add_ref(IMAPISync *this) {
    return count_up(&((Store *)this)->count);
}
static ULONG STDMETHODCALLTYPE store_release(IMAPISync *this) {
    return release(this, &((Store *)this)->count, ((Store *)this)->state.log, "store");
}
static HRESULT STDMETHODCALLTYPE store_synchronize(IMAPISync *this, MAPISIB *request) {
    return synchronize(&((Store *)this)->state, this, request);
}

static const IMAPISyncVtbl STORE_VTBL = {store_query, store_add_ref, store_release, store_synchronize};

IMAPISync *foreign_store(Log *log, HRESULT code, HRESULT status, uint32_t options) {
    Store *store = malloc(sizeof *store);
    *store = (Store){{&STORE_VTBL}, 1, {retain(log), code, status, options}};
    return &store->head;
}

static HRESULT STDMETHODCALLTYPE bare_query(IUnknown *this, REFIID riid, void **out) {
    return query(this, &((BareObject *)this)->count, &IID_IUnknown, riid, out);
}
static ULONG STDMETHODCALLTYPE bare_add_ref(IUnknown *this) {
    return count_up(&((BareObject *)this)->count);
}
static ULONG STDMETHODCALLTYPE bare_release(IUnknown *this) {
    return release(this, &((BareObject *)this)->count, ((BareObject *)this)->log, "bare object");
}

static IUnknownVtbl BARE_VTBL = {bare_query, bare_add_ref, bare_release};

IUnknown *foreign_bare_object(Log *log) {
    BareObject *object = malloc(sizeof *object);
    *object = (BareObject){{&BARE_VTBL}, 1, retain(log)};
    return &object->head;
}
