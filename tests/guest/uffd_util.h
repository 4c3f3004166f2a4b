/*
 * What the userfaultfd tests have in common: opening, registering, filling,
 * reading messages. Calls that a test checks return 0 or a negative errno;
 * those it takes for granted end the test when they fail.
 */
#ifndef TESTS_GUEST_UFFD_UTIL_H
#define TESTS_GUEST_UFFD_UTIL_H

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>

#include "probe.h"

/* A page of source bytes, as long as the longest copy. */
#define SOURCE_PAGES 4
static char source[SOURCE_PAGES * PAGE] __attribute__((aligned(4096)));

static inline int uffd_open(int flags)
{
    return syscall(SYS_userfaultfd, flags);
}

static inline int uffd_ioctl(int fd, unsigned long request, void *argument)
{
    return ioctl(fd, request, argument) < 0 ? -errno : 0;
}

/* UFFDIO_API asking for FEATURES; fills *API if that is not NULL. */
static inline int uffd_api(int fd, unsigned long features,
                           struct uffdio_api *api)
{
    struct uffdio_api local;

    api = api ? api : &local;
    *api = (struct uffdio_api){.api = UFFD_API, .features = features};
    return uffd_ioctl(fd, UFFDIO_API, api);
}

/* A userfaultfd past its handshake. */
static inline int uffd_new(int flags)
{
    int fd = uffd_open(flags);

    must(fd >= 0);
    must(!uffd_api(fd, 0, NULL));
    return fd;
}

static inline int uffd_register_mode(int fd, void *start, size_t size,
                                     unsigned long mode)
{
    struct uffdio_register range = {
        .range = {.start = (unsigned long)start, .len = size},
        .mode = mode,
    };

    return uffd_ioctl(fd, UFFDIO_REGISTER, &range);
}

static inline int uffd_register(int fd, void *start, size_t size)
{
    return uffd_register_mode(fd, start, size, UFFDIO_REGISTER_MODE_MISSING);
}

static inline int uffd_unregister(int fd, void *start, size_t size)
{
    struct uffdio_range range = {(unsigned long)start, size};

    return uffd_ioctl(fd, UFFDIO_UNREGISTER, &range);
}

static inline int uffd_wake(int fd, void *start, size_t size)
{
    struct uffdio_range range = {(unsigned long)start, size};

    return uffd_ioctl(fd, UFFDIO_WAKE, &range);
}

/* UFFDIO_COPY; *COPIED is what the kernel left in the copy field. */
static inline int uffd_copy_mode(int fd, void *to, const void *from,
                                 size_t size, unsigned long mode, long *copied)
{
    struct uffdio_copy copy = {
        .dst = (unsigned long)to,
        .src = (unsigned long)from,
        .len = size,
        .mode = mode,
        .copy = 12345,
    };
    int result = uffd_ioctl(fd, UFFDIO_COPY, &copy);

    if (copied)
        *copied = copy.copy;
    return result;
}

static inline int uffd_copy(int fd, void *to, const void *from, size_t size)
{
    return uffd_copy_mode(fd, to, from, size, 0, NULL);
}

/* Fills the page at TO with VALUE. */
static inline int uffd_fill(int fd, void *to, int value)
{
    memset(source, value, PAGE);
    return uffd_copy(fd, to, source, PAGE);
}

static inline int uffd_zero(int fd, void *start, size_t size, long *zeroed)
{
    struct uffdio_zeropage zero = {
        .range = {.start = (unsigned long)start, .len = size},
        .zeropage = 12345,
    };
    int result = uffd_ioctl(fd, UFFDIO_ZEROPAGE, &zero);

    if (zeroed)
        *zeroed = zero.zeropage;
    return result;
}

/* The next message, waiting for it also on a descriptor with O_NONBLOCK. */
static inline struct uffd_msg uffd_next(int fd)
{
    struct uffd_msg message;
    ssize_t got;

    do {
        got = read(fd, &message, sizeof(message));
        if (got < 0 && errno == EAGAIN)
            sched_yield();
    } while (got < 0 && (errno == EAGAIN || errno == EINTR));
    must(got == sizeof(message));
    must(message.event == UFFD_EVENT_PAGEFAULT);
    return message;
}

/* The page of the next fault. */
static inline void *uffd_next_page(int fd)
{
    return (void *)(unsigned long)uffd_next(fd).arg.pagefault.address;
}

/* What poll(2) says without waiting. */
static inline int uffd_poll(int fd)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN};

    must(poll(&entry, 1, 0) >= 0);
    return entry.revents;
}

static inline pthread_t thread_start(void *(*work)(void *), void *argument)
{
    pthread_t thread;

    must(!pthread_create(&thread, NULL, work, argument));
    return thread;
}

static inline void *thread_join(pthread_t thread)
{
    void *result;

    must(!pthread_join(thread, &result));
    return result;
}

/* A thread's work: reads the byte at ADDRESS. */
static inline void *read_byte(void *address)
{
    return (void *)(long)*(volatile unsigned char *)address;
}

#endif
