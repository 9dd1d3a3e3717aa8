// COM objects as C++ users write them: an atomic count, one class for all interfaces.
#include "mapisync.h"
#include <atomic>
#include <cstdint>
#include <cstring>

namespace {

// Two further interfaces, for an object with four.
struct IThird : public IUnknown {};
struct IFourth : public IUnknown {};

const IID IID_IThird = {0x6B1F3C8E, 0x9D53, 0x4F0B, {0x8E, 0x2A, 0x51, 0xD7, 0xC0, 0xA9, 0xE3, 0xF4}};
const IID IID_IFourth = {0x2E9A7D10, 0x41C6, 0x4B7F, {0xA3, 0x58, 0x0D, 0x6C, 0x92, 0xF1, 0x7B, 0x44}};

template <class Interface> REFIID iid();
template <> REFIID iid<IMAPISync>() { return IID_IMAPISync; }
template <> REFIID iid<IMAPISyncProgressCallback>() { return IID_IMAPISyncProgressCallback; }
template <> REFIID iid<IThird>() { return IID_IThird; }
template <> REFIID iid<IFourth>() { return IID_IFourth; }

// Two comparisons of 64 bits. Field by field, as in the C header, there would be eleven.
bool same(REFIID a, REFIID b) { return std::memcmp(&a, &b, sizeof(IID)) == 0; }

// An object with these interfaces. `Self` is final, so no destructor has to be virtual.
template <class Self, class First, class... Rest> class Object : public First, public Rest... {
  public:
    HRESULT STDMETHODCALLTYPE QueryInterface(REFIID riid, void **ppv) override {
        if (!ppv) return E_POINTER;
        void *found = nullptr;
        if (same(riid, IID_IUnknown) || same(riid, iid<First>()))
            found = static_cast<First *>(this);
        else
            (void)((same(riid, iid<Rest>()) && (found = static_cast<Rest *>(this))) || ...);
        *ppv = found;
        if (!found) return E_NOINTERFACE;
        AddRef();
        return S_OK;
    }
    ULONG STDMETHODCALLTYPE AddRef() override { return count.fetch_add(1, std::memory_order_relaxed) + 1; }
    ULONG STDMETHODCALLTYPE Release() override {
        ULONG left = count.fetch_sub(1, std::memory_order_acq_rel) - 1;
        if (left == 0) delete static_cast<Self *>(this);
        return left;
    }

  private:
    std::atomic<ULONG> count{1};
};

// The methods of a callback: `Progress` stores the index.
template <class Base> class Recording : public Base {
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

template <class Self> using Callback = Recording<Object<Self, IMAPISyncProgressCallback>>;

class LastPosition final : public Callback<LastPosition> {};

// Stores the index through a function which may throw, as far as the compiler knows.
class MayThrow final : public Callback<MayThrow> {
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

// Throws an exception and catches it before it leaves the method.
class Throwing final : public Callback<Throwing> {
  public:
    HRESULT STDMETHODCALLTYPE Progress(const WCHAR *, ULONG, ULONG) override {
        try {
            throw 1;
        } catch (...) {
            return E_UNEXPECTED;
        }
    }
};

template <class Self, class... Further>
class Store : public Recording<Object<Self, IMAPISync, IMAPISyncProgressCallback, Further...>> {
    HRESULT STDMETHODCALLTYPE SynchronizeInBackground(MAPISIB *) override { return E_NOTIMPL; }
};
class Two final : public Store<Two> {};
class Four final : public Store<Four, IThird, IFourth> {};

} // namespace

extern "C" {
IMAPISyncProgressCallback *cpp_last_position() { return new LastPosition; }
IMAPISyncProgressCallback *cpp_may_throw() { return new MayThrow; }
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
