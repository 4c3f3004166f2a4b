/*
 * What the userfaultfd tests have in common: opening, registering, filling,
 * reading messages. Calls that a test checks return 0 or a negative errno;
 * those it takes for granted end the test when they fail.
 */
#pragma once

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>

#include "probe.h"

/* What Linux 6.12 has and the headers of Debian 12 do not know yet. */
#ifndef UFFD_FEATURE_WP_UNPOPULATED
#define UFFD_FEATURE_WP_UNPOPULATED (1 << 13)
#endif
#ifndef UFFD_FEATURE_POISON
#define UFFD_FEATURE_POISON (1 << 14)
#define _UFFDIO_POISON      0x08
struct uffdio_poison {
    struct uffdio_range range;
    __u64 mode;
    __s64 updated;
};
#define UFFDIO_POISON _IOWR(UFFDIO, _UFFDIO_POISON, struct uffdio_poison)

#define UFFDIO_POISON_MODE_DONTWAKE 1UL
#endif
#ifndef UFFD_FEATURE_WP_ASYNC
#define UFFD_FEATURE_WP_ASYNC (1 << 15)
#endif
#ifndef UFFD_FEATURE_MOVE
#define UFFD_FEATURE_MOVE (1 << 16)
#define _UFFDIO_MOVE      0x05
struct uffdio_move {
    __u64 dst, src, len, mode;
    __s64 move;
};
#define UFFDIO_MOVE _IOWR(UFFDIO, _UFFDIO_MOVE, struct uffdio_move)

#define UFFDIO_MOVE_MODE_DONTWAKE        1UL
#define UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES 2UL
#endif
#ifndef BUS_MCEERR_AR
#define BUS_MCEERR_AR 4
#endif

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

/* A userfaultfd past its handshake, with FEATURES. */
static inline int uffd_new_with(int flags, unsigned long features)
{
    int fd = uffd_open(flags);

    must(fd >= 0);
    must(!uffd_api(fd, features, NULL));
    return fd;
}

static inline int uffd_new(int flags)
{
    return uffd_new_with(flags, 0);
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

static inline int uffd_protect(int fd, void *start, size_t size,
                               unsigned long mode)
{
    struct uffdio_writeprotect wp = {
        .range = {.start = (unsigned long)start, .len = size},
        .mode = mode,
    };

    return uffd_ioctl(fd, UFFDIO_WRITEPROTECT, &wp);
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

#define PAGE_DIRTY     (1ul << 55) /* softly: since clear_soft_dirty() */
#define PAGE_PROTECTED (1ul << 57)

/* Whether /proc/self/pagemap says so of the page. */
static inline int page_is(const void *page, unsigned long bit)
{
    int file = open("/proc/self/pagemap", O_RDONLY);
    unsigned long entry;

    must(pread(file, &entry, 8, (unsigned long)page / PAGE * 8) == 8);
    close(file);
    return entry & bit ? 1 : 0;
}

static inline void clear_soft_dirty(void)
{
    int file = open("/proc/self/clear_refs", O_WRONLY);

    must(write(file, "4", 1) == 1);
    close(file);
}

/* What fdinfo counts: faults that nobody has read ("pending:"), all ("total:").
 */
static inline int uffd_count(int fd, const char *which)
{
    char text[512], path[64];
    int info, count = 0;
    ssize_t size;

    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
    info = open(path, O_RDONLY);
    must(info >= 0);
    size = read(info, text, sizeof(text) - 1);
    must(size > 0);
    text[size] = '\0';
    close(info);
    must(sscanf(strstr(text, which) + strlen(which), "%d", &count) == 1);
    return count;
}

/* Until so many faults are queued; what waits may not sleep yet. */
static inline void await_faults(int fd, int count)
{
    while (uffd_count(fd, "total:") < count)
        sched_yield();
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

static inline void *do_nothing(void *unused)
{
    for (;;)
        pause();
    return unused;
}

/* A thread that might help whoever waits for a page, and never does: without
 * hope a wait would be refused, see docs/userfaultfd.md, "Deadlocks". */
static inline void leave_hope(void)
{
    thread_start(do_nothing, NULL);
}

/* Gives the others time to come as far as they can. */
static inline void let_run(void)
{
    for (int i = 0; i < 50; i++)
        sched_yield();
}

/* A thread's work: writes the byte at ADDRESS. */
static inline void *write_one(void *address)
{
    *(volatile unsigned char *)address = 'w';
    return NULL;
}

/* A thread's work: reads the byte at ADDRESS. */
static inline void *read_byte(void *address)
{
    return (void *)(long)*(volatile unsigned char *)address;
}
