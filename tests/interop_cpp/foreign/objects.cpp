// Objects as C++ classes, and virtual calls.
#include "foreign.h"
#include <atomic>

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

static bool is_iid_of(REFIID riid, IUnknown *) { return IsEqualGUID(riid, IID_IUnknown); }
static bool is_iid_of(REFIID riid, IMAPISync *) { return IsEqualGUID(riid, IID_IMAPISync); }
static bool is_iid_of(REFIID riid, IMAPISyncProgressCallback *) { return IsEqualGUID(riid, IID_IMAPISyncProgressCallback); }

// An object with a reference count. Its identity is its first interface.
template <class First, class... More> class Object : public First, public More... {
  public:
    Object(const Methods &methods) : methods(methods) {}
    virtual ~Object() { methods.gone(methods.payload); }

    HRESULT STDMETHODCALLTYPE QueryInterface(REFIID riid, void **out) override {
        if (!out) return E_POINTER;
        IUnknown *first = static_cast<First *>(this);
        *out = IsEqualGUID(riid, IID_IUnknown) || is_iid_of(riid, static_cast<First *>(this)) ? first : nullptr;
        ((is_iid_of(riid, static_cast<More *>(this)) ? void(*out = static_cast<More *>(this)) : void()), ...);
        if (!*out) return E_NOINTERFACE;
        AddRef();
        return S_OK;
    }
    ULONG STDMETHODCALLTYPE AddRef() override { return ++count; }
    ULONG STDMETHODCALLTYPE Release() override {
        ULONG left = --count;
        if (left == 0) {
            delete this;
#if defined(MAPISYNC_FAULT)
            return count; // deliberately read after the delete, which the sanitizers must report
#endif
        }
        return left;
    }

  protected:
    std::atomic<ULONG> count{1};
    const Methods methods;
};

// The methods of each interface.
template <class Base> class WithStore : public Base {
  public:
    using Base::Base;
    HRESULT STDMETHODCALLTYPE SynchronizeInBackground(MAPISIB *request) override {
        return this->methods.synchronize(this->methods.payload, request);
    }
};
template <class Base> class WithCallback : public Base {
  public:
    using Base::Base;
    HRESULT STDMETHODCALLTYPE Progress(const MAPISYNC_CHAR *string, ULONG index, ULONG max) override {
        return this->methods.progress(this->methods.payload, string, index, max);
    }
    HRESULT STDMETHODCALLTYPE Error(HRESULT code, const MAPISYNC_CHAR *string) override {
        return this->methods.error(this->methods.payload, code, string);
    }
    HRESULT STDMETHODCALLTYPE Done(HANDLE event, HRESULT status) override {
        return this->methods.done(this->methods.payload, event, status);
    }
};

IMAPISync *foreign_store(const Methods *methods) { return new WithStore<Object<IMAPISync>>(*methods); }
IMAPISyncProgressCallback *foreign_callback(const Methods *methods) {
    return new WithCallback<Object<IMAPISyncProgressCallback>>(*methods);
}
IMAPISync *foreign_composite(const Methods *methods) {
    return new WithStore<WithCallback<Object<IMAPISync, IMAPISyncProgressCallback>>>(*methods);
}

// An outer as in ATL: it passes an unknown IID on to the inner.
class Outer final : public IUnknown {
  public:
    Outer(void *payload, void (*make)(void *, IUnknown *, IUnknown **)) { make(payload, this, &inner); }
    virtual ~Outer() = default;

    HRESULT STDMETHODCALLTYPE QueryInterface(REFIID riid, void **out) override {
        static const IID MSG_STORE = {0x00020306, 0, 0, {0xC0, 0, 0, 0, 0, 0, 0, 0x46}};
        if (!out) return E_POINTER;
        if (!IsEqualGUID(riid, IID_IUnknown) && !IsEqualGUID(riid, MSG_STORE)) return inner->QueryInterface(riid, out);
        AddRef();
        *out = this;
        return S_OK;
    }
    ULONG STDMETHODCALLTYPE AddRef() override { return ++count; }
    ULONG STDMETHODCALLTYPE Release() override {
        const ULONG dying = 0x40000000; // calls of the inner during its destruction must not destroy this again
        ULONG left = --count;
        if (left == 0) {
            count = dying;
            if (inner->Release() != 0 || count != dying) abort(); // the references are not balanced
            delete this;
        }
        return left;
    }

  private:
    std::atomic<ULONG> count{1};
    IUnknown *inner = nullptr;
};

IUnknown *foreign_outer(void *payload, void (*make)(void *, IUnknown *, IUnknown **)) { return new Outer(payload, make); }

// An interface whose IUnknown delegates to the outer.
class Contained : public IMAPISyncProgressCallback {
  public:
    Contained(IUnknown *outer, const Methods &methods) : outer(outer), methods(methods) {}
    virtual ~Contained() = default;
    HRESULT STDMETHODCALLTYPE QueryInterface(REFIID riid, void **out) override { return outer->QueryInterface(riid, out); }
    ULONG STDMETHODCALLTYPE AddRef() override { return outer->AddRef(); }
    ULONG STDMETHODCALLTYPE Release() override { return outer->Release(); }

  protected:
    IUnknown *outer; // not counted, because the outer owns the inner
    const Methods methods;
};

// An inner as in ATL. Its own IUnknown is the non-delegating one.
class Inner final : public Object<IUnknown> {
  public:
    Inner(IUnknown *outer, const Methods &methods) : Object(methods), contained(outer, methods) {}
    HRESULT STDMETHODCALLTYPE QueryInterface(REFIID riid, void **out) override {
        if (!out || !IsEqualGUID(riid, IID_IMAPISyncProgressCallback)) return Object::QueryInterface(riid, out);
        *out = static_cast<IMAPISyncProgressCallback *>(&contained);
        contained.AddRef();
        return S_OK;
    }

  private:
    WithCallback<Contained> contained;
};

IUnknown *foreign_inner(IUnknown *outer, const Methods *methods) { return new Inner(outer, *methods); }

HRESULT foreign_query_interface(IUnknown *object, const IID *riid, void **ppv) { return object->QueryInterface(*riid, ppv); }
ULONG foreign_add_ref(IUnknown *object) { return object->AddRef(); }
ULONG foreign_release(IUnknown *object) { return object->Release(); }
HRESULT foreign_synchronize(IMAPISync *store, MAPISIB *request) { return store->SynchronizeInBackground(request); }
static HRESULT call_progress(IMAPISyncProgressCallback *callback, const MAPISYNC_CHAR *string, ULONG index, ULONG max) {
    return callback->Progress(string, index, max);
}
static HRESULT call_error(IMAPISyncProgressCallback *callback, HRESULT code, const MAPISYNC_CHAR *string) {
    return callback->Error(code, string);
}
HRESULT foreign_done(IMAPISyncProgressCallback *callback, HANDLE event, HRESULT status) { return callback->Done(event, status); }

#if defined(__MINGW32__)
#include "outlook.h"
#endif
