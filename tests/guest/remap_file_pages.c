/*
 * remap_file_pages(2), which is a fixed shared mapping of another part of the
 * object; and MADV_REMOVE, a hole through a mapping.
 */
#define _GNU_SOURCE
#include "memfd.h"

#define PAGES 16UL

static long remap(void *p, size_t size, int prot, size_t pgoff, int flags)
{
    return syscall(SYS_remap_file_pages, p, size, prot, pgoff, flags);
}

/* PAGES pages, the i-th full of 'a' + i. */
static char *lettered(int *fd)
{
    char *p;

    *fd = object_of(PAGES * PAGE);
    p = map_object(*fd, PAGES, RW, MAP_SHARED, 0);
    for (size_t i = 0; i < PAGES; i++)
        memset(p + i * PAGE, 'a' + (int)i, PAGE);
    return p;
}

static void test_args(void)
{
    int fd;
    char *p = lettered(&fd), *q;

    fails(remap(p, PAGE, PROT_READ, 0, 0), EINVAL, "rights must be 0");
    fails(remap(p, 0, 0, 0, 0), EINVAL, "no bytes");
    fails(remap(p, PAGE - 1, 0, 0, 0), EINVAL, "less than a page");
    fails(remap(p, PAGE, 0, -1UL, 0), EINVAL, "an offset that wraps around");
    fails(remap(p, PAGE, 0, 0x7ffffffffffffUL, 0), EOVERFLOW,
          "an offset that no object has");
    fails(remap((void *)-PAGE, 2 * PAGE, 0, 0, 0), EINVAL,
          "a range that wraps around");
    fails(remap(p + 15 * PAGE, 2 * PAGE, 0, 0, 0), EINVAL,
          "a range that reaches beyond the area");
    q = map_object(fd, 2, RW, MAP_PRIVATE, 0);
    fails(remap(q, PAGE, 0, 1, 0), EINVAL, "a private mapping");
    q = map_pages(2);
    fails(remap(q, PAGE, 0, 1, 0), EINVAL, "private anonymous memory");
    munmap(q, 2 * PAGE);
    fails(remap(q, PAGE, 0, 1, 0), EINVAL, "nothing");
}

static void test_pages(void)
{
    int fd;
    char *p = lettered(&fd), *q;

    works(remap(p + 100, PAGE + 50, 0, 5, 0), "address and size round down");
    ok(p[0] == 'f' && p[PAGE] == 'b', "one page shows another");
    works(remap(p, PAGES * PAGE, 0, 0, 0), "back, over several areas");
    is(p[0], 'a', "as it was");
    works(remap(p + PAGE, PAGE, 0, 7, MAP_NONBLOCK), "MAP_NONBLOCK");
    is(p[PAGE], 'h', "the page is there all the same");
    works(remap(p, PAGE, 0, 0, MAP_PRIVATE | 0x10000000), "other flags");
    p[0] = 'A';
    must(pread(fd, p + 2 * PAGE, 1, 0) == 1);
    is(p[2 * PAGE], 'A', "do not matter");
    works(remap(p, PAGE, 0, 100, 0), "beyond the end");
    is(probe_read(p), BUS_ADRERR, "there is nothing");
    mprotect(p + 4 * PAGE, PAGE, PROT_READ);
    fails(remap(p + 3 * PAGE, 2 * PAGE, 0, 0, 0), EINVAL,
          "areas of different rights");
    works(remap(p + 4 * PAGE, PAGE, 0, 9, 0), "one of them");
    is(p[4 * PAGE], 'j', "shows the other page");
    is(probe_write(p + 4 * PAGE, 1), SEGV_ACCERR, "with the rights it had");
    q = map_shared(2);
    q[PAGE] = 'y';
    works(remap(q, PAGE, 0, 1, 0), "shared anonymous memory");
    is(q[0], 'y', "is an object as well");
}

static void test_remove(void)
{
    int fd;
    char *p = lettered(&fd), *private = map_object(fd, 4, RW, MAP_PRIVATE, 0);

    private[0] = 'P';
    works(madvise(p, 2 * PAGE, MADV_REMOVE), "MADV_REMOVE");
    is(pages_of(fd), PAGES - 2, "gives the pages back");
    ok(p[0] == 0 && p[PAGE] == 0 && p[2 * PAGE] == 'c', "they read as zeros");
    is(private[0], 'P', "a private copy stays");
    is(private[PAGE], 0, "else the hole shows");
    munmap(p + 4 * PAGE, PAGE);
    fails(madvise(p + 3 * PAGE, 3 * PAGE, MADV_REMOVE), ENOMEM,
          "over a gap between mappings");
    ok(p[3 * PAGE] == 0 && p[5 * PAGE] == 0, "both sides are done");
    mprotect(p + 6 * PAGE, PAGE, PROT_READ);
    works(madvise(p + 6 * PAGE, PAGE, MADV_REMOVE), "read-only for now");
    is(p[6 * PAGE], 0, "is no obstacle");
}

static void test_remove_errors(void)
{
    int fd;
    char *p = lettered(&fd), *q = map_object(fd, 1, RW, MAP_PRIVATE, 0);

    fails(madvise(q, PAGE, MADV_REMOVE), EACCES, "a private mapping");
    q = map_pages(1);
    fails(madvise(q, PAGE, MADV_REMOVE), EINVAL, "no object");
    must(mlock(p, PAGE) == 0);
    fails(madvise(p, PAGE, MADV_REMOVE), EINVAL, "locked pages");
    must(munlock(p, PAGE) == 0);
    q = map_shared(2);
    q[0] = 1;
    works(madvise(q, PAGE, MADV_REMOVE), "shared anonymous memory");
    is(q[0], 0, "is an object");
    must(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) == 0);
    fails(madvise(p, PAGE, MADV_REMOVE), EPERM, "a sealed object");
    is(p[0], 'a', "keeps its pages");
}

int main(void)
{
    test_args();
    test_pages();
    test_remove();
    test_remove_errors();
    return done_testing();
}
