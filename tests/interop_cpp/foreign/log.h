/* A log of lines, which any thread may write. */
#include "platform.h"
#include "foreign.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct Log {
    Lock lock;
    unsigned owners; /* the test, and every object that may write to it */
    size_t length;
    char text[1 << 16];
};

Log *foreign_log_new(void) {
    Log *log = (Log *)calloc(1, sizeof(Log));
    lock_init(&log->lock);
    log->owners = 1;
    return log;
}

static Log *retain(Log *log) {
    lock_take(&log->lock);
    log->owners++;
    lock_give(&log->lock);
    return log;
}

void foreign_log_release(Log *log) {
    unsigned left;
    lock_take(&log->lock);
    left = --log->owners;
    lock_give(&log->lock);
    if (left == 0) free(log);
}

size_t foreign_log_read(Log *log, char *text, size_t room) {
    size_t length;
    lock_take(&log->lock);
    length = log->length;
    memcpy(text, log->text, length < room ? length : room);
    lock_give(&log->lock);
    return length;
}

#if defined(__MINGW32__)
__attribute__((format(gnu_printf, 2, 3)))
#elif defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static void note(Log *log, const char *format, ...) {
    va_list arguments;
    size_t room;
    int length;
    lock_take(&log->lock);
    room = sizeof log->text - log->length;
    va_start(arguments, format);
    length = vsnprintf(log->text + log->length, room, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length + 1 >= room) abort(); /* a lost line could hide a failure */
    log->length += (size_t)length;
    log->text[log->length++] = '\n';
    lock_give(&log->lock);
}

static void returned(Log *log, const char *method, HRESULT code) {
    note(log, "%s -> 0x%08lX", method, (unsigned long)(uint32_t)code);
}

/* The UTF-16 units of a string, in hexadecimal. They are copied one by one, because the string may be
 * unaligned. */
static const char *units(const MAPISYNC_CHAR *string, char *out, size_t room) {
    const char *bytes = (const char *)string;
    size_t at = 0;
    MAPISYNC_CHAR unit;
    if (!string) return "NULL";
    out[0] = 0;
    for (memcpy(&unit, bytes, sizeof unit); unit && at + 8 < room; memcpy(&unit, bytes, sizeof unit)) {
        at += (size_t)snprintf(out + at, room - at, at ? " %04X" : "%04X", (unsigned)unit);
        bytes += sizeof unit;
    }
    return out;
}
