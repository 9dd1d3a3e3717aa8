// Shared by the C++ of the benchmarks: the header that users include, and their usual helpers.
#pragma once
#include "mapisync.h"
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

// Two comparisons of 64 bits. Field by field, as in the C header, there would be eleven.
static inline bool same(REFIID a, REFIID b) { return std::memcmp(&a, &b, sizeof(IID)) == 0; }

// Two further interfaces, for an object with four.
struct IThird : public IUnknown {
    virtual ULONG STDMETHODCALLTYPE Number() = 0;
};
struct IFourth : public IUnknown {
    virtual ULONG STDMETHODCALLTYPE Number() = 0;
};
static const IID IID_IThird = {0x6B1F3C8E, 0x9D53, 0x4F0B, {0x8E, 0x2A, 0x51, 0xD7, 0xC0, 0xA9, 0xE3, 0xF4}};
static const IID IID_IFourth = {0x2E9A7D10, 0x41C6, 0x4B7F, {0xA3, 0x58, 0x0D, 0x6C, 0x92, 0xF1, 0x7B, 0x44}};

// A counted object. `Self` is final, so no destructor has to be virtual.
template <class Self, class... Interfaces> class Counted : public Interfaces... {
  public:
    ULONG STDMETHODCALLTYPE AddRef() override { return count.fetch_add(1, std::memory_order_relaxed) + 1; }
    ULONG STDMETHODCALLTYPE Release() override {
        ULONG left = count.fetch_sub(1, std::memory_order_acq_rel) - 1;
        if (left == 0) delete static_cast<Self *>(this);
        return left;
    }

  private:
    std::atomic<ULONG> count{1};
};

// Valid UTF-8 to UTF-16 and a NUL: the tightest loop by character.
static inline void encode(const char *string, size_t length, WCHAR *to) {
    const unsigned char *from = reinterpret_cast<const unsigned char *>(string), *end = from + length;
    while (from != end) {
        uint32_t c = *from++;
        if (c >= 0x80) {
            if (c < 0xE0) {
                c = (c & 0x1F) << 6 | (from[0] & 0x3F);
                from += 1;
            } else if (c < 0xF0) {
                c = (c & 0x0F) << 12 | (from[0] & 0x3F) << 6 | (from[1] & 0x3F);
                from += 2;
            } else {
                c = (c & 0x07) << 18 | (from[0] & 0x3F) << 12 | (from[1] & 0x3F) << 6 | (from[2] & 0x3F);
                from += 3;
                c -= 0x10000;
                *to++ = static_cast<WCHAR>(0xD800 | c >> 10);
                c = 0xDC00 | (c & 0x3FF);
            }
        }
        *to++ = static_cast<WCHAR>(c);
    }
    *to = 0;
}

// Calls `call` with the string in UTF-16. A string of less than 256 bytes is encoded on the stack.
template <class Call> HRESULT with_utf16(const char *string, size_t length, Call call) {
    if (length < 256) { // UTF-16 never has more units than UTF-8 has bytes
        WCHAR stack[256];
        encode(string, length, stack);
        return call(stack);
    }
    WCHAR *heap = new WCHAR[length + 1];
    encode(string, length, heap);
    HRESULT result = call(heap);
    delete[] heap;
    return result;
}
