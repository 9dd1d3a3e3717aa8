/* Objects in plain C: a struct that begins with `lpVtbl`, and functions. */
#include "script.h"
#include <stdatomic.h>

typedef struct Callback {
    IMAPISyncProgressCallback head;
    atomic_uint count;
    CallbackState state;
} Callback;

typedef struct Store {
    IMAPISync head;
    atomic_uint count;
    StoreState state;
} Store;

typedef struct Nobody {
    IUnknown head;
    atomic_uint count;
    Log *log;
} Nobody;

static HRESULT query(void *object, atomic_uint *count, REFIID own, REFIID riid, void **out) {
    if (!out) return E_POINTER;
    *out = NULL;
    if (!IsEqualGUID(riid, &IID_IUnknown) && !IsEqualGUID(riid, own)) return E_NOINTERFACE;
    atomic_fetch_add(count, 1);
    *out = object;
    return S_OK;
}

static ULONG release(void *object, atomic_uint *count, Log *log, const char *name) {
    ULONG left = atomic_fetch_sub(count, 1) - 1;
    if (left == 0) {
        note(log, "%s gone", name);
        free(object);
        witness_free(log);
    }
    return left;
}

static HRESULT STDMETHODCALLTYPE callback_query(IMAPISyncProgressCallback *this, REFIID riid, void **out) {
    return query(this, &((Callback *)this)->count, &IID_IMAPISyncProgressCallback, riid, out);
}
static ULONG STDMETHODCALLTYPE callback_add_ref(IMAPISyncProgressCallback *this) {
    return atomic_fetch_add(&((Callback *)this)->count, 1) + 1;
}
static ULONG STDMETHODCALLTYPE callback_release(IMAPISyncProgressCallback *this) {
    return release(this, &((Callback *)this)->count, ((Callback *)this)->state.log, "callback");
}
static HRESULT STDMETHODCALLTYPE callback_progress(IMAPISyncProgressCallback *this, const MAPISYNC_CHAR *text,
                                                   ULONG index, ULONG max) {
    return heard_progress(&((Callback *)this)->state, text, index, max);
}
static HRESULT STDMETHODCALLTYPE callback_error(IMAPISyncProgressCallback *this, HRESULT code,
                                                const MAPISYNC_CHAR *text) {
    return heard_error(&((Callback *)this)->state, code, text);
}
static HRESULT STDMETHODCALLTYPE callback_done(IMAPISyncProgressCallback *this, HANDLE event, HRESULT status) {
    return heard_done(&((Callback *)this)->state, event, status);
}

static const IMAPISyncProgressCallbackVtbl CALLBACK_VTBL = {callback_query,    callback_add_ref, callback_release,
                                                            callback_progress, callback_error,   callback_done};

IMAPISyncProgressCallback *witness_callback(Log *log, HRESULT answer, const void *slot, uint32_t options,
                                            Ending *ending) {
    Callback *callback = malloc(sizeof *callback);
    *callback = (Callback){{&CALLBACK_VTBL}, 1, {keep(log), answer, slot, options, ending}};
    return &callback->head;
}

static HRESULT STDMETHODCALLTYPE store_query(IMAPISync *this, REFIID riid, void **out) {
    return query(this, &((Store *)this)->count, &IID_IMAPISync, riid, out);
}
static ULONG STDMETHODCALLTYPE store_add_ref(IMAPISync *this) {
    return atomic_fetch_add(&((Store *)this)->count, 1) + 1;
}
static ULONG STDMETHODCALLTYPE store_release(IMAPISync *this) {
    return release(this, &((Store *)this)->count, ((Store *)this)->state.log, "store");
}
static HRESULT STDMETHODCALLTYPE store_synchronise(IMAPISync *this, MAPISIB *request) {
    return synchronise(&((Store *)this)->state, this, request);
}

static const IMAPISyncVtbl STORE_VTBL = {store_query, store_add_ref, store_release, store_synchronise};

IMAPISync *witness_store(Log *log, HRESULT answer, HRESULT status, uint32_t options) {
    Store *store = malloc(sizeof *store);
    *store = (Store){{&STORE_VTBL}, 1, {keep(log), answer, status, options}};
    return &store->head;
}

static HRESULT STDMETHODCALLTYPE nobody_query(IUnknown *this, REFIID riid, void **out) {
    return query(this, &((Nobody *)this)->count, &IID_IUnknown, riid, out);
}
static ULONG STDMETHODCALLTYPE nobody_add_ref(IUnknown *this) {
    return atomic_fetch_add(&((Nobody *)this)->count, 1) + 1;
}
static ULONG STDMETHODCALLTYPE nobody_release(IUnknown *this) {
    return release(this, &((Nobody *)this)->count, ((Nobody *)this)->log, "nobody");
}

static IUnknownVtbl NOBODY_VTBL = {nobody_query, nobody_add_ref, nobody_release};

IUnknown *witness_nobody(Log *log) {
    Nobody *nobody = malloc(sizeof *nobody);
    *nobody = (Nobody){{&NOBODY_VTBL}, 1, keep(log)};
    return &nobody->head;
}
