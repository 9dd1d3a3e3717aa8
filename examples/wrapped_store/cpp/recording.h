/* The code that the stand-in and the host share: objects with counts, and calls as text. */
#pragma once
#include <windows.h>
#include <initguid.h>
#define USES_IID_IMAPIProp
#define USES_IID_IProfSect
#define USES_IID_IMsgStore
#define USES_IID_IMAPIFolder
#define USES_IID_IMessage
#define USES_IID_IMAPISup
#define USES_IID_IMSProvider
#define USES_IID_IMSLogon
#define USES_IID_IProviderAdmin
#include <mapidefs.h>
#include <mapispi.h>
#include <mapiguid.h>
#include "slots.h"
#include <cstdint>
#include <string>

// The control of the stand-in, which its library exports as `stand_in`.
struct StandIn {
    // Copies the log into a buffer and clears it. Returns its length.
    size_t (*take_log)(char *buffer, size_t size);
    // The method that fails, or NULL, and its code.
    const char *failing;
    HRESULT code;
    // If it is set, the store and the support object only record their calls.
    bool recording;
    // The support object of the last logon. The host owns the reference.
    IMAPISupport *support;
    // The number of objects.
    volatile LONG objects;
    // If they are set, CreateMessage signals the first and waits for the second.
    HANDLE arrived, release;
};

// An argument as a number. On 64-bit Windows mingw has 32 bits where Microsoft has a ULONG_PTR, so only
// these are compared.
template <class T> unsigned number(T argument) { return (unsigned)(uintptr_t)argument; }

inline std::string call_text(const char *name) { return name; }
template <class First, class... Rest> std::string call_text(const char *name, First first, Rest... rest) {
    std::string text = name;
    text += " " + std::to_string(number(first));
    ((text += " " + std::to_string(number(rest))), ...);
    return text;
}

// The success code of the call with this number.
inline HRESULT code_of(unsigned call) { return (HRESULT)(0x00040000 + call); }

// An object with one interface that extends `IUnknown`, and perhaps a base of it.
template <class I> class Object : public I {
  public:
    Object(volatile LONG *alive, REFIID own, REFIID base = IID_IUnknown) : alive(alive), own(own), base(base) {
        InterlockedIncrement(alive);
    }
    virtual ~Object() { InterlockedDecrement(alive); }
    HRESULT STDMETHODCALLTYPE QueryInterface(REFIID riid, void **ppv) override {
        *ppv = nullptr;
        if (riid != IID_IUnknown && riid != own && riid != base) return E_NOINTERFACE;
        AddRef();
        *ppv = static_cast<I *>(this);
        return S_OK;
    }
    ULONG STDMETHODCALLTYPE AddRef() override { return InterlockedIncrement(&count); }
    ULONG STDMETHODCALLTYPE Release() override {
        ULONG left = InterlockedDecrement(&count);
        if (left == 0) delete this;
        return left;
    }

  private:
    volatile LONG count = 1;
    volatile LONG *alive;
    IID own, base;
};

inline std::string utf8(const WCHAR *text) {
    int size = WideCharToMultiByte(CP_UTF8, 0, text, -1, nullptr, 0, nullptr, nullptr);
    std::string out(size, '\0');
    WideCharToMultiByte(CP_UTF8, 0, text, -1, &out[0], size, nullptr, nullptr);
    out.resize(size - 1);
    return out;
}
