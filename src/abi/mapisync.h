/* mapisync.h: IMAPISync, IMAPISyncProgressCallback and MAPISIB for C (C11) and C++ (C++11 and later).
 *
 * Microsoft documents these interfaces and ships no header for them. This one belongs to the Rust crate `mapisync`, whose
 * tests compare it with what compilers make of it for Windows, Linux and macOS. MIT licence.
 *
 * On Windows it includes <windows.h> and <unknwn.h> and uses their types; <mapix.h>, which has MAPI's codes there, may
 * come before or after it.
 * Elsewhere it needs nothing, and defines the few types that it uses. Define before including it
 *   MAPISYNC_STANDALONE      to have its own types on Windows too, without any Windows header, or
 *   MAPISYNC_NO_COM_TYPES    where another header (winelib's, DirectX's) has defined GUID, IUnknown and so on already.
 *
 * In C++ the interfaces are abstract classes; in C, or with CINTERFACE, they are structs with an `lpVtbl`, with macros to
 * call them: IMAPISync_SynchronizeInBackground(This, psibpb).
 *
 * Outside Windows a HANDLE is a file descriptor, `(int)(intptr_t)handle`: wait for the event with poll (any readiness
 * means that it has occurred), close it with close. It is never descriptor 0, which would be NULL.
 */
#ifndef MAPISYNC_H
#define MAPISYNC_H

#if defined(MAPISYNC_NO_COM_TYPES)
/* the including file has them */
#elif defined(_WIN32) && !defined(MAPISYNC_STANDALONE)
#include <windows.h>
#include <unknwn.h>
#else
#include <stdint.h>

typedef uint32_t ULONG;
typedef int32_t HRESULT;
typedef void *HANDLE;
#if defined(_WIN32)
#include <stddef.h>
typedef wchar_t WCHAR;
#elif defined(__cplusplus)
typedef char16_t WCHAR; /* u"text" */
#else
typedef uint16_t WCHAR; /* u"text", where <uchar.h> or the compiler knows it */
#endif

typedef struct GUID {
    uint32_t Data1;
    uint16_t Data2;
    uint16_t Data3;
    uint8_t Data4[8];
} GUID;
typedef GUID IID;

#ifndef STDMETHODCALLTYPE
#if defined(_WIN32)
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
#ifndef MAPI_E_USER_CANCEL /* of the many in <mapicode.h>, those that a synchronisation is likely to need */
#define MAPI_E_USER_CANCEL ((HRESULT)0x80040113)
#define MAPI_E_NETWORK_ERROR ((HRESULT)0x80040115)
#define MAPI_E_BUSY ((HRESULT)0x8004010B)
#define MAPI_W_PARTIAL_COMPLETION ((HRESULT)0x00040680)
#endif
#endif

/* What Microsoft's compiler and mingw's need for `__uuidof`, and Microsoft's for abstract classes. */
#if defined(_MSC_VER)
#define MAPISYNC_INTERFACE_(iid) struct __declspec(uuid(iid)) __declspec(novtable)
#else
#define MAPISYNC_INTERFACE_(iid) struct
#endif

/* COM's classes have no virtual destructor, which would take a slot: nobody deletes them but by Release. */
#if defined(__GNUC__)
#define MAPISYNC_CLASSES_BEGIN_ \
    _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wnon-virtual-dtor\"")
#define MAPISYNC_CLASSES_END_ _Pragma("GCC diagnostic pop")
#else
#define MAPISYNC_CLASSES_BEGIN_
#define MAPISYNC_CLASSES_END_
#endif

#if (defined(_WIN32) && !defined(MAPISYNC_STANDALONE)) || defined(MAPISYNC_NO_COM_TYPES)
/* theirs */
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

/* The session: counted, and defined in <mapix.h>. */
struct IMAPISession;

static const IID IID_IMAPISync = {0x5024A385, 0x2D44, 0x486A, {0x81, 0xA8, 0x8F, 0x0E, 0xCB, 0x60, 0x71, 0xDD}};
static const IID IID_IMAPISyncProgressCallback = {
    0x5024A386, 0x2D44, 0x486A, {0x81, 0xA8, 0x8F, 0x0E, 0xCB, 0x60, 0x71, 0xDD}};

/* MAPISIB.ulFlags: what to synchronise. Expect combinations, and bits without a name. The flags of the same prefix in
 * <EdkMdb.h> are others. */
#define SYNC_UPLOAD_HIERARCHY ((ULONG)0x00000001)   /* push changes of the folder hierarchy to the server */
#define SYNC_DOWNLOAD_HIERARCHY ((ULONG)0x00000002) /* pull them from the server */
#define SYNC_UPLOAD_CONTENTS ((ULONG)0x00000040)    /* push changes of messages */
#define SYNC_DOWNLOAD_CONTENTS ((ULONG)0x00000080)  /* pull them */
#define SYNC_OUTGOING_MAIL ((ULONG)0x00000200)      /* send to the server; not currently in use */
#define SYNC_BACKGROUND ((ULONG)0x00001000)         /* replication API: runs on a background thread */
#define SYNC_THESE_FOLDERS ((ULONG)0x00020000)      /* replication API: limited to specified folders */
#define SYNC_GLOBAL_HEADERS ((ULONG)0x02000000)     /* headers only */
#define SYNC_ON_DEMAND ((ULONG)0x20000000)          /* the user asked for it */

/* What Outlook passes to SynchronizeInBackground. It has natural packing, whatever the including file has set. */
#pragma pack(push, 8)
typedef struct MAPISIB {
    ULONG ulSize;                  /* in: the size of this structure in bytes */
    ULONG ulFlags;                 /* in: the SYNC_ flags */
    struct IMAPISession *psesSync; /* in: the session, borrowed for the call */
    struct IUnknown *punkCallBack; /* in: to be asked for IMAPISyncProgressCallback, borrowed for the call */
    HANDLE *phSyncDoneEvent;       /* out: the event that occurs when the store's thread is complete */
} MAPISIB, *PMAPISIB;
#pragma pack(pop)

#if defined(__cplusplus) && !defined(CINTERFACE)

MAPISYNC_CLASSES_BEGIN_
/* A message store implements it, Outlook calls it. */
MAPISYNC_INTERFACE_("5024A385-2D44-486A-81A8-8F0ECB6071DD") IMAPISync : public IUnknown {
    /* Slot 3. Starts a thread, stores its event in *phSyncDoneEvent and returns. */
    virtual HRESULT STDMETHODCALLTYPE SynchronizeInBackground(MAPISIB *psibpb) = 0;
};

/* Outlook implements it, the store calls it. */
MAPISYNC_INTERFACE_("5024A386-2D44-486A-81A8-8F0ECB6071DD") IMAPISyncProgressCallback : public IUnknown {
    /* Slot 3. The text may be NULL, to update the position only. A failing answer asks the store to stop. */
    virtual HRESULT STDMETHODCALLTYPE Progress(const WCHAR *pwcszProgress, ULONG ulIndex, ULONG ulIndexMax) = 0;
    /* Slot 4. An error or a warning, and the text to display. */
    virtual HRESULT STDMETHODCALLTYPE Error(HRESULT hResult, const WCHAR *pwcszErrorStr) = 0;
    /* Slot 5. The final status. The event, unless NULL, is handed over, for Outlook to close. */
    virtual HRESULT STDMETHODCALLTYPE Done(HANDLE hThreadDoneEvent, HRESULT hResult) = 0;
};
MAPISYNC_CLASSES_END_

#if defined(__CRT_UUID_DECL) && !defined(MAPISYNC_STANDALONE)
__CRT_UUID_DECL(IMAPISync, 0x5024A385, 0x2D44, 0x486A, 0x81, 0xA8, 0x8F, 0x0E, 0xCB, 0x60, 0x71, 0xDD)
__CRT_UUID_DECL(IMAPISyncProgressCallback, 0x5024A386, 0x2D44, 0x486A, 0x81, 0xA8, 0x8F, 0x0E, 0xCB, 0x60, 0x71, 0xDD)
#endif

#else

/* A message store implements it, Outlook calls it. */
typedef struct IMAPISync IMAPISync;
typedef struct IMAPISyncVtbl {
    HRESULT (STDMETHODCALLTYPE *QueryInterface)(IMAPISync *This, REFIID riid, void **ppvObject);
    ULONG (STDMETHODCALLTYPE *AddRef)(IMAPISync *This);
    ULONG (STDMETHODCALLTYPE *Release)(IMAPISync *This);
    /* Slot 3. Starts a thread, stores its event in *phSyncDoneEvent and returns. */
    HRESULT (STDMETHODCALLTYPE *SynchronizeInBackground)(IMAPISync *This, MAPISIB *psibpb);
} IMAPISyncVtbl;
struct IMAPISync {
    const IMAPISyncVtbl *lpVtbl;
};
#define IMAPISync_QueryInterface(This, riid, ppvObject) ((This)->lpVtbl->QueryInterface((This), (riid), (ppvObject)))
#define IMAPISync_AddRef(This) ((This)->lpVtbl->AddRef(This))
#define IMAPISync_Release(This) ((This)->lpVtbl->Release(This))
#define IMAPISync_SynchronizeInBackground(This, psibpb) ((This)->lpVtbl->SynchronizeInBackground((This), (psibpb)))

/* Outlook implements it, the store calls it. */
typedef struct IMAPISyncProgressCallback IMAPISyncProgressCallback;
typedef struct IMAPISyncProgressCallbackVtbl {
    HRESULT (STDMETHODCALLTYPE *QueryInterface)(IMAPISyncProgressCallback *This, REFIID riid, void **ppvObject);
    ULONG (STDMETHODCALLTYPE *AddRef)(IMAPISyncProgressCallback *This);
    ULONG (STDMETHODCALLTYPE *Release)(IMAPISyncProgressCallback *This);
    /* Slot 3. The text may be NULL, to update the position only. A failing answer asks the store to stop. */
    HRESULT (STDMETHODCALLTYPE *Progress)(IMAPISyncProgressCallback *This, const WCHAR *pwcszProgress, ULONG ulIndex,
                                          ULONG ulIndexMax);
    /* Slot 4. An error or a warning, and the text to display. */
    HRESULT (STDMETHODCALLTYPE *Error)(IMAPISyncProgressCallback *This, HRESULT hResult, const WCHAR *pwcszErrorStr);
    /* Slot 5. The final status. The event, unless NULL, is handed over, for Outlook to close. */
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

/* What a provider that is a library of its own exports: a new store object's interface, with a reference for the caller.
 * E_NOINTERFACE, E_POINTER or another failure leave NULL in *ppv. */
#ifdef __cplusplus
extern "C" {
#endif
HRESULT STDMETHODCALLTYPE CreateMapiSync(REFIID riid, void **ppv);
typedef HRESULT (STDMETHODCALLTYPE *PCREATEMAPISYNC)(REFIID riid, void **ppv);
#ifdef __cplusplus
}
#endif

#if defined(__cplusplus)
static_assert(sizeof(MAPISIB) == (sizeof(void *) == 8 ? 32 : 20) && alignof(MAPISIB) == sizeof(void *),
              "MAPISIB is laid out in another way");
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
_Static_assert(sizeof(MAPISIB) == (sizeof(void *) == 8 ? 32 : 20) && _Alignof(MAPISIB) == sizeof(void *),
               "MAPISIB is laid out in another way");
#endif

#endif
