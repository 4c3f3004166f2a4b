/*
 * userfaultfd's calls, and what happens to registered memory, with each
 * allocation failing: see fail_nth.h.
 */
#include "fail_nth.h"
#include "scan.h"

static long do_uffd(void)
{
    return uffd_open(O_CLOEXEC);
}

static long do_register(void)
{
    return uffd_register(uffd, paged + 5 * PAGE, PAGE);
}

static long do_unregister(void)
{
    return uffd_unregister(uffd, paged + PAGE, PAGE);
}

static long do_uffd_copy(void)
{
    return uffd_copy(uffd, paged, source, 2 * PAGE);
}

static long do_uffd_zero(void)
{
    long zeroed;

    return uffd_zero(uffd, paged, PAGE, &zeroed);
}

static long do_uffd_protect(void)
{
    return uffd_protect(uffd, paged, 4 * PAGE, 1);
}

/* ---- with more features ---- */

static int more;   /* a userfaultfd */
static char *area; /* 8 pages of it: the first 4 are there */

static void *read_events(void *unused)
{
    struct uffd_msg message;

    while (read(more, &message, sizeof(message)) == sizeof(message))
        if (message.event == UFFD_EVENT_PAGEFAULT)
            (void)uffd_fill(
                more, (void *)(unsigned long)message.arg.pagefault.address, 7);
    return unused;
}

static void with(unsigned long features, unsigned long mode, int kind)
{
    more = uffd_new_with(0, features);
    area = mmap(NULL, 8 * PAGE, RW, kind | MAP_ANONYMOUS, -1, 0);
    must(area != MAP_FAILED);
    fill(area, 4, 80);
    must(!uffd_register_mode(more, area, 8 * PAGE, mode));
}

static void with_any(void)
{
    with(UFFD_FEATURE_POISON | UFFD_FEATURE_MOVE | UFFD_FEATURE_WP_UNPOPULATED |
             UFFD_FEATURE_PAGEFAULT_FLAG_WP,
         UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP, MAP_PRIVATE);
}

static void with_events(void)
{
    with(UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP |
             UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_EVENT_UNMAP,
         UFFDIO_REGISTER_MODE_MISSING, MAP_PRIVATE);
    thread_start(read_events, NULL);
}

static void with_object(void)
{
    with(UFFD_FEATURE_MISSING_SHMEM, UFFDIO_REGISTER_MODE_MISSING, MAP_SHARED);
}

/* The object has the pages, this mapping has not. */
static void with_minor(void)
{
    with(UFFD_FEATURE_MINOR_SHMEM, UFFDIO_REGISTER_MODE_MINOR, MAP_SHARED);
    must(!madvise(area, 8 * PAGE, MADV_DONTNEED));
}

static void with_fault(void)
{
    with_any();
    thread_start(write_one, area + 5 * PAGE);
    while (!uffd_poll(more))
        sched_yield();
}

static void with_track(void)
{
    with(UFFD_FEATURE_WP_ASYNC | UFFD_FEATURE_WP_UNPOPULATED,
         UFFDIO_REGISTER_MODE_WP, MAP_PRIVATE);
}

static void with_node(void)
{
    more = open("/dev/userfaultfd", O_RDWR);
    must(more >= 0);
}

static void with_none(void)
{
    more = uffd_open(0);
    must(more >= 0);
}

static long result(int r)
{
    errno = -r;
    return r ? -1 : 0;
}

static long do_node(void)
{
    return ioctl(more, _IO(UFFDIO, 0), O_CLOEXEC);
}

static long do_api(void)
{
    return result(uffd_api(more, UFFD_FEATURE_EVENT_FORK, NULL));
}

static long do_wake(void)
{
    return result(uffd_wake(more, area, 8 * PAGE));
}

static long do_copy_protected(void)
{
    return result(uffd_copy_mode(more, area + 4 * PAGE, source, PAGE,
                                 UFFDIO_COPY_MODE_WP, NULL));
}

static long do_mark(void)
{
    return result(uffd_protect(more, area, 8 * PAGE, 1));
}

static long do_poison(void)
{
    struct uffdio_poison p = {{(unsigned long)area + 4 * PAGE, PAGE}, 0, 0};

    return result(uffd_ioctl(more, UFFDIO_POISON, &p));
}

static long do_move(void)
{
    struct uffdio_move m = {.dst = (unsigned long)area + 4 * PAGE,
                            .src = (unsigned long)private,
                            .len = 2 * PAGE};

    return result(uffd_ioctl(more, UFFDIO_MOVE, &m));
}

static long do_fill_object(void)
{
    return result(uffd_fill(more, area + 4 * PAGE, 3));
}

static long do_zero_object(void)
{
    return result(uffd_zero(more, area + 5 * PAGE, PAGE, NULL));
}

static long do_continue(void)
{
    struct uffdio_continue c = {.range = {(unsigned long)area, 2 * PAGE}};

    return result(uffd_ioctl(more, UFFDIO_CONTINUE, &c));
}

/* What was written, protected again, and what is not there marked. */
static long do_scan(void)
{
    struct region found[8];
    struct scan s = {.size = sizeof(s),
                     .flags = WP_MATCHING | CHECK_WPASYNC,
                     .start = (unsigned long)area,
                     .end = (unsigned long)area + 8 * PAGE,
                     .vec = (unsigned long)found,
                     .vec_len = 8,
                     .mask = WRITTEN,
                     .wanted = WRITTEN};
    int map_fd = open("/proc/self/pagemap", O_RDONLY);

    return map_fd < 0 ? -1 : ioctl(map_fd, SCAN, &s);
}

static long do_read(void)
{
    struct uffd_msg message;

    return read(more, &message, sizeof(message)) == sizeof(message) ? 0 : -1;
}

/* ---- told of, or served ---- */

static long do_remap(void)
{
    return remap(area, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE, 0) == MAP_FAILED ? -1
                                                                            : 0;
}

static long do_unmap(void)
{
    return munmap(area + PAGE, PAGE);
}

static long do_discard(void)
{
    return madvise(area + PAGE, PAGE, MADV_DONTNEED);
}

static long do_served(void)
{
    *(volatile char *)(area + 5 * PAGE) = 1;
    return 0;
}

static long do_close(void)
{
    return close(uffd);
}

static const struct step script[] = {
    {"userfaultfd", do_uffd, 0, 0, NULL},
    {"UFFDIO_REGISTER", do_register, 0, 0, NULL},
    {"UFFDIO_UNREGISTER", do_unregister, 0, 0, NULL},
    {"UFFDIO_COPY", do_uffd_copy, EAGAIN, 0, NULL},
    {"UFFDIO_ZEROPAGE", do_uffd_zero, 0, 0, NULL},
    {"UFFDIO_WRITEPROTECT", do_uffd_protect, 0, 0, NULL},
    {"a userfaultfd of the device", do_node, 0, 0, with_node},
    {"UFFDIO_API", do_api, 0, 0, with_none},
    {"UFFDIO_WAKE", do_wake, 0, 0, with_any},
    {"UFFDIO_COPY protected", do_copy_protected, 0, 0, with_any},
    {"UFFDIO_WRITEPROTECT with marks", do_mark, 0, 0, with_any},
    {"UFFDIO_POISON", do_poison, 0, 0, with_any},
    {"UFFDIO_MOVE", do_move, EAGAIN, 0, with_any},
    {"UFFDIO_COPY to an object", do_fill_object, 0, 0, with_object},
    {"UFFDIO_ZEROPAGE to an object", do_zero_object, 0, 0, with_object},
    {"UFFDIO_CONTINUE", do_continue, EAGAIN, 0, with_minor},
    {"PAGEMAP_SCAN", do_scan, 0, 0, with_track},
    {"reading of a fault", do_read, 0, 0, with_fault},
    {"fork, which is told of", do_fork, EAGAIN, 0, with_events},
    {"mremap, which is told of", do_remap, 0, 0, with_events},
    {"munmap, which is told of", do_unmap, 0, 0, with_events},
    {"discarding, which is told of", do_discard, 0, 0, with_events},
    {"a fault that a pager serves", do_served, 0, 0, with_events},
    {"closing", do_close, 0, 0, NULL},
};

int main(void)
{
    return RUN_SCRIPT(script);
}
