/* Objects in C: structs that begin with `lpVtbl`, and functions. */
#include "foreign.h"

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

static HRESULT query_interface(IUnknown *object, const IID *riid, void **ppv) {
    return IUnknown_QueryInterface(object, riid, ppv);
}
static void release(IUnknown *object) { IUnknown_Release(object); }
static HRESULT synchronize(IMAPISync *store, MAPISIB *request) {
    return IMAPISync_SynchronizeInBackground(store, request);
}
static HRESULT progress(IMAPISyncProgressCallback *callback, const MAPISYNC_CHAR *string, ULONG index, ULONG max) {
    return IMAPISyncProgressCallback_Progress(callback, string, index, max);
}
static HRESULT error(IMAPISyncProgressCallback *callback, HRESULT code, const MAPISYNC_CHAR *string) {
    return IMAPISyncProgressCallback_Error(callback, code, string);
}

static HRESULT query(void *this, Count *count, REFIID own, REFIID riid, void **out) {
    if (!out) return E_POINTER;
    *out = NULL;
    if (!riid) return E_POINTER;
    if (!IsEqualGUID(riid, &IID_IUnknown) && !IsEqualGUID(riid, own)) return E_NOINTERFACE;
    count_up(count);
    *out = this;
    return S_OK;
}

static ULONG release_proxy(void *this, Count *count, IUnknown *inner) {
    ULONG left = count_down(count);
    if (left == 0) {
        IUnknown_Release(inner);
        free(this);
    }
    return left;
}

typedef struct Store {
    IMAPISync head;
    Count count;
    IMAPISync *inner;
} Store;

static HRESULT STDMETHODCALLTYPE store_query(IMAPISync *this, REFIID riid, void **out) {
    return query(this, &((Store *)this)->count, &IID_IMAPISync, riid, out);
}
static ULONG STDMETHODCALLTYPE store_add_ref(IMAPISync *this) { return count_up(&((Store *)this)->count); }
static ULONG STDMETHODCALLTYPE store_release(IMAPISync *this) {
    return release_proxy(this, &((Store *)this)->count, (IUnknown *)((Store *)this)->inner);
}
static HRESULT STDMETHODCALLTYPE store_synchronize(IMAPISync *this, MAPISIB *request) {
    return synchronize_by_proxy(((Store *)this)->inner, request);
}

IMAPISync *foreign_store(IMAPISync *store) {
    static const IMAPISyncVtbl VTBL = {store_query, store_add_ref, store_release, store_synchronize};
    Store *proxy = malloc(sizeof *proxy);
    *proxy = (Store){{&VTBL}, 1, store};
    IMAPISync_AddRef(store);
    return &proxy->head;
}

typedef struct Callback {
    IMAPISyncProgressCallback head;
    Count count;
    IMAPISyncProgressCallback *inner;
} Callback;

static HRESULT STDMETHODCALLTYPE callback_query(IMAPISyncProgressCallback *this, REFIID riid, void **out) {
    return query(this, &((Callback *)this)->count, &IID_IMAPISyncProgressCallback, riid, out);
}
static ULONG STDMETHODCALLTYPE callback_add_ref(IMAPISyncProgressCallback *this) {
    return count_up(&((Callback *)this)->count);
}
static ULONG STDMETHODCALLTYPE callback_release(IMAPISyncProgressCallback *this) {
    return release_proxy(this, &((Callback *)this)->count, (IUnknown *)((Callback *)this)->inner);
}
static HRESULT STDMETHODCALLTYPE callback_progress(IMAPISyncProgressCallback *this, const MAPISYNC_CHAR *string,
                                                   ULONG index, ULONG max) {
    return progress_by_proxy(((Callback *)this)->inner, string, index, max);
}
static HRESULT STDMETHODCALLTYPE callback_error(IMAPISyncProgressCallback *this, HRESULT code,
                                                const MAPISYNC_CHAR *string) {
    return error_by_proxy(((Callback *)this)->inner, code, string);
}
static HRESULT STDMETHODCALLTYPE callback_done(IMAPISyncProgressCallback *this, HANDLE event, HRESULT status) {
    return IMAPISyncProgressCallback_Done(((Callback *)this)->inner, event, status);
}

IMAPISyncProgressCallback *foreign_callback(IMAPISyncProgressCallback *callback) {
    static const IMAPISyncProgressCallbackVtbl VTBL = {callback_query,    callback_add_ref, callback_release,
                                                       callback_progress, callback_error,   callback_done};
    Callback *proxy = malloc(sizeof *proxy);
    *proxy = (Callback){{&VTBL}, 1, callback};
    IMAPISyncProgressCallback_AddRef(callback);
    return &proxy->head;
}
