// Callers in C++, each a loop over a call of C++'s own objects or of another peer's.
#include "mapisync.h"
#include <cstddef>
#include <cstdint>

namespace {

// Valid UTF-8 to UTF-16 and a NUL: the tightest loop by character.
inline void encode(const char *string, size_t length, WCHAR *to) {
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

} // namespace

extern "C" {
void cpp_loop(uint64_t n) {
    for (; n != 0; n--) __asm__ volatile("");
}
void cpp_call(IMAPISyncProgressCallback *callback, uint64_t n) {
    for (; n != 0; n--) callback->Progress(nullptr, 1, 2);
}
void cpp_call_with_utf8(IMAPISyncProgressCallback *callback, const char *string, size_t length, uint64_t n) {
    for (; n != 0; n--) with_utf16(string, length, [=](const WCHAR *utf16) { return callback->Progress(utf16, 1, 2); });
}
// Report as a store's worker does, and stop when the host fails a report.
void cpp_report(IMAPISyncProgressCallback *callback, uint64_t n) {
    for (uint64_t index = 0; index != n; index++)
        if (FAILED(callback->Progress(nullptr, static_cast<ULONG>(index), static_cast<ULONG>(n)))) break;
}
void cpp_report_with_utf8(IMAPISyncProgressCallback *callback, const char *string, size_t length, uint64_t n) {
    for (uint64_t index = 0; index != n; index++) {
        HRESULT result = with_utf16(string, length, [=](const WCHAR *utf16) {
            return callback->Progress(utf16, static_cast<ULONG>(index), static_cast<ULONG>(n));
        });
        if (FAILED(result)) break;
    }
}
void cpp_count(IMAPISyncProgressCallback *object, uint64_t n) {
    for (; n != 0; n--) {
        object->AddRef();
        object->Release();
    }
}
void cpp_query(IUnknown *object, const IID *iid, uint64_t n) {
    for (; n != 0; n--) {
        void *found;
        object->QueryInterface(*iid, &found);
    }
}
void cpp_query_release(IUnknown *object, const IID *iid, uint64_t n) {
    for (; n != 0; n--) {
        void *found;
        if (SUCCEEDED(object->QueryInterface(*iid, &found))) static_cast<IUnknown *>(found)->Release();
    }
}
}
