/*
 * What ftruncate(2) and holes do to memory that is mapped: pages go from every
 * address space, private copies go with the end of the object and stay in a
 * hole, the rest of the last page is zeroed.
 */
#define _GNU_SOURCE
#include "memfd.h"

static void test_args(void)
{
    int fd = object_of(0);

    fails(ftruncate(fd, -1), EINVAL, "a negative size");
    fails(ftruncate(-1, -1), EINVAL, "is found before a bad descriptor");
    fails(ftruncate(-1, 1), EBADF, "a bad descriptor");
    works(ftruncate(fd, 0x7fffffffffffffffL), "the largest size");
    is(pages_of(fd), 0, "takes no memory");
    works(ftruncate(fd, 0), "and back");
}

static void test_beyond_the_end(void)
{
    int fd = object_of(PAGE + 1);
    char *p = map_object(fd, 4, RW, MAP_SHARED, 0);

    is(probe_read(p + 2 * PAGE - 1), 0, "the rest of the last page");
    is(probe_read(p + 2 * PAGE), BUS_ADRERR, "the page behind: BUS_ADRERR");
    is(probe_signal, SIGBUS, "by SIGBUS");
    ok(probe_address == p + 2 * PAGE, "at the address");
    is(probe_write(p + 3 * PAGE, 1), BUS_ADRERR, "the same for a write");
    must(ftruncate(fd, 3 * PAGE) == 0);
    is(probe_write(p + 2 * PAGE, 1), 0, "the object grew up to there");
    is(probe_read(p + 3 * PAGE), BUS_ADRERR, "and not beyond");
}

static void test_shrink(void)
{
    int fd = object_of(4 * PAGE);
    char *p = map_object(fd, 4, RW, MAP_SHARED, 0);
    char *q = map_object(fd, 2, PROT_READ, MAP_SHARED, 2);

    memset(p, 'p', 4 * PAGE);
    is(q[PAGE], 'p', "two views of the last page");
    works(ftruncate(fd, PAGE + 100), "shrink");
    is(pages_of(fd), 2, "the pages are given back");
    ok(all_bytes(p, 'p', PAGE + 100), "what is left is left");
    ok(all_bytes(p + PAGE + 100, 0, PAGE - 100), "then the page is zero");
    is(probe_read(p + 2 * PAGE), BUS_ADRERR, "behind it there is nothing");
    is(probe_read(q), BUS_ADRERR, "in the other view either");
    works(ftruncate(fd, 4 * PAGE), "grow again");
    ok(all_bytes(p + PAGE + 100, 0, 3 * PAGE - 100), "zeros");
    is(q[PAGE], 0, "in both views");
    p[3 * PAGE] = 'x';
    is(q[PAGE], 'x', "which are one");
}

/* What stands behind the end in the last page is the mapping's business, as
 * on Linux. */
static void test_tail(void)
{
    int fd = object_of(100);
    char *p = map_object(fd, 1, RW, MAP_SHARED, 0);

    memset(p, 't', PAGE);
    must(ftruncate(fd, PAGE) == 0);
    is(p[100], 't', "growing shows it");
    must(ftruncate(fd, 10) == 0);
    is(p[10], 0, "shrinking clears it");
    is(p[9], 't', "and no more");
}

static void test_private(void)
{
    int fd = object_of(4 * PAGE);
    char *p = map_object(fd, 4, RW, MAP_PRIVATE, 0);

    must(pwrite(fd, "o", 1, 2 * PAGE) == 1);
    memset(p, 'c', PAGE + 100);
    p[3 * PAGE] = 'c';
    is(p[2 * PAGE], 'o', "private: a page of the object, and copies");
    works(ftruncate(fd, PAGE + 10), "shrink");
    is(p[PAGE + 50], 'c', "a copy of the last page is not cleared");
    is(probe_read(p + 2 * PAGE), BUS_ADRERR, "the object's page goes");
    is(probe_read(p + 3 * PAGE), BUS_ADRERR, "the copy goes, too");
    is(probe_write(p + 3 * PAGE, 1), BUS_ADRERR, "and no new one is made");
    works(ftruncate(fd, 4 * PAGE), "grow");
    is(p[3 * PAGE], 0, "zeros");
}

struct family {
    volatile int step;
    char *pages;
};

static void wait_for(volatile int *step, int value)
{
    while (*step != value)
        usleep(500);
}

static int child_looks(struct family *f)
{
    int r = 0;

    f->pages[3 * PAGE] = 'C';
    f->step = 1;
    wait_for(&f->step, 2);
    r |= probe_read(f->pages + 3 * PAGE) != BUS_ADRERR;
    r |= (probe_read(f->pages + 2 * PAGE) != BUS_ADRERR) << 1;
    r |= (f->pages[0] != 'p') << 2;
    f->step = 3;
    wait_for(&f->step, 4);
    r |= (f->pages[3 * PAGE] != 0) << 3;
    return r;
}

/* Both sides' copies go, and those that fork left common to both. */
static void test_fork(int flags, const char *kind)
{
    struct family *f = map_shared(1);
    int fd = object_of(4 * PAGE);
    pid_t child;

    f->pages = map_object(fd, 4, RW, flags, 0);
    memset(f->pages, 'p', 4 * PAGE);
    child = fork();
    must(child >= 0);
    if (!child)
        _exit(child_looks(f));
    wait_for(&f->step, 1);
    works(ftruncate(fd, PAGE), "%s over fork: shrink", kind);
    is(probe_read(f->pages + 3 * PAGE), BUS_ADRERR, "gone from the parent");
    is(f->pages[0], 'p', "what is left is left");
    f->step = 2;
    wait_for(&f->step, 3);
    must(ftruncate(fd, 4 * PAGE) == 0);
    f->step = 4;
    is(wait_status(child), 0, "the same in the child");
    is(probe_write(f->pages + 3 * PAGE, 1), 0, "grown again");
}

static void test_hole(void)
{
    int fd = object_of(4 * PAGE);
    char *p = map_object(fd, 4, RW, MAP_SHARED, 0);
    char *q = map_object(fd, 4, RW, MAP_PRIVATE, 0);

    memset(p, 'p', 4 * PAGE);
    q[PAGE] = 'q';
    is(q[2 * PAGE], 'p', "a shared and a private view");
    works(fallocate(fd, PUNCH, 100, 3 * PAGE), "a hole");
    is(pages_of(fd), 2, "gives back the two pages within");
    ok(all_bytes(p, 'p', 100) && all_bytes(p + 100, 0, 3 * PAGE) &&
           all_bytes(p + 3 * PAGE + 100, 'p', PAGE - 100),
       "it is zero, to the byte");
    is(q[PAGE], 'q', "a private copy stays");
    is(q[2 * PAGE], 0, "where there is none the hole shows");
    p[2 * PAGE] = 'n';
    is(q[2 * PAGE], 'n', "and what fills it");
    works(fallocate(fd, PUNCH, 3 * PAGE + 200, 50), "a hole within a page");
    ok(all_bytes(p + 3 * PAGE + 100, 'p', 100) &&
           all_bytes(p + 3 * PAGE + 200, 0, 50) &&
           all_bytes(p + 3 * PAGE + 250, 'p', PAGE - 250),
       "is no more than that");
    is(size_of(fd), 4 * PAGE, "the size stays");
}

/* Areas cut and joined still belong to the object, page by page. */
static void test_pieces(void)
{
    int fd = object_of(64 * PAGE);
    char *p = map_object(fd, 64, RW, MAP_SHARED, 0);
    int gone = 0;

    memset(p, 'p', 64 * PAGE);
    for (int i = 0; i < 64; i += 2)
        mprotect(p + i * PAGE, PAGE, PROT_READ);
    munmap(p + 20 * PAGE, 4 * PAGE);
    for (int i = 32; i < 48; i += 2)
        mprotect(p + i * PAGE, PAGE, RW);
    must(ftruncate(fd, 10 * PAGE) == 0);
    for (int i = 10; i < 64; i++)
        gone += probe_read(p + i * PAGE) ==
                (i >= 20 && i < 24 ? SEGV_MAPERR : BUS_ADRERR);
    is(gone, 54, "every page behind the end is gone from every piece");
    ok(all_bytes(p, 'p', 10 * PAGE), "and no other");
}

int main(void)
{
    test_args();
    test_beyond_the_end();
    test_shrink();
    test_tail();
    test_private();
    test_fork(MAP_SHARED, "shared");
    test_fork(MAP_PRIVATE, "private");
    test_hole();
    test_pieces();
    return done_testing();
}
