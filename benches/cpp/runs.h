// What host and store share in a whole run with both sides in C++. They are two files, so that neither knows more of the other
// than it would of somebody else's.
#pragma once
#include "peers.h"

// The event is one end of a socket pair; it occurs when the other is shut down.
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

// A store whose runs report so many times.
IMAPISync *new_store(ULONG reports);
