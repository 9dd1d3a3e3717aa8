/* The functions that a foreign library exports to the tests. `objects.c` and `objects.cpp` both define
 * them, with objects of their language. `behavior.h` has what these objects do and log. Of the crate,
 * they know only mapisync.h. */
#ifndef FOREIGN_H
#define FOREIGN_H

#define COBJMACROS /* IUnknown's macros for C; mapisync.h always defines its own */
#include "mapisync.h"
#include <stddef.h>
#include <stdint.h>

/* Only mingw has MAPI's headers. The Windows SDK lacks them. */
#if defined(__MINGW32__)
#include <mapix.h>
#elif defined(_WIN32)
#define MAPI_E_NETWORK_ERROR ((HRESULT)0x80040115)
#define MAPI_W_PARTIAL_COMPLETION ((HRESULT)0x00040680)
#endif

#if defined(_WIN32)
#define EXPORT_ __declspec(dllexport)
#else
#define EXPORT_ __attribute__((visibility("default")))
#endif
#ifdef __cplusplus
#define EXPORT extern "C" EXPORT_
#else
#define EXPORT EXPORT_
#endif

/* A log with a line for every call and every returned code. */
typedef struct Log Log;
EXPORT Log *foreign_log_new(void);
/* Copies as much as there is room for, and returns the length of all lines. */
EXPORT size_t foreign_log_read(Log *log, char *lines, size_t room);
/* Objects keep the log alive beyond this call. */
EXPORT void foreign_log_release(Log *log);

enum {
    UNALIGNED_ADDRESSES = 1, /* MAPISIB and the event handle location lie at unaligned addresses */
    CLOSE_IN_DONE = 2,       /* the callback closes the event in Done, and the host waits for a duplicate */
    NO_EVENT = 4,            /* the store creates no event, and passes none */
    DONE_BEFORE_RETURN = 8,  /* the store calls Done before SynchronizeInBackground returns */
};

/* Objects with a reference count of 1. `code` is what SynchronizeInBackground or Progress returns.
 * `location` is the event handle location or NULL. `completion`, which may be NULL, tells the host that
 * Done was called. */
struct Completion;
EXPORT IMAPISync *foreign_store(Log *log, HRESULT code, HRESULT status, uint32_t options);
EXPORT IMAPISyncProgressCallback *foreign_callback(Log *log, HRESULT code, const void *location, uint32_t options,
                                                   struct Completion *completion);
IUnknown *foreign_bare_object(Log *log); /* has only IUnknown */

#ifdef __cplusplus
/* An object with both interfaces by multiple inheritance, as a framework builds it. Its methods call
 * these functions with `payload`. */
typedef struct Methods {
    void *payload;
    HRESULT (*synchronize)(void *payload, MAPISIB *request);
    HRESULT (*progress)(void *payload, const MAPISYNC_CHAR *string, ULONG index, ULONG max);
    HRESULT (*error)(void *payload, HRESULT code, const MAPISYNC_CHAR *string);
    HRESULT (*done)(void *payload, HANDLE event, HRESULT status);
} Methods;
EXPORT IUnknown *foreign_composite(Log *log, const Methods *methods);
/* A store with an interface of its own, under the IID of IMsgStore. It aggregates the object that `make`
 * creates. */
EXPORT IUnknown *foreign_outer(Log *log, void *payload, void (*make)(void *payload, IUnknown *outer, IUnknown **inner));
/* A callback that is aggregated by `outer`. */
EXPORT HRESULT foreign_inner(Log *log, IUnknown *outer, IUnknown **inner);
#if defined(__MINGW32__)
/* Acts as a host of a store, whose IMsgStore it receives. The reference count is the same afterward. */
EXPORT void foreign_msg_store(Log *log, IUnknown *store);
#endif
#endif

/* Acts as a host: runs the store from MAPISIB to the event, with a callback of its own. */
EXPORT void foreign_run(Log *log, IMAPISync *store, ULONG flags, struct IMAPISession *session, HRESULT code,
                        uint32_t options);
/* Acts as a host that makes invalid calls, and one without a callback. */
EXPORT void foreign_invalid_calls(Log *log, IMAPISync *store);
/* Tests the rules of QueryInterface on an object that has all of these interfaces. */
EXPORT void foreign_query_interface(Log *log, IUnknown *object, const GUID *iids, uint32_t n);

#if defined(__MINGW32__)
/* The codes that Windows' headers define, one for each index. Returns 0 after the last. */
EXPORT int foreign_code(uint32_t index, const char **name, HRESULT *value);
#endif

#endif
