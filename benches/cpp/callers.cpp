// Callers in C++, each a loop: of C++'s own objects, and of everybody else's.
#include "peers.h"

extern "C" {
void cpp_loop(uint64_t n) {
    for (; n != 0; n--) __asm__ volatile("");
}
void cpp_call(IMAPISyncProgressCallback *callback, uint64_t n) {
    for (; n != 0; n--) callback->Progress(nullptr, 1, 2);
}
void cpp_wide(IMAPISyncProgressCallback *callback, const WCHAR *text, uint64_t n) {
    for (; n != 0; n--) callback->Progress(text, 1, 2);
}
void cpp_text(IMAPISyncProgressCallback *callback, const char *text, size_t length, uint64_t n) {
    for (; n != 0; n--) with_wide(text, length, [=](const WCHAR *wide) { return callback->Progress(wide, 1, 2); });
}
// What a store's worker does: a position, or with a text, from 0 to n. It stops where the host says so.
void cpp_report(IMAPISyncProgressCallback *callback, const WCHAR *text, uint64_t n) {
    for (uint64_t at = 0; at != n; at++)
        if (FAILED(callback->Progress(text, static_cast<ULONG>(at), static_cast<ULONG>(n)))) break;
}
void cpp_report_text(IMAPISyncProgressCallback *callback, const char *text, size_t length, uint64_t n) {
    for (uint64_t at = 0; at != n; at++) {
        HRESULT answer = with_wide(text, length, [=](const WCHAR *wide) {
            return callback->Progress(wide, static_cast<ULONG>(at), static_cast<ULONG>(n));
        });
        if (FAILED(answer)) break;
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
