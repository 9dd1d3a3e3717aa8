/* The functions that a foreign library exports to the tests. `objects.c` and `objects.cpp` both define
 * them, in their language. Of the crate, they know only mapisync.h.
 *
 * The objects are proxies: they pass each call on to another object, so that an argument goes through
 * two calls that this compiler generates, one into the proxy and one out of it. */
#ifndef FOREIGN_H
#define FOREIGN_H

#define COBJMACROS /* IUnknown's macros for C; mapisync.h always defines its own */
#include "mapisync.h"
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__MINGW32__)
#include <mapix.h> /* the Windows SDK lacks it */
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

/* Proxies with a reference count of 1. Each takes a reference to the other object. */
EXPORT IMAPISync *foreign_store(IMAPISync *store);
EXPORT IMAPISyncProgressCallback *foreign_callback(IMAPISyncProgressCallback *callback);
#ifdef __cplusplus
/* A proxy of both by multiple inheritance, as a framework builds it. */
EXPORT IMAPISync *foreign_composite(IMAPISync *store, IMAPISyncProgressCallback *callback);
/* A store with an interface of its own, under the IID of IMsgStore. It aggregates the object that `make`
 * creates. */
EXPORT IUnknown *foreign_outer(void *payload, void (*make)(void *payload, IUnknown *outer, IUnknown **inner));
/* A proxy of a callback that is aggregated by `outer`. */
EXPORT IUnknown *foreign_inner(IUnknown *outer, IMAPISyncProgressCallback *callback);
#endif

/* Calls of methods in the language of the library. */
static HRESULT query_interface(IUnknown *object, const IID *riid, void **ppv);
static void release(IUnknown *object);
static HRESULT synchronize(IMAPISync *store, MAPISIB *request);
static HRESULT progress(IMAPISyncProgressCallback *callback, const MAPISYNC_CHAR *string, ULONG index, ULONG max);
static HRESULT error(IMAPISyncProgressCallback *callback, HRESULT code, const MAPISYNC_CHAR *string);

/* Passes a request on, in a structure at an odd address and with a proxy of the callback. */
static HRESULT synchronize_by_proxy(IMAPISync *store, MAPISIB *request) {
    char odd[sizeof(MAPISIB) + 1];
    MAPISIB given, passed;
    void *callback = NULL;
    HRESULT code;
    if (request) memcpy(&given.ulSize, request, sizeof given.ulSize);
    if (!request || given.ulSize < sizeof given) return synchronize(store, request);
    memcpy(&given, request, sizeof given);
    passed.ulSize = given.ulSize;
    passed.ulFlags = given.ulFlags;
    passed.psesSync = given.psesSync;
    passed.punkCallBack = given.punkCallBack;
    passed.phSyncDoneEvent = given.phSyncDoneEvent;
    if (given.punkCallBack && SUCCEEDED(query_interface(given.punkCallBack, &IID_IMAPISyncProgressCallback, &callback)))
        passed.punkCallBack = (IUnknown *)foreign_callback((IMAPISyncProgressCallback *)callback);
    memcpy(odd + 1, &passed, sizeof passed);
    code = synchronize(store, (MAPISIB *)(void *)(odd + 1));
    if (callback) {
        release((IUnknown *)callback);
        release(passed.punkCallBack);
    }
    return code;
}

/* Copies a string to an odd address, character by character. */
static const MAPISYNC_CHAR *copied(const MAPISYNC_CHAR *string, char odd[1 << 16]) {
    MAPISYNC_CHAR unit = 1;
    size_t at = 0;
    if (!string) return NULL;
    for (; unit; at += sizeof unit) {
        if (at + 1 + sizeof unit > 1 << 16) abort();
        memcpy(&unit, (const char *)string + at, sizeof unit);
        memcpy(odd + 1 + at, &unit, sizeof unit);
    }
    return (const MAPISYNC_CHAR *)(const void *)(odd + 1);
}

static HRESULT progress_by_proxy(IMAPISyncProgressCallback *callback, const MAPISYNC_CHAR *string, ULONG index, ULONG max) {
    char odd[1 << 16];
    return progress(callback, copied(string, odd), index, max);
}

static HRESULT error_by_proxy(IMAPISyncProgressCallback *callback, HRESULT code, const MAPISYNC_CHAR *string) {
    char odd[1 << 16];
    return error(callback, code, copied(string, odd));
}

#endif
