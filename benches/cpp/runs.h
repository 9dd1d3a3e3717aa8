// Shared by host and store in a whole run with both sides in C++. They are separate files, so the
// compiler cannot inline one into the other.
#pragma once
#include "peers.h"

// The event is one end of a socket pair. It is signaled when the other end is shut down.
static inline int descriptor(HANDLE event) { return static_cast<int>(reinterpret_cast<intptr_t>(event)); }
static inline HANDLE handle(int event) { return reinterpret_cast<HANDLE>(static_cast<intptr_t>(event)); }

// An object with one interface.
template <class Self, class Interface> class Object : public Counted<Self, Interface> {
  public:
    HRESULT STDMETHODCALLTYPE QueryInterface(REFIID riid, void **ppv) override {
        if (!ppv) return E_POINTER;
        if (!same(riid, IID_IUnknown) && !same(riid, Self::iid())) {
            *ppv = nullptr;
            return E_NOINTERFACE;
        }
        *ppv = static_cast<Interface *>(this);
        this->AddRef();
        return S_OK;
    }
};

// Creates a store whose runs report this many times.
IMAPISync *new_store(ULONG reports);
