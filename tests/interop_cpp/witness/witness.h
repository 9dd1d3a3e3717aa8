/* What a witness exports to the tests. `witness.c` and `witness.cpp` both do, each with objects made in the way of its
 * language; what the objects do and note is in `script.h`. None of it knows more of the crate than mapisync.h says. */
#ifndef WITNESS_H
#define WITNESS_H

#define COBJMACROS /* IUnknown's calls in C; mapisync.h has its own interfaces' always */
#include "mapisync.h"
#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#include <mapix.h>
#define EXPORT_ __declspec(dllexport)
#else
#define EXPORT_ __attribute__((visibility("default")))
#endif
#ifdef __cplusplus
#define EXPORT extern "C" EXPORT_
#else
#define EXPORT EXPORT_
#endif

/* Everything that a witness sees and gets is a line of text here. */
typedef struct Log Log;
EXPORT Log *witness_log(void);
EXPORT size_t witness_read(Log *log, char *text, size_t room); /* the length of all lines; copies what there is room for */
EXPORT void witness_free(Log *log); /* objects keep it alive beyond that */

enum {
    ODD = 1,           /* MAPISIB, the slot and texts at odd addresses */
    CLOSE_IN_DONE = 2, /* the callback closes the event inside Done, and the host waits for a duplicate */
    NO_EVENT = 4,      /* the store makes no event, and hands over none */
    BEFORE_RETURN = 8, /* the store calls Done before SynchronizeInBackground returns */
};

/* Objects with a count of 1. `answer` is what SynchronizeInBackground or Progress returns, `slot` where the event's
 * handle will be put, and `ending`, which may be NULL as `slot` may, what Done tells the host. */
struct Ending;
EXPORT IMAPISync *witness_store(Log *log, HRESULT answer, HRESULT status, uint32_t options);
EXPORT IMAPISyncProgressCallback *witness_callback(Log *log, HRESULT answer, const void *slot, uint32_t options,
                                                   struct Ending *ending);
IUnknown *witness_nobody(Log *log); /* has no interface but IUnknown */

#ifdef __cplusplus
/* An object as somebody's framework builds it: both interfaces by multiple inheritance, with methods that call functions
 * which it was given, and their first argument. */
typedef struct Bodies {
    void *half;
    HRESULT (*synchronise)(void *half, MAPISIB *request);
    HRESULT (*progress)(void *half, const MAPISYNC_CHAR *text, ULONG index, ULONG max);
    HRESULT (*error)(void *half, HRESULT code, const MAPISYNC_CHAR *text);
    HRESULT (*done)(void *half, HANDLE event, HRESULT status);
} Bodies;
EXPORT IUnknown *witness_composite(Log *log, const Bodies *bodies);
/* A store with an interface of its own, IMsgStore's by its IID, which aggregates what `make` makes. */
EXPORT IUnknown *witness_outer(Log *log, void *payload, void (*make)(void *payload, IUnknown *outer, IUnknown **inner));
/* A callback that is made to be a part of another object. */
EXPORT HRESULT witness_inner(Log *log, IUnknown *outer, IUnknown **inner);
#if defined(_WIN32)
/* The host: everything that it does with a store of which it has the IMsgStore, whose count is as before then. */
EXPORT void witness_msg_store(Log *log, IUnknown *store);
#endif
#endif

/* The host: a run of the store from MAPISIB to the event, with a callback of its own. */
EXPORT void witness_drive(Log *log, IMAPISync *store, ULONG flags, struct IMAPISession *session, HRESULT answer,
                          uint32_t options);
/* The host: calls that a store has to refuse or to bear. */
EXPORT void witness_bad_calls(Log *log, IMAPISync *store);
/* The rules of QueryInterface, on an object that has to answer for each of the identifiers. */
EXPORT void witness_query(Log *log, IUnknown *object, const GUID *iids, uint32_t n);

#if defined(_WIN32)
/* The codes that Windows' headers define, one by one: 0 when there are no more. */
EXPORT int witness_code(uint32_t index, const char **name, HRESULT *value);
#endif

#endif
