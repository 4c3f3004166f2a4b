/*
 * Faultline's own userfaultfd requests, and objects with pagers, with each
 * allocation failing: see fail_nth.h.
 */
#include "../../guest/fail_nth.h"
#include "fl_uffd.h"
#include "object_util.h"

static char *window; /* 8 pages of the object, the first 4 of which are there */

/* Reads, and if it is not to be LATE fills. A wake-up makes it known as a
 * pager; or its creator would be the only one. */
static void *serve(void *late)
{
    must(!request(UFFDIO_FL_WAKE, 0, 0, 1, NULL, NULL));
    for (;;) {
        struct uffd_fl_object_msg m = message(1);

        if (m.event == UFFD_EVENT_FL_MISS && !late)
            (void)fill_with(m.offset / PAGE, 7);
    }
    return NULL;
}

static void with_guarded(long deadline, int action)
{
    object_new_guarded(8, UFFD_FL_BIND_DIRTY, 0, deadline, action);
    for (long page = 0; page < 4; page++)
        must(!fill_with(page, 80));
    window = object_map(MAP_SHARED, 8);
}

static void with_object(void)
{
    with_guarded(0, ACT_NONE);
}

static void with_pager(void)
{
    with_object();
    thread_start(serve, NULL);
    let_run();
}

static void with_late_pager(void)
{
    with_guarded(1000, ACT_ZERO);
    thread_start(serve, window);
    let_run();
}

static void with_dirty(void)
{
    with_object();
    fill(window, 4, 90);
}

static void unbound(void)
{
    object = backing;
    must(!munmap(file, 4 * PAGE));
    pager = uffd_new(0);
}

static void with_pager_of_pages(void)
{
    pager = uffd;
    thread_start(write_one, paged + 2 * PAGE);
    while (!uffd_poll(uffd))
        sched_yield();
}

static long do_guard(void)
{
    return fl_guard(uffd, paged + PAGE, PAGE, 1000, BUS, 0);
}

static void with_guard(void)
{
    must(!fl_guard(uffd, paged, PAGE, 1000, ZERO, 0));
}

static long do_guarded(void)
{
    *(volatile char *)paged = 1;
    return 0;
}

static long do_copy_next(void)
{
    struct {
        struct uffdio_copy copy;
        __u64 reserved;
        struct uffd_msg message;
    } next = {
        .copy = {(unsigned long)paged, (unsigned long)source, PAGE, 0, 0}};

    return uffd_ioctl(uffd, 0xc050fa00u, &next);
}

static long do_bind(void)
{
    return object_bind(0, 7, 0);
}

static long do_fill(void)
{
    return fill_with(5, 3);
}

static long do_fill_two(void)
{
    return request(UFFDIO_FL_FILL, UFFD_FL_MODE_ZERO, 4, 2, NULL, NULL);
}

static long do_wake(void)
{
    return request(UFFDIO_FL_WAKE, 0, 0, 8, NULL, NULL);
}

static long do_clean(void)
{
    return clean(0, 8);
}

static long do_evict(void)
{
    return evict(0, 8);
}

static long do_news(void)
{
    return message(0).event == UFFD_EVENT_FL_DIRTY ? 0 : -1;
}

static long do_miss(void)
{
    (void)*(volatile char *)(window + 5 * PAGE);
    *(volatile char *)(window + 6 * PAGE) = 1;
    return 0;
}

static long do_dirty(void)
{
    *(volatile char *)(window + PAGE) = 1;
    return 0;
}

static long do_read(void)
{
    char c;

    return pread(object, &c, 1, 6 * PAGE) == 1 ? 0 : -1;
}

static long do_write(void)
{
    return pwrite(object, source, PAGE, 6 * PAGE) == PAGE ? 0 : -1;
}

static long do_copy_private(void)
{
    char *at = mmap(NULL, 8 * PAGE, RW, MAP_PRIVATE, object, 0);

    if (at == MAP_FAILED)
        return -1;
    *(volatile char *)(at + 6 * PAGE) = 1;
    return munmap(at, 8 * PAGE);
}

static long do_cut(void)
{
    return ftruncate(object, 2 * PAGE);
}

static long do_close(void)
{
    return close(pager);
}

static const struct step script[] = {
    {"UFFDIO_FL_GUARD", do_guard, 0, 0, NULL},
    {"a page whose pager is late", do_guarded, 0, 0, with_guard},
    {"UFFDIO_FL_COPY_NEXT", do_copy_next, EAGAIN, 0, with_pager_of_pages},
    {"UFFDIO_FL_BIND", do_bind, 0, PARTIAL, unbound},
    {"UFFDIO_FL_FILL", do_fill, EAGAIN, 0, with_object},
    {"UFFDIO_FL_FILL of two pages", do_fill_two, EAGAIN, 0, with_object},
    {"UFFDIO_FL_WAKE", do_wake, 0, 0, with_object},
    {"UFFDIO_FL_CLEAN", do_clean, 0, 0, with_dirty},
    {"UFFDIO_FL_EVICT", do_evict, 0, 0, with_object},
    {"reading what is new", do_news, 0, 0, with_dirty},
    {"misses", do_miss, 0, 0, with_pager},
    {"a miss whose pager is late", do_miss, 0, 0, with_late_pager},
    {"a page written first", do_dirty, 0, 0, with_object},
    {"read of an absent page", do_read, 0, 0, with_pager},
    {"write of an absent page", do_write, 0, 0, with_pager},
    {"a private copy", do_copy_private, 0, PARTIAL, with_pager},
    {"ftruncate of an object with a pager", do_cut, 0, 0, with_dirty},
    {"end of the pager", do_close, 0, 0, with_dirty},
};

int main(void)
{
    return RUN_SCRIPT(script);
}
