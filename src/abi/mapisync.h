/* mapisync.h: IMAPISync, IMAPISyncProgressCallback and MAPISIB for C (C99 and later) and C++ (C++11
 * and later).
 *
 * Microsoft documents these interfaces and ships no header for them. This header belongs to the
 * Rust crate `mapisync`, whose tests check it with compilers for Windows, Linux and macOS. MIT
 * license.
 *
 * On Windows it includes <windows.h> and <unknwn.h> and uses their types. <mapix.h>, which has
 * MAPI's codes there, may come before or after it. Elsewhere it includes only <stdint.h>, and
 * defines the few types that it uses. Two macros change this; define one of them before including
 * it:
 *   MAPISYNC_STANDALONE     It defines its own types on Windows too, and includes no Windows header.
 *   MAPISYNC_NO_COM_TYPES   It defines no type that Windows' headers have. The including file must
 *                           have defined GUID, IID, REFIID, HRESULT, ULONG, HANDLE, IUnknown,
 *                           STDMETHODCALLTYPE and, on Windows, WCHAR. DirectX-Headers' file
 *                           <wsl/winadapter.h> does so on Linux.
 *
 * The library uses the calling convention of C; on 32-bit x86 Windows it uses __stdcall. A static
 * assertion fails where a type has the wrong size, or where STDMETHODCALLTYPE is another convention.
 * Wine's headers define it as another convention in Unix programs for x86.
 *
 * Strings are UTF-16 and end with a NUL. Their characters are MAPISYNC_CHAR: WCHAR on Windows,
 * otherwise char16_t in C++ and uint16_t in C. The interfaces use WCHAR only on Windows, because
 * other headers define it as wchar_t, which has 32 bits elsewhere.
 *
 * In C++ the interfaces are abstract classes. In C, or with CINTERFACE, they are structs with an
 * `lpVtbl`, with macros to call them: IMAPISync_SynchronizeInBackground(This, psibpb).
 *
 * Outside Windows a HANDLE is a file descriptor, `(int)(intptr_t)handle`. Wait for the event with
 * poll, where any readiness but POLLNVAL means that it is signaled, and close it with close. It is
 * never one of the standard descriptors 0, 1 and 2.
 *
 * The host may close the event in Done, before it is signaled. A store therefore signals it through a
 * second handle of its own: on Windows a duplicate; elsewhere the event may be the read end of a pipe,
 * and closing the write end signals it.
 *
 * The host must keep its reference to the store until SynchronizeInBackground has returned, even if
 * Done is called before that.
 *
 * These rules are inferred, because no public source states them: a failure of Progress asks the
 * store to stop; a store never passes a ulIndexMax of 0, by which Outlook may divide, and a host
 * reads it as an unknown total; the host that receives an event from Done is its owner.
 */
#ifndef MAPISYNC_H
#define MAPISYNC_H

#include <stdint.h>

/* Defined in a Windows program. Wine's compiler defines _WIN32 in Unix programs, too. */
#if defined(_WIN32) && !defined(__ELF__) && !defined(__MACH__)
#define MAPISYNC_WINDOWS_
#endif

/* The convention of `extern "system"` in Rust. On x86 Unix it is explicit, because compilers have
 * options that change the default. */
#if defined(MAPISYNC_WINDOWS_)
#define MAPISYNC_CALL_ __stdcall
#elif defined(__GNUC__) && defined(__x86_64__) && !defined(__CYGWIN__)
#define MAPISYNC_CALL_ __attribute__((__sysv_abi__))
#elif defined(__GNUC__) && defined(__i386__)
#define MAPISYNC_CALL_ __attribute__((__cdecl__))
#else
#define MAPISYNC_CALL_
#endif

#if defined(MAPISYNC_NO_COM_TYPES)
/* The including file defines them. */
#elif defined(_WIN32) && !defined(MAPISYNC_STANDALONE)
#include <windows.h>
#include <unknwn.h>
#else

typedef uint32_t ULONG;
typedef int32_t HRESULT;
typedef void *HANDLE;
#if defined(MAPISYNC_WINDOWS_)
#include <stddef.h>
typedef wchar_t WCHAR;
#elif defined(__cplusplus)
typedef char16_t WCHAR;
#else
typedef uint16_t WCHAR;
#endif

typedef struct GUID {
    uint32_t Data1;
    uint16_t Data2;
    uint16_t Data3;
    uint8_t Data4[8];
} GUID;
typedef GUID IID;

#ifndef STDMETHODCALLTYPE
#if defined(MAPISYNC_WINDOWS_)
#define STDMETHODCALLTYPE __stdcall
#else
#define STDMETHODCALLTYPE
#endif
#endif

static const IID IID_IUnknown = {0x00000000, 0x0000, 0x0000, {0xC0, 0, 0, 0, 0, 0, 0, 0x46}};
static const IID IID_IMAPISession = {0x00020300, 0x0000, 0x0000, {0xC0, 0, 0, 0, 0, 0, 0, 0x46}};

static inline int mapisync_guid_cmp_(const GUID *a, const GUID *b) {
    int i = 0, differ = a->Data1 != b->Data1 || a->Data2 != b->Data2 || a->Data3 != b->Data3;
    for (; i < 8; i++) differ |= a->Data4[i] != b->Data4[i];
    return differ;
}
#ifdef __cplusplus
typedef const IID &REFIID;
static inline bool IsEqualGUID(REFIID a, REFIID b) { return mapisync_guid_cmp_(&a, &b) == 0; }
#else
typedef const IID *REFIID;
#define IsEqualGUID(a, b) (mapisync_guid_cmp_((a), (b)) == 0)
#endif

#ifndef S_OK
#define S_OK ((HRESULT)0)
#define S_FALSE ((HRESULT)1)
#define SUCCEEDED(hr) ((HRESULT)(hr) >= 0)
#define FAILED(hr) ((HRESULT)(hr) < 0)
#define E_NOTIMPL ((HRESULT)0x80004001)
#define E_NOINTERFACE ((HRESULT)0x80004002)
#define E_POINTER ((HRESULT)0x80004003)
#define E_ABORT ((HRESULT)0x80004004)
#define E_FAIL ((HRESULT)0x80004005)
#define E_UNEXPECTED ((HRESULT)0x8000FFFF)
#define E_ACCESSDENIED ((HRESULT)0x80070005)
#define E_OUTOFMEMORY ((HRESULT)0x8007000E)
#define E_INVALIDARG ((HRESULT)0x80070057)
#endif
#ifndef MAPI_E_USER_CANCEL /* those of <mapicode.h> that a synchronization is likely to need */
#define MAPI_E_USER_CANCEL ((HRESULT)0x80040113)
#define MAPI_E_NETWORK_ERROR ((HRESULT)0x80040115)
#define MAPI_E_BUSY ((HRESULT)0x8004010B)
#define MAPI_W_PARTIAL_COMPLETION ((HRESULT)0x00040680)
#endif
#endif

/* A character of a string: u"string", on Windows L"string". */
#if defined(MAPISYNC_WINDOWS_)
typedef WCHAR MAPISYNC_CHAR;
#elif defined(__cplusplus)
typedef char16_t MAPISYNC_CHAR;
#else
typedef uint16_t MAPISYNC_CHAR;
#endif

/* Static assertions. Before C11 the name is the message, and alignments cannot be compared. */
#if defined(__cplusplus)
#define MAPISYNC_ASSERT_(name, condition, message) static_assert(condition, "mapisync.h: " message)
#define MAPISYNC_ALIGN_(type) alignof(type)
#define MAPISYNC_MINUS_ONE_(type) static_cast<type>(-1)
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define MAPISYNC_ASSERT_(name, condition, message) _Static_assert(condition, "mapisync.h: " message)
#define MAPISYNC_ALIGN_(type) _Alignof(type)
#else
#define MAPISYNC_ASSERT_(name, condition, message) typedef char mapisync_##name##_[(condition) ? 1 : -1]
#define MAPISYNC_ALIGN_(type) 0
#endif
#ifndef __cplusplus
#define MAPISYNC_MINUS_ONE_(type) ((type)-1)
#endif
/* Each type that the including file can supply. */
#define MAPISYNC_TYPE_(type, must, condition) \
    MAPISYNC_ASSERT_(type##_is_another_type, condition, \
                     #type " must " must ". Change its definition, or include mapisync.h in a file without it and " \
                           "without MAPISYNC_NO_COM_TYPES")

MAPISYNC_TYPE_(ULONG, "be an unsigned integer of 32 bits", sizeof(ULONG) == 4 && MAPISYNC_MINUS_ONE_(ULONG) > 0);
MAPISYNC_TYPE_(HRESULT, "be a signed integer of 32 bits", sizeof(HRESULT) == 4 && MAPISYNC_MINUS_ONE_(HRESULT) < 0);
MAPISYNC_TYPE_(HANDLE, "have the size of a pointer", sizeof(HANDLE) == sizeof(void *));
/* The library accepts a GUID at any address. Those that it passes are aligned as uint32_t. */
MAPISYNC_TYPE_(GUID, "have 16 bytes, aligned at most as uint32_t",
               sizeof(GUID) == 16 && MAPISYNC_ALIGN_(GUID) <= MAPISYNC_ALIGN_(uint32_t));
MAPISYNC_TYPE_(IID, "have 16 bytes, aligned at most as uint32_t",
               sizeof(IID) == 16 && MAPISYNC_ALIGN_(IID) <= MAPISYNC_ALIGN_(uint32_t));
MAPISYNC_TYPE_(MAPISYNC_CHAR, "have 16 bits (on Windows it is WCHAR)", sizeof(MAPISYNC_CHAR) == 2);

#if defined(__cplusplus)
extern "C++" {
struct mapisync_two_ {
    char bytes[2];
};
char mapisync_call_(HRESULT(MAPISYNC_CALL_ *)());
mapisync_two_ mapisync_call_(...);
template <class T> struct mapisync_refiid_ { enum { points = 0 }; };
template <> struct mapisync_refiid_<const IID &> { enum { points = 1 }; };
template <> struct mapisync_refiid_<const IID *> { enum { points = 1 }; };
template <> struct mapisync_refiid_<const IID *const> { enum { points = 1 }; };
}
#define MAPISYNC_SAME_CALL_ (sizeof(mapisync_call_(static_cast<HRESULT(STDMETHODCALLTYPE *)()>(nullptr))) == 1)
#define MAPISYNC_REFIID_POINTS_ mapisync_refiid_<REFIID>::points
#else
#if defined(__GNUC__)
#define MAPISYNC_SAME_CALL_ \
    __builtin_types_compatible_p(HRESULT(STDMETHODCALLTYPE *)(void), HRESULT(MAPISYNC_CALL_ *)(void))
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define MAPISYNC_SAME_CALL_ \
    _Generic((HRESULT(STDMETHODCALLTYPE *)(void))0, HRESULT(MAPISYNC_CALL_ *)(void) : 1, default : 0)
#else
#define MAPISYNC_SAME_CALL_ 1 /* Microsoft's C without /std:c11 has no means to compare types. */
#endif
#define MAPISYNC_REFIID_POINTS_ (sizeof(REFIID) == sizeof(void *))
#endif
MAPISYNC_ASSERT_(STDMETHODCALLTYPE_is_another_calling_convention, MAPISYNC_SAME_CALL_,
                 "STDMETHODCALLTYPE must be the calling convention of the library: that of C, on Windows "
                 "__stdcall. The headers of Wine and options such as -mabi=ms select another for Unix programs. "
                 "Include mapisync.h in a file without them and without MAPISYNC_NO_COM_TYPES");
MAPISYNC_TYPE_(REFIID, "be a reference or a pointer to a const IID", MAPISYNC_REFIID_POINTS_);

/* Microsoft's compiler needs the IID for `__uuidof`, and `novtable` for abstract classes. */
#if defined(_MSC_VER)
#define MAPISYNC_INTERFACE_(iid) struct __declspec(uuid(iid)) __declspec(novtable)
#else
#define MAPISYNC_INTERFACE_(iid) struct
#endif

/* COM's classes have no virtual destructor, which would take a vtable slot: only Release deletes an
 * object. */
#if defined(__GNUC__)
#define MAPISYNC_CLASSES_BEGIN_ \
    _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wnon-virtual-dtor\"")
#define MAPISYNC_CLASSES_END_ _Pragma("GCC diagnostic pop")
#else
#define MAPISYNC_CLASSES_BEGIN_
#define MAPISYNC_CLASSES_END_
#endif

#if (defined(_WIN32) && !defined(MAPISYNC_STANDALONE)) || defined(MAPISYNC_NO_COM_TYPES)
/* The other header defines IUnknown. */
#elif defined(__cplusplus) && !defined(CINTERFACE)

MAPISYNC_CLASSES_BEGIN_
MAPISYNC_INTERFACE_("00000000-0000-0000-C000-000000000046") IUnknown {
    virtual HRESULT STDMETHODCALLTYPE QueryInterface(REFIID riid, void **ppvObject) = 0;
    virtual ULONG STDMETHODCALLTYPE AddRef() = 0;
    virtual ULONG STDMETHODCALLTYPE Release() = 0;
};
MAPISYNC_CLASSES_END_

#else

typedef struct IUnknown IUnknown;
typedef struct IUnknownVtbl {
    HRESULT (STDMETHODCALLTYPE *QueryInterface)(IUnknown *This, REFIID riid, void **ppvObject);
    ULONG (STDMETHODCALLTYPE *AddRef)(IUnknown *This);
    ULONG (STDMETHODCALLTYPE *Release)(IUnknown *This);
} IUnknownVtbl;
struct IUnknown {
    const IUnknownVtbl *lpVtbl;
};
#define IUnknown_QueryInterface(This, riid, ppvObject) ((This)->lpVtbl->QueryInterface((This), (riid), (ppvObject)))
#define IUnknown_AddRef(This) ((This)->lpVtbl->AddRef(This))
#define IUnknown_Release(This) ((This)->lpVtbl->Release(This))

#endif

#if defined(__cplusplus) && !defined(CINTERFACE)
MAPISYNC_CLASSES_BEGIN_
/* It is abstract if IUnknown has more pure methods than these. Nothing creates it. */
struct mapisync_unknown_ : public IUnknown {
    HRESULT STDMETHODCALLTYPE QueryInterface(REFIID riid, void **ppvObject) override;
    ULONG STDMETHODCALLTYPE AddRef() override;
    ULONG STDMETHODCALLTYPE Release() override;
};
MAPISYNC_CLASSES_END_
MAPISYNC_TYPE_(IUnknown, "have three virtual methods, no virtual destructor and no fields",
               sizeof(IUnknown) == sizeof(void *) && !__has_virtual_destructor(IUnknown) &&
                   !__is_abstract(mapisync_unknown_));
#endif

/* The session is an object with a reference count. <mapix.h> defines it. */
struct IMAPISession;

static const IID IID_IMAPISync = {0x5024A385, 0x2D44, 0x486A, {0x81, 0xA8, 0x8F, 0x0E, 0xCB, 0x60, 0x71, 0xDD}};
static const IID IID_IMAPISyncProgressCallback = {
    0x5024A386, 0x2D44, 0x486A, {0x81, 0xA8, 0x8F, 0x0E, 0xCB, 0x60, 0x71, 0xDD}};

/* MAPISIB.ulFlags: the selection of what to synchronize. Expect combinations, and bits without a
 * name. The flags in <EdkMdb.h> that have the same prefix are different flags. */
#define SYNC_UPLOAD_HIERARCHY ((ULONG)0x00000001)   /* push changes of the folder hierarchy to the server */
#define SYNC_DOWNLOAD_HIERARCHY ((ULONG)0x00000002) /* pull them from the server */
#define SYNC_UPLOAD_CONTENTS ((ULONG)0x00000040)    /* push changes of messages to the server */
#define SYNC_DOWNLOAD_CONTENTS ((ULONG)0x00000080)  /* pull them from the server */
#define SYNC_OUTGOING_MAIL ((ULONG)0x00000200)      /* send to the server; not currently in use */
#define SYNC_BACKGROUND ((ULONG)0x00001000)         /* replication API: runs on a background thread */
#define SYNC_THESE_FOLDERS ((ULONG)0x00020000)      /* replication API: limited to specified folders */
#define SYNC_GLOBAL_HEADERS ((ULONG)0x02000000)     /* headers only */
#define SYNC_ON_DEMAND ((ULONG)0x20000000)          /* the user requested it */

/* Outlook passes it to SynchronizeInBackground. It has natural packing, even if the including file
 * has set another packing. */
#pragma pack(push, 8)
typedef struct MAPISIB {
    ULONG ulSize;                  /* in: the size of this structure in bytes */
    ULONG ulFlags;                 /* in: the SYNC_ flags */
    struct IMAPISession *psesSync; /* in: the session, valid during the call */
    struct IUnknown *punkCallBack; /* in: has IMAPISyncProgressCallback, valid during the call */
    HANDLE *phSyncDoneEvent;       /* out: an event, signaled when the store's thread is complete */
} MAPISIB, *PMAPISIB;
#pragma pack(pop)

#if defined(__cplusplus) && !defined(CINTERFACE)

MAPISYNC_CLASSES_BEGIN_
/* A message store implements it, and Outlook calls it. */
MAPISYNC_INTERFACE_("5024A385-2D44-486A-81A8-8F0ECB6071DD") IMAPISync : public IUnknown {
    /* Slot 3. Starts a thread, stores its event in *phSyncDoneEvent and returns. The host must keep
     * its reference to the store until this call has returned, even if Done is called before that. */
    virtual HRESULT STDMETHODCALLTYPE SynchronizeInBackground(MAPISIB *psibpb) = 0;
};

/* Outlook implements it, and the store calls it. */
MAPISYNC_INTERFACE_("5024A386-2D44-486A-81A8-8F0ECB6071DD") IMAPISyncProgressCallback : public IUnknown {
    /* Slot 3. Reports a step and a position. The string may be NULL, to update only the position. A
     * failure code asks the store to stop. ulIndexMax must not be 0; a host should read 0 as an
     * unknown total. */
    virtual HRESULT STDMETHODCALLTYPE Progress(const MAPISYNC_CHAR *pwcszProgress, ULONG ulIndex, ULONG ulIndexMax) = 0;
    /* Slot 4. Reports an error or a warning, and the message to display. */
    virtual HRESULT STDMETHODCALLTYPE Error(HRESULT hResult, const MAPISYNC_CHAR *pwcszErrorStr) = 0;
    /* Slot 5. Reports the final status. Outlook becomes the owner of the event, unless it is NULL,
     * and closes it. SynchronizeInBackground may not have returned yet. */
    virtual HRESULT STDMETHODCALLTYPE Done(HANDLE hThreadDoneEvent, HRESULT hResult) = 0;
};
MAPISYNC_CLASSES_END_

#if defined(__CRT_UUID_DECL) && !defined(MAPISYNC_STANDALONE) && !defined(MAPISYNC_NO_COM_TYPES)
__CRT_UUID_DECL(IMAPISync, 0x5024A385, 0x2D44, 0x486A, 0x81, 0xA8, 0x8F, 0x0E, 0xCB, 0x60, 0x71, 0xDD)
__CRT_UUID_DECL(IMAPISyncProgressCallback, 0x5024A386, 0x2D44, 0x486A, 0x81, 0xA8, 0x8F, 0x0E, 0xCB, 0x60, 0x71, 0xDD)
#endif

#else

/* A message store implements it, and Outlook calls it. */
typedef struct IMAPISync IMAPISync;
typedef struct IMAPISyncVtbl {
    HRESULT (STDMETHODCALLTYPE *QueryInterface)(IMAPISync *This, REFIID riid, void **ppvObject);
    ULONG (STDMETHODCALLTYPE *AddRef)(IMAPISync *This);
    ULONG (STDMETHODCALLTYPE *Release)(IMAPISync *This);
    /* Slot 3. Starts a thread, stores its event in *phSyncDoneEvent and returns. The host must keep
     * its reference to the store until this call has returned, even if Done is called before that. */
    HRESULT (STDMETHODCALLTYPE *SynchronizeInBackground)(IMAPISync *This, MAPISIB *psibpb);
} IMAPISyncVtbl;
struct IMAPISync {
    const IMAPISyncVtbl *lpVtbl;
};
#define IMAPISync_QueryInterface(This, riid, ppvObject) ((This)->lpVtbl->QueryInterface((This), (riid), (ppvObject)))
#define IMAPISync_AddRef(This) ((This)->lpVtbl->AddRef(This))
#define IMAPISync_Release(This) ((This)->lpVtbl->Release(This))
#define IMAPISync_SynchronizeInBackground(This, psibpb) ((This)->lpVtbl->SynchronizeInBackground((This), (psibpb)))

/* Outlook implements it, and the store calls it. */
typedef struct IMAPISyncProgressCallback IMAPISyncProgressCallback;
typedef struct IMAPISyncProgressCallbackVtbl {
    HRESULT (STDMETHODCALLTYPE *QueryInterface)(IMAPISyncProgressCallback *This, REFIID riid, void **ppvObject);
    ULONG (STDMETHODCALLTYPE *AddRef)(IMAPISyncProgressCallback *This);
    ULONG (STDMETHODCALLTYPE *Release)(IMAPISyncProgressCallback *This);
    /* Slot 3. Reports a step and a position. The string may be NULL, to update only the position. A
     * failure code asks the store to stop. ulIndexMax must not be 0; a host should read 0 as an
     * unknown total. */
    HRESULT (STDMETHODCALLTYPE *Progress)(IMAPISyncProgressCallback *This, const MAPISYNC_CHAR *pwcszProgress,
                                          ULONG ulIndex, ULONG ulIndexMax);
    /* Slot 4. Reports an error or a warning, and the message to display. */
    HRESULT (STDMETHODCALLTYPE *Error)(IMAPISyncProgressCallback *This, HRESULT hResult,
                                       const MAPISYNC_CHAR *pwcszErrorStr);
    /* Slot 5. Reports the final status. Outlook becomes the owner of the event, unless it is NULL,
     * and closes it. SynchronizeInBackground may not have returned yet. */
    HRESULT (STDMETHODCALLTYPE *Done)(IMAPISyncProgressCallback *This, HANDLE hThreadDoneEvent, HRESULT hResult);
} IMAPISyncProgressCallbackVtbl;
struct IMAPISyncProgressCallback {
    const IMAPISyncProgressCallbackVtbl *lpVtbl;
};
#define IMAPISyncProgressCallback_QueryInterface(This, riid, ppvObject) \
    ((This)->lpVtbl->QueryInterface((This), (riid), (ppvObject)))
#define IMAPISyncProgressCallback_AddRef(This) ((This)->lpVtbl->AddRef(This))
#define IMAPISyncProgressCallback_Release(This) ((This)->lpVtbl->Release(This))
#define IMAPISyncProgressCallback_Progress(This, pwcszProgress, ulIndex, ulIndexMax) \
    ((This)->lpVtbl->Progress((This), (pwcszProgress), (ulIndex), (ulIndexMax)))
#define IMAPISyncProgressCallback_Error(This, hResult, pwcszErrorStr) \
    ((This)->lpVtbl->Error((This), (hResult), (pwcszErrorStr)))
#define IMAPISyncProgressCallback_Done(This, hThreadDoneEvent, hResult) \
    ((This)->lpVtbl->Done((This), (hThreadDoneEvent), (hResult)))

#endif

/* A store provider in a separate library exports this function. It creates a store object and
 * returns an interface of it, with a reference for the caller. On a failure, such as E_NOINTERFACE,
 * *ppv is NULL. */
#ifdef __cplusplus
extern "C" {
#endif
HRESULT STDMETHODCALLTYPE CreateMapiSync(REFIID riid, void **ppv);
typedef HRESULT (STDMETHODCALLTYPE *PCREATEMAPISYNC)(REFIID riid, void **ppv);
#ifdef __cplusplus
}
#endif

MAPISYNC_ASSERT_(MAPISIB_has_another_layout,
                 sizeof(MAPISIB) == (sizeof(void *) == 8 ? 32 : 20) &&
                     MAPISYNC_ALIGN_(MAPISIB) == MAPISYNC_ALIGN_(void *),
                 "MAPISIB has another layout");

#endif
