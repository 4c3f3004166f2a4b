/*
 * What the tests of object pagers share: Faultline's own requests, as in
 * docs/object-pagers.md, and an object with a pager's descriptor.
 */
#pragma once

#define _GNU_SOURCE
#include <sys/uio.h>

#include <faultline/object_pager.h>

#include "../../guest/memfd.h"
#include "../../guest/uffd_util.h"

enum {
    ACT_NONE,
    ACT_BUS,
    ACT_KILL,
    ACT_ZERO
};

static int pager, object; /* descriptors */

static inline int object_bind_guarded(int flags, long cookie, long limit,
                                      long deadline, int action)
{
    struct uffdio_fl_bind b = {object,   flags,  cookie, limit,
                               deadline, action, 0};

    return uffd_ioctl(pager, UFFDIO_FL_BIND, &b);
}

static inline int object_bind(int flags, long cookie, long limit)
{
    return object_bind_guarded(flags, cookie, limit, 0, ACT_NONE);
}

/* A request on COUNT pages from page FIRST on; *DONE may be NULL. */
static inline int request(unsigned what, int mode, long first, long count,
                          const void *from, long *done)
{
    struct uffdio_fl_object c = {object,       mode,       first * PAGE,
                                 count * PAGE, (long)from, 12345};
    int r = uffd_ioctl(pager, what, &c);

    if (done)
        *done = c.done;
    return r;
}

static inline int fill_with(long page, int value)
{
    memset(source, value, PAGE);
    return request(UFFDIO_FL_FILL, 0, page, 1, source, NULL);
}

static inline int clean(long first, long count)
{
    return request(UFFDIO_FL_CLEAN, 0, first, count, NULL, NULL);
}

static inline int evict(long first, long count)
{
    return request(UFFDIO_FL_EVICT, 0, first, count, NULL, NULL);
}

/* The next message, waiting for it; event 0 with wait 0: none. */
static inline struct uffd_fl_object_msg message(int wait)
{
    struct uffd_fl_object_msg m = {0};
    ssize_t got;

    do {
        got = read(pager, &m, sizeof(m));
        if (got < 0 && wait)
            sched_yield();
    } while (got < 0 && wait && (errno == EAGAIN || errno == EINTR));
    must(got == sizeof(m) || !wait);
    return m;
}

/* The page of the next miss. */
static inline long next_miss(void)
{
    struct uffd_fl_object_msg m = message(1);

    must(m.event == UFFD_EVENT_FL_MISS);
    return m.offset / PAGE;
}

static inline int is_quiet(void)
{
    return !uffd_poll(pager) && !message(0).event;
}

/* An object of so many pages and, bound to it, a pager. */
static inline void object_new_guarded(long pages, int flags, long limit,
                                      long deadline, int action)
{
    object = syscall(SYS_memfd_create, "paged", 0);
    must(object >= 0 && !ftruncate(object, pages * PAGE));
    pager = uffd_new(O_NONBLOCK);
    must(!object_bind_guarded(flags, 7, limit, deadline, action));
}

static inline void object_new(long pages, int flags, long limit)
{
    object_new_guarded(pages, flags, limit, 0, ACT_NONE);
}

static inline void object_end(void)
{
    close(object);
    close(pager);
}

static inline char *object_map(int how, long pages)
{
    char *at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, how, object, 0);

    must(at != MAP_FAILED);
    return at;
}
