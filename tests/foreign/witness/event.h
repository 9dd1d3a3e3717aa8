/* The event that occurs when a store's thread is complete, with what each platform has: one end of a pipe that becomes
 * readable when the other is closed, or a manual-reset event. */
#ifndef EVENT_H
#define EVENT_H

#include "witness.h"

#if defined(_WIN32)
#include <windows.h>

typedef HANDLE EventOwner;

static HANDLE event_clone(HANDLE event) {
    HANDLE clone = NULL;
    DuplicateHandle(GetCurrentProcess(), event, GetCurrentProcess(), &clone, 0, FALSE, DUPLICATE_SAME_ACCESS);
    return clone;
}

static HANDLE event_new(EventOwner *owner) {
    HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL);
    *owner = event_clone(event);
    return event;
}

static void event_signal(EventOwner owner) {
    SetEvent(owner);
    CloseHandle(owner);
}

static int event_wait(HANDLE event, int milliseconds) {
    return WaitForSingleObject(event, (DWORD)milliseconds) == WAIT_OBJECT_0;
}

static void event_close(HANDLE event) { CloseHandle(event); }

#else
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

typedef int EventOwner;

static int descriptor(HANDLE event) { return (int)(intptr_t)event; }

/* Never 0, which would be NULL. */
static HANDLE event_clone(HANDLE event) {
    return (HANDLE)(intptr_t)fcntl(descriptor(event), F_DUPFD_CLOEXEC, 1);
}

static HANDLE event_new(EventOwner *owner) {
    int ends[2];
    HANDLE event;
    if (pipe(ends) != 0) return NULL;
    event = event_clone((HANDLE)(intptr_t)ends[0]);
    close(ends[0]);
    *owner = ends[1];
    return event;
}

static void event_signal(EventOwner owner) { close(owner); }

static int event_wait(HANDLE event, int milliseconds) {
    struct pollfd entry = {descriptor(event), POLLIN, 0};
    return poll(&entry, 1, milliseconds) == 1 && !(entry.revents & POLLNVAL);
}

static void event_close(HANDLE event) { close(descriptor(event)); }
#endif

#endif
