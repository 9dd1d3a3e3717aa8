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

static HRESULT query_interface(IUnknown *object, const IID *riid, void **ppv) { return object->QueryInterface(*riid, ppv); }
static void release(IUnknown *object) { object->Release(); }
static HRESULT synchronize(IMAPISync *store, MAPISIB *request) { return store->SynchronizeInBackground(request); }
static HRESULT progress(IMAPISyncProgressCallback *callback, const MAPISYNC_CHAR *string, ULONG index, ULONG max) {
    return callback->Progress(string, index, max);
}
static HRESULT error(IMAPISyncProgressCallback *callback, HRESULT code, const MAPISYNC_CHAR *string) {
    return callback->Error(code, string);
}

static bool is_iid_of(REFIID riid, IUnknown *) { return IsEqualGUID(riid, IID_IUnknown); }
static bool is_iid_of(REFIID riid, IMAPISync *) { return IsEqualGUID(riid, IID_IMAPISync); }
static bool is_iid_of(REFIID riid, IMAPISyncProgressCallback *) { return IsEqualGUID(riid, IID_IMAPISyncProgressCallback); }

// An object with a reference count. Its identity is its first interface.
template <class First, class... More> class Object : public First, public More... {
  public:
    virtual ~Object() = default;
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

  private:
    std::atomic<ULONG> count{1};
};

// A reference to the object to which a proxy passes its calls on.
template <class Interface> class Inner {
  public:
    Inner(Interface *object) : object(object) { object->AddRef(); }
    Inner(const Inner &) = delete;
    ~Inner() { object->Release(); }
    Interface *const object;
};

// The methods of a proxy.
template <class Base> class StoreProxy : public Base {
  public:
    template <class... Rest> StoreProxy(IMAPISync *store, Rest... rest) : Base(rest...), store(store) {}
    HRESULT STDMETHODCALLTYPE SynchronizeInBackground(MAPISIB *request) override {
        return synchronize_by_proxy(store.object, request);
    }

  private:
    Inner<IMAPISync> store;
};
template <class Base> class CallbackProxy : public Base {
  public:
    template <class... Rest>
    CallbackProxy(IMAPISyncProgressCallback *callback, Rest... rest) : Base(rest...), callback(callback) {}
    HRESULT STDMETHODCALLTYPE Progress(const MAPISYNC_CHAR *string, ULONG index, ULONG max) override {
        return progress_by_proxy(callback.object, string, index, max);
    }
    HRESULT STDMETHODCALLTYPE Error(HRESULT code, const MAPISYNC_CHAR *string) override {
        return error_by_proxy(callback.object, code, string);
    }
    HRESULT STDMETHODCALLTYPE Done(HANDLE event, HRESULT status) override { return callback.object->Done(event, status); }

  private:
    Inner<IMAPISyncProgressCallback> callback;
};

IMAPISync *foreign_store(IMAPISync *store) { return new StoreProxy<Object<IMAPISync>>(store); }
IMAPISyncProgressCallback *foreign_callback(IMAPISyncProgressCallback *callback) {
    return new CallbackProxy<Object<IMAPISyncProgressCallback>>(callback);
}
IMAPISync *foreign_composite(IMAPISync *store, IMAPISyncProgressCallback *callback) {
    return new StoreProxy<CallbackProxy<Object<IMAPISync, IMAPISyncProgressCallback>>>(store, callback);
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
class Delegating : public IMAPISyncProgressCallback {
  public:
    Delegating(IUnknown *outer) : outer(outer) {}
    virtual ~Delegating() = default;
    HRESULT STDMETHODCALLTYPE QueryInterface(REFIID riid, void **out) override { return outer->QueryInterface(riid, out); }
    ULONG STDMETHODCALLTYPE AddRef() override { return outer->AddRef(); }
    ULONG STDMETHODCALLTYPE Release() override { return outer->Release(); }

  private:
    IUnknown *outer; // not counted, because the outer owns the inner
};

// An inner as in ATL. Its own IUnknown is the non-delegating one.
class Aggregated final : public Object<IUnknown> {
  public:
    Aggregated(IUnknown *outer, IMAPISyncProgressCallback *callback) : contained(callback, outer) {}
    HRESULT STDMETHODCALLTYPE QueryInterface(REFIID riid, void **out) override {
        if (!out || !IsEqualGUID(riid, IID_IMAPISyncProgressCallback)) return Object::QueryInterface(riid, out);
        *out = static_cast<IMAPISyncProgressCallback *>(&contained);
        contained.AddRef();
        return S_OK;
    }

  private:
    CallbackProxy<Delegating> contained;
};

IUnknown *foreign_inner(IUnknown *outer, IMAPISyncProgressCallback *callback) { return new Aggregated(outer, callback); }

#if defined(__MINGW32__)
#include "outlook.h"
#endif
