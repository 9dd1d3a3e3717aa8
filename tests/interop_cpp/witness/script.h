/* What the witnesses do: common to C and C++. Objects are called by the names of mapisync.h's macros for C; in witness.cpp
 * these are functions that make virtual calls. */
#include "log.h"

enum { PATIENCE = 120000 }; /* milliseconds, for what is bound to come */

/* "Grüße, 世界 😀", and half a surrogate pair. */
static const uint16_t GREETING[] = {'G', 'r', 0xFC, 0xDF, 'e', ',', ' ', 0x4E16, 0x754C, ' ', 0xD83D, 0xDE00, 0};
static const uint16_t BROKEN[] = {0xD800, 'x', 0};
static const uint16_t EMPTY[] = {0};

static const MAPISYNC_CHAR *wide(const void *units) { return (const MAPISYNC_CHAR *)units; }

static unsigned long long address(const void *pointer) { return (uintptr_t)pointer; }

static const char *there(const void *pointer) { return pointer ? "there" : "NULL"; }

/* The count, of which AddRef and Release have to say the same. Nobody else counts meanwhile. */
static unsigned long count_of(IUnknown *object) {
    unsigned long more = IUnknown_AddRef(object), left = IUnknown_Release(object);
    return more == left + 1 ? left : 0xDEADBEEF;
}

/* ---- the callback's methods ---- */

/* How Done reaches the host. */
typedef struct Ending {
    EventOwner done;
    HANDLE duplicate;
} Ending;

typedef struct CallbackState {
    Log *log;
    HRESULT answer;
    const void *slot; /* at any address */
    uint32_t options;
    Ending *ending;
} CallbackState;

static HRESULT heard_progress(CallbackState *state, const MAPISYNC_CHAR *text, ULONG index, ULONG max) {
    char room[4096];
    note(state->log, "Progress(%s, %lu, %lu)", units(text, room, sizeof room), (unsigned long)index, (unsigned long)max);
    return state->answer;
}

static HRESULT heard_error(CallbackState *state, HRESULT code, const MAPISYNC_CHAR *text) {
    char room[4096];
    note(state->log, "Error(0x%08lX, %s)", (unsigned long)(uint32_t)code, units(text, room, sizeof room));
    return S_FALSE;
}

static HRESULT heard_done(CallbackState *state, HANDLE event, HRESULT status) {
    HANDLE slot = NULL;
    if (state->slot) memcpy(&slot, state->slot, sizeof slot);
    note(state->log, "Done(%s, 0x%08lX)", event && event == slot ? "the slot's event" : there(event),
         (unsigned long)(uint32_t)status);
    if (event && event_wait(event, 0)) note(state->log, "but the event has occurred already");
    if (event && (state->options & CLOSE_IN_DONE)) {
        if (state->ending) state->ending->duplicate = event_clone(event);
        event_close(event);
    }
    if (state->ending) event_signal(state->ending->done);
    return MAPI_W_PARTIAL_COMPLETION;
}

/* ---- the store's method ---- */

typedef struct StoreState {
    Log *log;
    HRESULT answer, status;
    uint32_t options;
} StoreState;

typedef struct Run {
    StoreState state;
    IMAPISync *store;
    IMAPISyncProgressCallback *callback;
    HANDLE event;
    EventOwner owner;
} Run;

static void report(Log *log, IMAPISyncProgressCallback *callback) {
    char odd[sizeof GREETING + 1];
    memcpy(odd + 1, GREETING, sizeof GREETING);
    answered(log, "Progress", IMAPISyncProgressCallback_Progress(callback, wide(GREETING), 1, 3));
    answered(log, "Progress", IMAPISyncProgressCallback_Progress(callback, NULL, 0xFFFFFFFF, 0x80000000));
    answered(log, "Progress", IMAPISyncProgressCallback_Progress(callback, wide(odd + 1), 2, 3));
    answered(log, "Progress", IMAPISyncProgressCallback_Progress(callback, wide(BROKEN), 3, 3));
    answered(log, "Error", IMAPISyncProgressCallback_Error(callback, MAPI_W_PARTIAL_COMPLETION, wide(EMPTY)));
    answered(log, "Error", IMAPISyncProgressCallback_Error(callback, MAPI_E_NETWORK_ERROR, NULL));
}

/* The thread of a run: it owns a reference to the store and to the callback, and half of the event. */
static THREAD work(void *argument) {
    Run run = *(Run *)argument;
    free(argument);
    report(run.state.log, run.callback);
    answered(run.state.log, "Done",
             IMAPISyncProgressCallback_Done(run.callback, run.event, run.state.status));
    note(run.state.log, "callback released, left %lu", (unsigned long)IMAPISyncProgressCallback_Release(run.callback));
    IMAPISync_Release(run.store);
    if (run.event) event_signal(run.owner);
    THREAD_END;
}

static HRESULT synchronise(StoreState *state, IMAPISync *store, MAPISIB *request) {
    IMAPISyncProgressCallback *callback = NULL;
    Run *run;
    HRESULT answer;
    note(state->log, "SynchronizeInBackground(%lu bytes, flags 0x%08lX, session %llX)", (unsigned long)request->ulSize,
         (unsigned long)request->ulFlags, address(request->psesSync));
    note(state->log, "its callback %llX and slot %llX", address(request->punkCallBack), address(request->phSyncDoneEvent));
    if (request->psesSync) /* any object's first slots are IUnknown's */
        note(state->log, "session counts %lu", count_of((IUnknown *)(void *)request->psesSync));
    if (FAILED(state->answer)) return state->answer;
    answer = IUnknown_QueryInterface(request->punkCallBack, &IID_IMAPISyncProgressCallback, (void **)&callback);
    answered(state->log, "QueryInterface", answer);
    if (FAILED(answer)) return answer;

    run = (Run *)malloc(sizeof(Run));
    run->state = *state;
    run->store = store;
    run->callback = callback;
    run->event = state->options & NO_EVENT ? NULL : event_new(&run->owner);
    *request->phSyncDoneEvent = run->event;
    IMAPISync_AddRef(store);
    if (state->options & BEFORE_RETURN) {
        work(run);
    } else if (!thread_start(work, run)) {
        abort();
    }
    return state->answer;
}

/* ---- the host ---- */

void witness_drive(Log *log, IMAPISync *store, ULONG flags, struct IMAPISession *session, HRESULT answer,
                   uint32_t options) {
    char memory[sizeof(HANDLE) + sizeof(MAPISIB) + 2];
    size_t shift = options & ODD ? 1 : 0;
    HANDLE aligned_slot, *slot = &aligned_slot, event, done;
    MAPISIB aligned, *request = &aligned, fields;
    Ending ending;
    IMAPISyncProgressCallback *callback;
    HRESULT result;
    if (shift) {
        slot = (HANDLE *)(void *)(memory + 1);
        request = (MAPISIB *)(void *)(memory + 1 + sizeof(HANDLE));
    }
    memset(slot, 0x5A, sizeof(HANDLE));
    done = event_new(&ending.done);
    callback = witness_callback(log, answer, slot, options, &ending);
    fields.ulSize = sizeof(MAPISIB);
    fields.ulFlags = flags;
    fields.psesSync = session;
    fields.punkCallBack = (IUnknown *)callback;
    fields.phSyncDoneEvent = slot;
    memcpy(request, &fields, sizeof fields);
    note(log, "callback counts %lu, store %lu", count_of((IUnknown *)callback), count_of((IUnknown *)store));

    result = IMAPISync_SynchronizeInBackground(store, request);
    if (FAILED(result)) {
        memcpy(&event, slot, sizeof event);
        note(log, "event %s", there(event));
        event_signal(ending.done);
    } else {
        if (!event_wait(done, PATIENCE)) note(log, "but Done did not come");
        memcpy(&event, slot, sizeof event);
        if (options & CLOSE_IN_DONE) event = ending.duplicate;
        if (!event_wait(event, PATIENCE)) note(log, "but the event did not occur");
        event_close(event);
    }
    event_close(done);
    answered(log, "SynchronizeInBackground", result); /* last, since the thread's calls may come before it returns */
    note(log, "callback counts %lu, store %lu", count_of((IUnknown *)callback), count_of((IUnknown *)store));
    note(log, "callback released, left %lu", (unsigned long)IMAPISyncProgressCallback_Release(callback));
}

static void refused(Log *log, IMAPISync *store, const char *what, MAPISIB request) {
    HANDLE slot;
    memset(&slot, 0x5A, sizeof slot);
    if (request.phSyncDoneEvent) request.phSyncDoneEvent = &slot;
    note(log, "%s", what);
    answered(log, "SynchronizeInBackground", IMAPISync_SynchronizeInBackground(store, &request));
    if (request.phSyncDoneEvent && request.ulSize >= sizeof request)
        note(log, "event %s", there(slot));
    if (request.phSyncDoneEvent && !request.punkCallBack && slot) {
        if (!event_wait(slot, PATIENCE)) note(log, "but the event did not occur");
        event_close(slot);
    }
}

void witness_bad_calls(Log *log, IMAPISync *store) {
    IUnknown *nobody = witness_nobody(log);
    IMAPISyncProgressCallback *callback = witness_callback(log, S_OK, NULL, 0, NULL);
    HANDLE slot;
    MAPISIB request, changed;
    request.ulSize = sizeof request;
    request.ulFlags = 0;
    request.psesSync = NULL;
    request.punkCallBack = (IUnknown *)callback;
    request.phSyncDoneEvent = &slot;

    note(log, "no MAPISIB");
    answered(log, "SynchronizeInBackground", IMAPISync_SynchronizeInBackground(store, NULL));
    changed = request;
    changed.ulSize = sizeof request - 1;
    refused(log, store, "short ulSize", changed);
    changed = request;
    changed.phSyncDoneEvent = NULL;
    refused(log, store, "no slot", changed);
    changed = request;
    changed.punkCallBack = nobody;
    refused(log, store, "callback without the interface", changed);
    changed = request;
    changed.punkCallBack = NULL;
    refused(log, store, "no callback", changed);

    note(log, "nobody left %lu", (unsigned long)IUnknown_Release(nobody));
    note(log, "callback left %lu", (unsigned long)IMAPISyncProgressCallback_Release(callback));
}

/* ---- the rules of QueryInterface ---- */

void witness_query(Log *log, IUnknown *object, const GUID *iids, uint32_t n) {
    static const GUID STRANGER = {0xDEADBEEF, 0, 0, {0, 1, 2, 3, 4, 5, 6, 7}};
    unsigned long before = count_of(object);
    char odd[sizeof(GUID) + sizeof(void *) + 1];
    void *out = &out;
    uint32_t i, j;
    IUnknown *identity = NULL, *first, *second, *same;

    answered(log, "a stranger", IUnknown_QueryInterface(object, &STRANGER, &out));
    note(log, "out %s", there(out));
    answered(log, "no ppv", IUnknown_QueryInterface(object, &IID_IUnknown, NULL));
#ifndef __cplusplus /* where riid is a reference, which can't be NULL */
    out = &out;
    answered(log, "no riid", IUnknown_QueryInterface(object, NULL, &out));
    note(log, "out %s", there(out));
#endif
    memcpy(odd + 1, &IID_IUnknown, sizeof(GUID));
    answered(log, "at odd addresses",
             IUnknown_QueryInterface(object, (const GUID *)(void *)(odd + 1), (void **)(void *)(odd + 1 + sizeof(GUID))));
    memcpy(&out, odd + 1 + sizeof(GUID), sizeof out);
    identity = (IUnknown *)out;
    note(log, "counts %lu", count_of(object) - before);

    for (i = 0; i < n; i++) {
        if (FAILED(IUnknown_QueryInterface(object, &iids[i], (void **)&first))) {
            note(log, "but interface %u is missing", (unsigned)i);
            continue;
        }
        for (j = 0; j < n; j++) { /* reflexive, symmetric and transitive: each of them leads to each */
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

#if defined(_WIN32)
static const struct {
    const char *name;
    HRESULT value;
} CODES[] = {
#include "codes.h" /* made by build.rs: every code of <mapicode.h>, and of <winerror.h> what the crate has */
};

int witness_code(uint32_t index, const char **name, HRESULT *value) {
    if (index >= sizeof CODES / sizeof *CODES) return 0;
    *name = CODES[index].name;
    *value = CODES[index].value;
    return 1;
}
#endif
