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

typedef struct Object {
    union {
        IMAPISync store;
        IMAPISyncProgressCallback callback;
    } head;
    Count count;
    Methods methods;
} Object;

static Object *new_object(const Methods *methods) {
    Object *object = malloc(sizeof *object);
    object->count = 1;
    object->methods = *methods;
    return object;
}

static HRESULT query(void *this, REFIID own, REFIID riid, void **out) {
    if (!out) return E_POINTER;
    *out = NULL;
    if (!riid) return E_POINTER;
    if (!IsEqualGUID(riid, &IID_IUnknown) && !IsEqualGUID(riid, own)) return E_NOINTERFACE;
    count_up(&((Object *)this)->count);
    *out = this;
    return S_OK;
}

static ULONG add_ref(void *this) { return count_up(&((Object *)this)->count); }

static ULONG release(void *this) {
    Object *object = this;
    ULONG left = count_down(&object->count);
    if (left == 0) {
        object->methods.gone(object->methods.payload);
        free(object);
    }
    return left;
}

static const Methods *methods_of(void *this) { return &((Object *)this)->methods; }

static HRESULT STDMETHODCALLTYPE store_query(IMAPISync *this, REFIID riid, void **out) {
    return query(this, &IID_IMAPISync, riid, out);
}
static ULONG STDMETHODCALLTYPE store_add_ref(IMAPISync *this) { return add_ref(this); }
static ULONG STDMETHODCALLTYPE store_release(IMAPISync *this) { return release(this); }
static HRESULT STDMETHODCALLTYPE store_synchronize(IMAPISync *this, MAPISIB *request) {
    return methods_of(this)->synchronize(methods_of(this)->payload, request);
}

IMAPISync *foreign_store(const Methods *methods) {
    static const IMAPISyncVtbl VTBL = {store_query, store_add_ref, store_release, store_synchronize};
    Object *object = new_object(methods);
    object->head.store.lpVtbl = &VTBL;
    return &object->head.store;
}

static HRESULT STDMETHODCALLTYPE callback_query(IMAPISyncProgressCallback *this, REFIID riid, void **out) {
    return query(this, &IID_IMAPISyncProgressCallback, riid, out);
}
static ULONG STDMETHODCALLTYPE callback_add_ref(IMAPISyncProgressCallback *this) { return add_ref(this); }
static ULONG STDMETHODCALLTYPE callback_release(IMAPISyncProgressCallback *this) { return release(this); }
static HRESULT STDMETHODCALLTYPE callback_progress(IMAPISyncProgressCallback *this, const MAPISYNC_CHAR *string,
                                                   ULONG index, ULONG max) {
    return methods_of(this)->progress(methods_of(this)->payload, string, index, max);
}
static HRESULT STDMETHODCALLTYPE callback_error(IMAPISyncProgressCallback *this, HRESULT code,
                                                const MAPISYNC_CHAR *string) {
    return methods_of(this)->error(methods_of(this)->payload, code, string);
}
static HRESULT STDMETHODCALLTYPE callback_done(IMAPISyncProgressCallback *this, HANDLE event, HRESULT status) {
    return methods_of(this)->done(methods_of(this)->payload, event, status);
}

IMAPISyncProgressCallback *foreign_callback(const Methods *methods) {
    static const IMAPISyncProgressCallbackVtbl VTBL = {callback_query,    callback_add_ref, callback_release,
                                                       callback_progress, callback_error,   callback_done};
    Object *object = new_object(methods);
    object->head.callback.lpVtbl = &VTBL;
    return &object->head.callback;
}

HRESULT foreign_query_interface(IUnknown *object, const IID *riid, void **ppv) {
    return IUnknown_QueryInterface(object, riid, ppv);
}
ULONG foreign_add_ref(IUnknown *object) { return IUnknown_AddRef(object); }
ULONG foreign_release(IUnknown *object) { return IUnknown_Release(object); }
HRESULT foreign_synchronize(IMAPISync *store, MAPISIB *request) {
    return IMAPISync_SynchronizeInBackground(store, request);
}
static HRESULT call_progress(IMAPISyncProgressCallback *callback, const MAPISYNC_CHAR *string, ULONG index, ULONG max) {
    return IMAPISyncProgressCallback_Progress(callback, string, index, max);
}
static HRESULT call_error(IMAPISyncProgressCallback *callback, HRESULT code, const MAPISYNC_CHAR *string) {
    return IMAPISyncProgressCallback_Error(callback, code, string);
}
HRESULT foreign_done(IMAPISyncProgressCallback *callback, HANDLE event, HRESULT status) {
    return IMAPISyncProgressCallback_Done(callback, event, status);
}
