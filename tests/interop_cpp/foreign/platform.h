/* Threads, locks and the done event of each platform. On Unix the event is one end of a pipe, which
 * becomes readable when the other end is closed. On Windows it is a manual-reset event. */
#ifndef PLATFORM_H
#define PLATFORM_H

#include "foreign.h"

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

/* The locks and threads of winpthreads keep handles for later threads. */
typedef SRWLOCK Lock;
static void lock_init(Lock *lock) { InitializeSRWLock(lock); }
static void lock_take(Lock *lock) { AcquireSRWLockExclusive(lock); }
static void lock_give(Lock *lock) { ReleaseSRWLockExclusive(lock); }

static int thread_start(DWORD(WINAPI *work)(void *), void *argument) {
    HANDLE thread = CreateThread(NULL, 0, work, argument, 0, NULL);
    return thread && CloseHandle(thread);
}
#define THREAD DWORD WINAPI
#define THREAD_END return 0

#else
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

typedef int EventOwner;

static int descriptor(HANDLE event) { return (int)(intptr_t)event; }

/* The descriptor is never 0, which would be NULL. */
static HANDLE event_clone(HANDLE event) {
    return (HANDLE)(intptr_t)fcntl(descriptor(event), F_DUPFD_CLOEXEC, 3);
}

static HANDLE event_new(EventOwner *owner) {
    int ends[2];
    HANDLE event;
    if (pipe(ends) != 0) return NULL;
    event = event_clone((HANDLE)(intptr_t)ends[0]);
    *owner = descriptor(event_clone((HANDLE)(intptr_t)ends[1])); /* close-on-exec, like the other end */
    close(ends[0]);
    close(ends[1]);
    return event;
}

static void event_signal(EventOwner owner) { close(owner); }

static int event_wait(HANDLE event, int milliseconds) {
    struct pollfd entry = {descriptor(event), POLLIN, 0};
    return poll(&entry, 1, milliseconds) == 1 && !(entry.revents & POLLNVAL);
}

static void event_close(HANDLE event) { close(descriptor(event)); }

typedef pthread_mutex_t Lock;
static void lock_init(Lock *lock) { pthread_mutex_init(lock, NULL); }
static void lock_take(Lock *lock) { pthread_mutex_lock(lock); }
static void lock_give(Lock *lock) { pthread_mutex_unlock(lock); }

static int thread_start(void *(*work)(void *), void *argument) {
    pthread_t thread;
    return pthread_create(&thread, NULL, work, argument) == 0 && pthread_detach(thread) == 0;
}
#define THREAD void *
#define THREAD_END return NULL
#endif

#endif
