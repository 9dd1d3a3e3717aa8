// Callers in C++, each a loop over a call of C++'s own objects or of another peer's.
#include "peers.h"

extern "C" {
void cpp_loop(uint64_t n) {
    for (; n != 0; n--) __asm__ volatile("");
}
void cpp_call(IMAPISyncProgressCallback *callback, const WCHAR *string, uint64_t n) {
    for (; n != 0; n--) callback->Progress(string, 1, 2);
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
void cpp_count(IUnknown *object, uint64_t n) {
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
