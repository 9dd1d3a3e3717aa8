// Objects as C++ classes. The calls in behavior.h are virtual calls.
#include "foreign.h"
#include <atomic>
#include <new>

static inline HRESULT IUnknown_QueryInterface(IUnknown *p, const IID *riid, void **out) { return p->QueryInterface(*riid, out); }
static inline ULONG IUnknown_AddRef(IUnknown *p) { return p->AddRef(); }
static inline ULONG IUnknown_Release(IUnknown *p) { return p->Release(); }
static inline ULONG IMAPISync_AddRef(IMAPISync *p) { return p->AddRef(); }
static inline ULONG IMAPISync_Release(IMAPISync *p) { return p->Release(); }
static inline HRESULT IMAPISync_SynchronizeInBackground(IMAPISync *p, MAPISIB *request) {
    return p->SynchronizeInBackground(request);
}
static inline ULONG IMAPISyncProgressCallback_Release(IMAPISyncProgressCallback *p) { return p->Release(); }
static inline HRESULT IMAPISyncProgressCallback_Progress(IMAPISyncProgressCallback *p, const MAPISYNC_CHAR *string,
                                                         ULONG index, ULONG max) {
    return p->Progress(string, index, max);
}
static inline HRESULT IMAPISyncProgressCallback_Error(IMAPISyncProgressCallback *p, HRESULT code,
                                                      const MAPISYNC_CHAR *string) {
    return p->Error(code, string);
}
static inline HRESULT IMAPISyncProgressCallback_Done(IMAPISyncProgressCallback *p, HANDLE event, HRESULT status) {
    return p->Done(event, status);
}

#include "behavior.h"

#if defined(_WIN32)
#include <type_traits>
static_assert(std::is_base_of<::IUnknown, IMAPISync>::value && std::is_base_of<::IUnknown, IMAPISyncProgressCallback>::value,
              "the interfaces derive from the IUnknown of <unknwn.h>");
static_assert(std::is_same<decltype(MAPISIB::punkCallBack), LPUNKNOWN>::value &&
                  std::is_same<decltype(MAPISIB::phSyncDoneEvent), LPHANDLE>::value,
              "MAPISIB has the pointer types of <windows.h> and <unknwn.h>");
#if defined(__MINGW32__)
static_assert(std::is_same<decltype(MAPISIB::psesSync), LPMAPISESSION>::value, "MAPISIB has the pointer type of <mapix.h>");
#endif
#ifndef __IUnknown_INTERFACE_DEFINED__
#error "<unknwn.h> has not been included"
#endif
#endif

// An object with a reference count and the log.
template <class... Interfaces> class Counted : public Interfaces... {
  public:
    Counted(Log *log, const char *name) : log(retain(log)), name(name) {}
    virtual ~Counted() { foreign_log_release(log); }

    ULONG STDMETHODCALLTYPE AddRef() override { return ++count; }
    ULONG STDMETHODCALLTYPE Release() override {
        ULONG left = --count;
        if (left == 0) {
            note(log, "%s gone", name);
            delete this;
#if defined(MAPISYNC_FAULT)
            return count; // deliberately read after the delete, which the sanitizers must report
#endif
        }
        return left;
    }

  protected:
    std::atomic<ULONG> count{1};
    Log *log;

  private:
    const char *name;
};

// An object with one interface.
template <class Interface> class Object : public Counted<Interface> {
  public:
    Object(Log *log, const char *name, const IID &own) : Counted<Interface>(log, name), own(own) {}

    HRESULT STDMETHODCALLTYPE QueryInterface(REFIID riid, void **out) override {
        if (!out) return E_POINTER;
        *out = nullptr;
        if (!IsEqualGUID(riid, IID_IUnknown) && !IsEqualGUID(riid, own)) return E_NOINTERFACE;
        this->AddRef();
        *out = static_cast<Interface *>(this);
        return S_OK;
    }

  private:
    const IID own;
};

class Callback final : public Object<IMAPISyncProgressCallback> {
  public:
    Callback(CallbackState state) : Object(state.log, "callback", IID_IMAPISyncProgressCallback), state(state) {}
    HRESULT STDMETHODCALLTYPE Progress(const MAPISYNC_CHAR *string, ULONG index, ULONG max) override {
        return record_progress(&state, string, index, max);
    }
    HRESULT STDMETHODCALLTYPE Error(HRESULT code, const MAPISYNC_CHAR *string) override {
        return record_error(&state, code, string);
    }
    HRESULT STDMETHODCALLTYPE Done(HANDLE event, HRESULT status) override { return record_done(&state, event, status); }

  private:
    CallbackState state;
};

class Store final : public Object<IMAPISync> {
  public:
    Store(StoreState state) : Object(state.log, "store", IID_IMAPISync), state(state) {}
    HRESULT STDMETHODCALLTYPE SynchronizeInBackground(MAPISIB *request) override { return synchronize(&state, this, request); }

  private:
    StoreState state;
};

IMAPISyncProgressCallback *foreign_callback(Log *log, HRESULT code, const void *location, uint32_t options,
                                            Completion *completion) {
    return new Callback({log, code, location, options, completion});
}

IMAPISync *foreign_store(Log *log, HRESULT code, HRESULT status, uint32_t options) {
    return new Store({log, code, status, options});
}

IUnknown *foreign_bare_object(Log *log) { return new Object<IUnknown>(log, "bare object", IID_IUnknown); }

// An object with several bases.
class Composite final : public Counted<IMAPISync, IMAPISyncProgressCallback> {
  public:
    Composite(Log *log, const Methods &methods) : Counted(log, "composite"), methods(methods) {}

    HRESULT STDMETHODCALLTYPE QueryInterface(REFIID riid, void **out) override {
        if (!out) return E_POINTER;
        *out = nullptr;
        if (IsEqualGUID(riid, IID_IUnknown) || IsEqualGUID(riid, IID_IMAPISync))
            *out = static_cast<IMAPISync *>(this);
        else if (IsEqualGUID(riid, IID_IMAPISyncProgressCallback))
            *out = static_cast<IMAPISyncProgressCallback *>(this);
        if (!*out) return E_NOINTERFACE;
        AddRef();
        return S_OK;
    }
    HRESULT STDMETHODCALLTYPE SynchronizeInBackground(MAPISIB *request) override {
        return methods.synchronize(methods.payload, request);
    }
    HRESULT STDMETHODCALLTYPE Progress(const MAPISYNC_CHAR *string, ULONG index, ULONG max) override {
        return methods.progress(methods.payload, string, index, max);
    }
    HRESULT STDMETHODCALLTYPE Error(HRESULT code, const MAPISYNC_CHAR *string) override {
        return methods.error(methods.payload, code, string);
    }
    HRESULT STDMETHODCALLTYPE Done(HANDLE event, HRESULT status) override { return methods.done(methods.payload, event, status); }

  private:
    const Methods methods;
};

IUnknown *foreign_composite(Log *log, const Methods *methods) {
    return static_cast<IMAPISync *>(new Composite(log, *methods));
}

// An outer as in ATL: it passes an unknown IID on to the inner.
class Outer final : public Counted<IUnknown> {
  public:
    Outer(Log *log, void *payload, void (*make)(void *, IUnknown *, IUnknown **)) : Counted(log, "outer") {
        make(payload, this, &inner);
    }

    HRESULT STDMETHODCALLTYPE QueryInterface(REFIID riid, void **out) override {
        static const IID MSG_STORE = {0x00020306, 0, 0, {0xC0, 0, 0, 0, 0, 0, 0, 0x46}};
        if (!out) return E_POINTER;
        if (!IsEqualGUID(riid, IID_IUnknown) && !IsEqualGUID(riid, MSG_STORE)) return inner->QueryInterface(riid, out);
        AddRef();
        *out = this;
        return S_OK;
    }
    ULONG STDMETHODCALLTYPE Release() override {
        ULONG left = --count;
        if (left == 0) {
            count = 0x40000000; // calls of the inner during its destruction must not destroy this again
            note(log, "inner left %lu", (unsigned long)inner->Release());
            note(log, "outer gone, %s", count == 0x40000000 ? "references balanced" : "but references not balanced");
            delete this;
        }
        return left;
    }

  private:
    IUnknown *inner = nullptr;
};

IUnknown *foreign_outer(Log *log, void *payload, void (*make)(void *payload, IUnknown *outer, IUnknown **inner)) {
    return new Outer(log, payload, make);
}

// An inner as in ATL: a non-delegating IUnknown, and an interface whose IUnknown delegates to the outer.
class Inner final : public Counted<IUnknown> {
  public:
    Inner(Log *log, IUnknown *outer) : Counted(log, "inner"), contained(log, outer) {}

    HRESULT STDMETHODCALLTYPE QueryInterface(REFIID riid, void **out) override {
        IUnknown *found = nullptr;
        if (!out) return E_POINTER;
        if (IsEqualGUID(riid, IID_IUnknown))
            found = this;
        else if (IsEqualGUID(riid, IID_IMAPISyncProgressCallback))
            found = &contained;
        *out = found;
        if (!found) return E_NOINTERFACE;
        found->AddRef();
        return S_OK;
    }

  private:
    class Contained final : public IMAPISyncProgressCallback {
      public:
        Contained(Log *log, IUnknown *outer) : outer(outer), state{log, E_ABORT, nullptr, 0, nullptr} {}
        virtual ~Contained() = default;
        HRESULT STDMETHODCALLTYPE QueryInterface(REFIID riid, void **out) override { return outer->QueryInterface(riid, out); }
        ULONG STDMETHODCALLTYPE AddRef() override { return outer->AddRef(); }
        ULONG STDMETHODCALLTYPE Release() override { return outer->Release(); }
        HRESULT STDMETHODCALLTYPE Progress(const MAPISYNC_CHAR *string, ULONG index, ULONG max) override {
            return record_progress(&state, string, index, max);
        }
        HRESULT STDMETHODCALLTYPE Error(HRESULT code, const MAPISYNC_CHAR *string) override {
            return record_error(&state, code, string);
        }
        HRESULT STDMETHODCALLTYPE Done(HANDLE event, HRESULT status) override { return record_done(&state, event, status); }

      private:
        IUnknown *outer; // not counted, because the outer owns the inner
        CallbackState state;
    };
    Contained contained;
};

HRESULT foreign_inner(Log *log, IUnknown *outer, IUnknown **inner) {
    *inner = new Inner(log, outer);
    return S_OK;
}

#if defined(__MINGW32__)
#include "outlook.h"
#endif
