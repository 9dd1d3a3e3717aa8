/* The behavior of the foreign objects and hosts, common to C and C++. It calls objects by mapisync.h's
 * macros for C. In objects.cpp, functions of the same names make virtual calls. */
#include "log.h"

enum { TIMEOUT = 120000 }; /* milliseconds, for an event that must be signaled */

/* "Grüße, 世界 😀", and half of a surrogate pair. */
static const uint16_t GREETING[] = {'G', 'r', 0xFC, 0xDF, 'e', ',', ' ', 0x4E16, 0x754C, ' ', 0xD83D, 0xDE00, 0};
static const uint16_t BROKEN[] = {0xD800, 'x', 0};
static const uint16_t EMPTY[] = {0};

static const MAPISYNC_CHAR *wide(const void *units) { return (const MAPISYNC_CHAR *)units; }

static unsigned long long address(const void *pointer) { return (uintptr_t)pointer; }

static const char *there(const void *pointer) { return pointer ? "there" : "NULL"; }

/* The reference count. AddRef and Release must agree on it. No other thread may use the object. */
static unsigned long count_of(IUnknown *object) {
    unsigned long more = IUnknown_AddRef(object), left = IUnknown_Release(object);
    return more == left + 1 ? left : 0xDEADBEEF;
}

/* ---- the methods of the callback ---- */

/* Tells the host that Done was called. */
typedef struct Completion {
    EventOwner done;
    HANDLE duplicate;
} Completion;

typedef struct CallbackState {
    Log *log;
    HRESULT code;
    const void *location; /* the event handle location, at any address, or NULL */
    uint32_t options;
    Completion *completion;
} CallbackState;

static HRESULT record_progress(CallbackState *state, const MAPISYNC_CHAR *string, ULONG index, ULONG max) {
    char room[4096];
    note(state->log, "Progress(%s, %lu, %lu)", units(string, room, sizeof room), (unsigned long)index, (unsigned long)max);
    return state->code;
}

static HRESULT record_error(CallbackState *state, HRESULT code, const MAPISYNC_CHAR *string) {
    char room[4096];
    note(state->log, "Error(0x%08lX, %s)", (unsigned long)(uint32_t)code, units(string, room, sizeof room));
    return S_FALSE;
}

static HRESULT record_done(CallbackState *state, HANDLE event, HRESULT status) {
    HANDLE runs = NULL;
    if (state->location) memcpy(&runs, state->location, sizeof runs);
    note(state->log, "Done(%s, 0x%08lX)", event && event == runs ? "the run's event" : there(event),
         (unsigned long)(uint32_t)status);
    if (event && event_wait(event, 0)) note(state->log, "but the event is already signaled");
    if (event && (state->options & CLOSE_IN_DONE)) {
        if (state->completion) state->completion->duplicate = event_clone(event);
        event_close(event);
    }
    if (state->completion) event_signal(state->completion->done);
    return MAPI_W_PARTIAL_COMPLETION;
}

/* ---- the method of the store ---- */

typedef struct StoreState {
    Log *log;
    HRESULT code, status;
    uint32_t options;
} StoreState;

typedef struct Run {
    StoreState state;
    IMAPISync *store;
    IMAPISyncProgressCallback *callback;
    HANDLE event;
    EventOwner owner;
} Run;

static void report_progress(Log *log, IMAPISyncProgressCallback *callback) {
    char odd[sizeof GREETING + 1];
    memcpy(odd + 1, GREETING, sizeof GREETING);
    returned(log, "Progress", IMAPISyncProgressCallback_Progress(callback, wide(GREETING), 1, 3));
    returned(log, "Progress", IMAPISyncProgressCallback_Progress(callback, NULL, 0xFFFFFFFF, 0x80000000));
    returned(log, "Progress", IMAPISyncProgressCallback_Progress(callback, wide(odd + 1), 2, 3));
    returned(log, "Progress", IMAPISyncProgressCallback_Progress(callback, wide(BROKEN), 3, 3));
    returned(log, "Error", IMAPISyncProgressCallback_Error(callback, MAPI_W_PARTIAL_COMPLETION, wide(EMPTY)));
    returned(log, "Error", IMAPISyncProgressCallback_Error(callback, MAPI_E_NETWORK_ERROR, NULL));
}

/* The thread of a run. It owns a reference to the store and one to the callback, and signals the event. */
static THREAD run_thread(void *argument) {
    Run run = *(Run *)argument;
    free(argument);
    report_progress(run.state.log, run.callback);
    returned(run.state.log, "Done",
             IMAPISyncProgressCallback_Done(run.callback, run.event, run.state.status));
    note(run.state.log, "callback released, left %lu", (unsigned long)IMAPISyncProgressCallback_Release(run.callback));
    IMAPISync_Release(run.store);
    if (run.event) event_signal(run.owner);
    THREAD_END;
}

static HRESULT synchronize(StoreState *state, IMAPISync *store, MAPISIB *request) {
    IMAPISyncProgressCallback *callback = NULL;
    Run *run;
    HRESULT code;
    note(state->log, "SynchronizeInBackground(%lu bytes, flags 0x%08lX, session %llX)", (unsigned long)request->ulSize,
         (unsigned long)request->ulFlags, address(request->psesSync));
    note(state->log, "callback %llX, event handle location %llX", address(request->punkCallBack), address(request->phSyncDoneEvent));
    if (request->psesSync) /* the first vtable slots of every object are IUnknown's */
        note(state->log, "session counts %lu", count_of((IUnknown *)(void *)request->psesSync));
    if (FAILED(state->code)) return state->code;
    code = IUnknown_QueryInterface(request->punkCallBack, &IID_IMAPISyncProgressCallback, (void **)&callback);
    returned(state->log, "QueryInterface", code);
    if (FAILED(code)) return code;

    run = (Run *)malloc(sizeof(Run));
    run->state = *state;
    run->store = store;
    run->callback = callback;
    run->event = state->options & NO_EVENT ? NULL : event_new(&run->owner);
    *request->phSyncDoneEvent = run->event;
    IMAPISync_AddRef(store);
    if (state->options & DONE_BEFORE_RETURN) {
        run_thread(run);
    } else if (!thread_start(run_thread, run)) {
        abort();
    }
    return state->code;
}

/* ---- the host ---- */

void foreign_run(Log *log, IMAPISync *store, ULONG flags, struct IMAPISession *session, HRESULT code,
                   uint32_t options) {
    char memory[sizeof(HANDLE) + sizeof(MAPISIB) + 2];
    size_t shift = options & UNALIGNED_ADDRESSES ? 1 : 0;
    HANDLE aligned_location, *location = &aligned_location, event, done;
    MAPISIB aligned, *request = &aligned, fields;
    Completion completion;
    IMAPISyncProgressCallback *callback;
    HRESULT result;
    if (shift) {
        location = (HANDLE *)(void *)(memory + 1);
        request = (MAPISIB *)(void *)(memory + 1 + sizeof(HANDLE));
    }
    memset(location, 0x5A, sizeof(HANDLE));
    done = event_new(&completion.done);
    callback = foreign_callback(log, code, location, options, &completion);
    fields.ulSize = sizeof(MAPISIB);
    fields.ulFlags = flags;
    fields.psesSync = session;
    fields.punkCallBack = (IUnknown *)callback;
    fields.phSyncDoneEvent = location;
    memcpy(request, &fields, sizeof fields);
    note(log, "callback counts %lu, store %lu", count_of((IUnknown *)callback), count_of((IUnknown *)store));

    result = IMAPISync_SynchronizeInBackground(store, request);
    if (FAILED(result)) {
        memcpy(&event, location, sizeof event);
        note(log, "event %s", there(event));
        event_signal(completion.done);
    } else {
        if (!event_wait(done, TIMEOUT)) note(log, "but Done was not called");
        memcpy(&event, location, sizeof event);
        if (options & CLOSE_IN_DONE) event = completion.duplicate;
        if (!event_wait(event, TIMEOUT)) note(log, "but the event was not signaled");
        event_close(event);
    }
    event_close(done);
    returned(log, "SynchronizeInBackground", result); /* logged last, because the thread may call before it returns */
    note(log, "callback counts %lu, store %lu", count_of((IUnknown *)callback), count_of((IUnknown *)store));
    note(log, "callback released, left %lu", (unsigned long)IMAPISyncProgressCallback_Release(callback));
}

static void invalid_call(Log *log, IMAPISync *store, const char *what, MAPISIB request) {
    HANDLE event;
    memset(&event, 0x5A, sizeof event);
    if (request.phSyncDoneEvent) request.phSyncDoneEvent = &event;
    note(log, "%s", what);
    returned(log, "SynchronizeInBackground", IMAPISync_SynchronizeInBackground(store, &request));
    if (request.phSyncDoneEvent && request.ulSize >= sizeof request)
        note(log, "event %s", there(event));
    if (request.phSyncDoneEvent && !request.punkCallBack && event) {
        if (!event_wait(event, TIMEOUT)) note(log, "but the event was not signaled");
        event_close(event);
    }
}

void foreign_invalid_calls(Log *log, IMAPISync *store) {
    IUnknown *bare = foreign_bare_object(log);
    IMAPISyncProgressCallback *callback = foreign_callback(log, S_OK, NULL, 0, NULL);
    HANDLE event;
    MAPISIB request, changed;
    request.ulSize = sizeof request;
    request.ulFlags = 0;
    request.psesSync = NULL;
    request.punkCallBack = (IUnknown *)callback;
    request.phSyncDoneEvent = &event;

    note(log, "no MAPISIB");
    returned(log, "SynchronizeInBackground", IMAPISync_SynchronizeInBackground(store, NULL));
    changed = request;
    changed.ulSize = sizeof request - 1;
    invalid_call(log, store, "short ulSize", changed);
    changed = request;
    changed.phSyncDoneEvent = NULL;
    invalid_call(log, store, "no event location", changed);
    changed = request;
    changed.punkCallBack = bare;
    invalid_call(log, store, "callback without the interface", changed);
    changed = request;
    changed.punkCallBack = NULL;
    invalid_call(log, store, "no callback", changed);

    note(log, "bare object left %lu", (unsigned long)IUnknown_Release(bare));
    note(log, "callback left %lu", (unsigned long)IMAPISyncProgressCallback_Release(callback));
}

/* ---- the rules of QueryInterface ---- */

void foreign_query_interface(Log *log, IUnknown *object, const GUID *iids, uint32_t n) {
    static const GUID UNKNOWN_IID = {0xDEADBEEF, 0, 0, {0, 1, 2, 3, 4, 5, 6, 7}};
    unsigned long before = count_of(object);
    char odd[sizeof(GUID) + sizeof(void *) + 1];
    void *out = &out;
    uint32_t i, j;
    IUnknown *identity = NULL, *first, *second, *same;

    returned(log, "unknown IID", IUnknown_QueryInterface(object, &UNKNOWN_IID, &out));
    note(log, "out %s", there(out));
    returned(log, "no ppv", IUnknown_QueryInterface(object, &IID_IUnknown, NULL));
#ifndef __cplusplus /* in C++ riid is a reference, which can't be NULL */
    out = &out;
    returned(log, "no riid", IUnknown_QueryInterface(object, NULL, &out));
    note(log, "out %s", there(out));
#endif
    memcpy(odd + 1, &IID_IUnknown, sizeof(GUID));
    returned(log, "at unaligned addresses",
             IUnknown_QueryInterface(object, (const GUID *)(void *)(odd + 1), (void **)(void *)(odd + 1 + sizeof(GUID))));
    memcpy(&out, odd + 1 + sizeof(GUID), sizeof out);
    identity = (IUnknown *)out;
    note(log, "counts %lu", count_of(object) - before);

    for (i = 0; i < n; i++) {
        if (FAILED(IUnknown_QueryInterface(object, &iids[i], (void **)&first))) {
            note(log, "but interface %u is missing", (unsigned)i);
            continue;
        }
        for (j = 0; j < n; j++) { /* reflexive, symmetric and transitive: each interface leads to each */
            if (FAILED(IUnknown_QueryInterface(first, &iids[j], (void **)&second))) {
                note(log, "but interface %u does not lead to %u", (unsigned)i, (unsigned)j);
                continue;
            }
            if (count_of(object) != before + 3) note(log, "but the count is %lu", count_of(object) - before);
            if (FAILED(IUnknown_QueryInterface(second, &IID_IUnknown, (void **)&same)) || same != identity)
                note(log, "but the identity of %u by way of %u is another", (unsigned)j, (unsigned)i);
            IUnknown_Release(same);
            IUnknown_Release(second);
        }
        IUnknown_Release(first);
    }
    note(log, "left %lu", (unsigned long)IUnknown_Release(identity) - before);
}

/* ---- the codes ---- */

#if defined(__MINGW32__)
static const struct {
    const char *name;
    HRESULT value;
} CODES[] = {
#include "codes.h" /* generated by build.rs: every code of <mapicode.h>, and those of <winerror.h> that the crate has */
};

int foreign_code(uint32_t index, const char **name, HRESULT *value) {
    if (index >= sizeof CODES / sizeof *CODES) return 0;
    *name = CODES[index].name;
    *value = CODES[index].value;
    return 1;
}
#endif
