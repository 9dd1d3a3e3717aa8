// COM objects as C++ users write them by hand: an atomic count, one class for all interfaces.
#include "peers.h"
#include <string>

namespace {

// A callback's methods: `Progress` stores the index.
template <class Self, class... Interfaces> class Recording : public Counted<Self, Interfaces...> {
  public:
    HRESULT STDMETHODCALLTYPE Progress(const WCHAR *, ULONG index, ULONG) override {
        last.store(index, std::memory_order_relaxed);
        return S_OK;
    }
    HRESULT STDMETHODCALLTYPE Error(HRESULT, const WCHAR *) override { return S_OK; }
    HRESULT STDMETHODCALLTYPE Done(HANDLE, HRESULT) override { return S_OK; }

  protected:
    std::atomic<ULONG> last{0};
};

template <class Self> class CallbackOnly : public Recording<Self, IMAPISyncProgressCallback> {
  public:
    HRESULT STDMETHODCALLTYPE QueryInterface(REFIID riid, void **ppv) override {
        if (!ppv) return E_POINTER;
        if (!same(riid, IID_IUnknown) && !same(riid, IID_IMAPISyncProgressCallback)) {
            *ppv = nullptr;
            return E_NOINTERFACE;
        }
        *ppv = static_cast<IMAPISyncProgressCallback *>(this);
        this->AddRef();
        return S_OK;
    }
};

class LastPosition final : public CallbackOnly<LastPosition> {};

// Stores the index through a function which may throw, as far as the compiler knows.
class MayThrow final : public CallbackOnly<MayThrow> {
  public:
    HRESULT STDMETHODCALLTYPE Progress(const WCHAR *, ULONG index, ULONG) override {
        record(index);
        return S_OK;
    }

  private:
    __attribute__((noinline)) void record(ULONG index) {
        if (index == ~ULONG(0)) throw 1;
        last.store(index, std::memory_order_relaxed);
    }
};

// UTF-16 to UTF-8 by a plain loop. An unpaired surrogate becomes U+FFFD.
std::string to_utf8(const WCHAR *from) {
    std::string to;
    while (uint32_t c = *from++) {
        if (c < 0x80) {
            to += static_cast<char>(c);
            continue;
        }
        if ((c & 0xF800) == 0xD800) {
            bool paired = c < 0xDC00 && (*from & 0xFC00) == 0xDC00;
            c = paired ? 0x10000 + ((c & 0x3FF) << 10) + (*from++ & 0x3FF) : 0xFFFD;
        }
        if (c < 0x800) {
            to += static_cast<char>(0xC0 | c >> 6);
        } else {
            if (c < 0x10000) {
                to += static_cast<char>(0xE0 | c >> 12);
            } else {
                to += static_cast<char>(0xF0 | c >> 18);
                to += static_cast<char>(0x80 | (c >> 12 & 0x3F));
            }
            to += static_cast<char>(0x80 | (c >> 6 & 0x3F));
        }
        to += static_cast<char>(0x80 | (c & 0x3F));
    }
    return to;
}

// Decodes the string and stores its length.
class Decoder final : public CallbackOnly<Decoder> {
  public:
    HRESULT STDMETHODCALLTYPE Progress(const WCHAR *string, ULONG, ULONG) override {
        last.store(static_cast<ULONG>(to_utf8(string).size()), std::memory_order_relaxed);
        return S_OK;
    }
};

// Throws an exception and catches it before it leaves the method.
class Throwing final : public CallbackOnly<Throwing> {
  public:
    HRESULT STDMETHODCALLTYPE Progress(const WCHAR *, ULONG, ULONG) override {
        try {
            throw 1;
        } catch (...) {
            return E_UNEXPECTED;
        }
    }
};

class Two final : public Recording<Two, IMAPISync, IMAPISyncProgressCallback> {
  public:
    HRESULT STDMETHODCALLTYPE QueryInterface(REFIID riid, void **ppv) override {
        if (!ppv) return E_POINTER;
        if (same(riid, IID_IUnknown) || same(riid, IID_IMAPISync)) {
            *ppv = static_cast<IMAPISync *>(this);
        } else if (same(riid, IID_IMAPISyncProgressCallback)) {
            *ppv = static_cast<IMAPISyncProgressCallback *>(this);
        } else {
            *ppv = nullptr;
            return E_NOINTERFACE;
        }
        AddRef();
        return S_OK;
    }
    HRESULT STDMETHODCALLTYPE SynchronizeInBackground(MAPISIB *) override { return E_NOTIMPL; }
};

class Four final : public Recording<Four, IMAPISync, IMAPISyncProgressCallback, IThird, IFourth> {
  public:
    HRESULT STDMETHODCALLTYPE QueryInterface(REFIID riid, void **ppv) override {
        if (!ppv) return E_POINTER;
        if (same(riid, IID_IUnknown) || same(riid, IID_IMAPISync)) {
            *ppv = static_cast<IMAPISync *>(this);
        } else if (same(riid, IID_IMAPISyncProgressCallback)) {
            *ppv = static_cast<IMAPISyncProgressCallback *>(this);
        } else if (same(riid, IID_IThird)) {
            *ppv = static_cast<IThird *>(this);
        } else if (same(riid, IID_IFourth)) {
            *ppv = static_cast<IFourth *>(this);
        } else {
            *ppv = nullptr;
            return E_NOINTERFACE;
        }
        AddRef();
        return S_OK;
    }
    HRESULT STDMETHODCALLTYPE SynchronizeInBackground(MAPISIB *) override { return E_NOTIMPL; }
    ULONG STDMETHODCALLTYPE Number() override { return 4; }
};

} // namespace

extern "C" {
IMAPISyncProgressCallback *cpp_last_position() { return new LastPosition; }
IMAPISyncProgressCallback *cpp_may_throw() { return new MayThrow; }
IMAPISyncProgressCallback *cpp_decoder() { return new Decoder; }
IMAPISyncProgressCallback *cpp_throwing() { return new Throwing; }
IUnknown *cpp_two() { return static_cast<IMAPISync *>(new Two); }
IUnknown *cpp_four() { return static_cast<IMAPISync *>(new Four); }

// By the object's own type. It is final, so the call is not virtual.
void cpp_create(uint64_t n) {
    for (; n != 0; n--) {
        LastPosition *volatile object = new LastPosition;
        object->Release();
    }
}
// By an interface pointer, as other modules hold the object.
void cpp_create_interface(uint64_t n) {
    for (; n != 0; n--) {
        IMAPISyncProgressCallback *volatile object = new LastPosition;
        object->Release();
    }
}
}
