// COM objects as one writes them in C++ by hand: an atomic count, one class for all interfaces.
#include "peers.h"
#include <string>

namespace {

// The methods of a callback that notes the last position.
template <class Self, class... Interfaces> class Listening : public Counted<Self, Interfaces...> {
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

template <class Self> class OnlyCallback : public Listening<Self, IMAPISyncProgressCallback> {
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

class Listener final : public OnlyCallback<Listener> {};

// As Listener, by a function that may throw, for all that the compiler is told.
class Doubter final : public OnlyCallback<Doubter> {
  public:
    HRESULT STDMETHODCALLTYPE Progress(const WCHAR *, ULONG index, ULONG) override {
        note(index);
        return S_OK;
    }

  private:
    __attribute__((noinline)) void note(ULONG index) {
        if (index == ~ULONG(0)) throw 1;
        last.store(index, std::memory_order_relaxed);
    }
};

// Makes a string of what it hears.
class Reader final : public OnlyCallback<Reader> {
  public:
    HRESULT STDMETHODCALLTYPE Progress(const WCHAR *text, ULONG index, ULONG max) override {
        std::string read;
        for (; *text; text++) {
            uint32_t c = *text;
            if (c >= 0xD800 && c < 0xDC00 && text[1] >= 0xDC00 && text[1] < 0xE000)
                c = 0x10000 + ((c & 0x3FF) << 10) + (*++text & 0x3FF);
            if (c < 0x80) {
                read += static_cast<char>(c);
            } else if (c < 0x800) {
                read += static_cast<char>(0xC0 | c >> 6);
                read += static_cast<char>(0x80 | (c & 0x3F));
            } else {
                if (c < 0x10000) {
                    read += static_cast<char>(0xE0 | c >> 12);
                } else {
                    read += static_cast<char>(0xF0 | c >> 18);
                    read += static_cast<char>(0x80 | (c >> 12 & 0x3F));
                }
                read += static_cast<char>(0x80 | (c >> 6 & 0x3F));
                read += static_cast<char>(0x80 | (c & 0x3F));
            }
        }
        length.store(static_cast<ULONG>(read.size()), std::memory_order_relaxed);
        return Listening::Progress(text, index, max);
    }

  private:
    std::atomic<ULONG> length{0};
};

// Throws, and catches that before it gets out.
class Thrower final : public OnlyCallback<Thrower> {
  public:
    HRESULT STDMETHODCALLTYPE Progress(const WCHAR *, ULONG, ULONG) override {
        try {
            throw 1;
        } catch (...) {
            return E_UNEXPECTED;
        }
    }
};

class Two final : public Listening<Two, IMAPISync, IMAPISyncProgressCallback> {
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

class Four final : public Listening<Four, IMAPISync, IMAPISyncProgressCallback, IThird, IFourth> {
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
IMAPISyncProgressCallback *cpp_listener() { return new Listener; }
IMAPISyncProgressCallback *cpp_doubter() { return new Doubter; }
IMAPISyncProgressCallback *cpp_reader() { return new Reader; }
IMAPISyncProgressCallback *cpp_thrower() { return new Thrower; }
IUnknown *cpp_two() { return static_cast<IMAPISync *>(new Two); }
IUnknown *cpp_four() { return static_cast<IMAPISync *>(new Four); }

// By the object's own type, which is final, so nothing has to be looked up.
void cpp_create(uint64_t n) {
    for (; n != 0; n--) {
        Listener *volatile made = new Listener;
        made->Release();
    }
}
// By an interface pointer, as everybody else has it.
void cpp_create_interface(uint64_t n) {
    for (; n != 0; n--) {
        IMAPISyncProgressCallback *volatile made = new Listener;
        made->Release();
    }
}
}
