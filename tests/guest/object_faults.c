/*
 * Faults on mapped objects: which of them a read, a shared write and a private
 * write take, that a read maps its neighbours too, and what happens at the
 * edges of areas and objects. And shared anonymous memory, an object as well.
 */
#define _GNU_SOURCE
#include <sys/resource.h>

#include "memfd.h"

#define GROUP 16 /* pages mapped by one read fault, aligned */

static long faults(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt + usage.ru_majflt;
}

/* Faults taken by touching COUNT pages in order. */
static long touch(volatile char *p, size_t count, int write)
{
    long before = faults();

    for (size_t i = 0; i < count; i++) {
        if (write)
            p[i * PAGE] = 1;
        else
            (void)p[i * PAGE];
    }
    return faults() - before;
}

/* An address such that pages GROUP apart are aligned to groups. */
static char *aligned_place(size_t pages)
{
    uintptr_t p = (uintptr_t)map_pages(pages + GROUP);

    return (char *)((p + GROUP * PAGE - 1) & ~(GROUP * PAGE - 1));
}

static char *map_at(char *place, int fd, size_t count, int flags, size_t first)
{
    char *p =
        mmap(place, count * PAGE, RW, flags | MAP_FIXED, fd, first * PAGE);

    must(p == place);
    return p;
}

static int full_object(size_t pages)
{
    static char bytes[PAGE];
    int fd = object_of(pages * PAGE);

    for (size_t i = 0; i < pages; i++) {
        memset(bytes, 'A' + (int)i, PAGE);
        must(pwrite(fd, bytes, PAGE, i * PAGE) == (ssize_t)PAGE);
    }
    return fd;
}

static void test_around(void)
{
    char *place = aligned_place(3 * GROUP), *p;
    int fd = full_object(3 * GROUP), right = 0;

    p = map_at(place, fd, 3 * GROUP, MAP_SHARED, 0);
    is(touch(p, 3 * GROUP, 0), 3, "shared: one read fault for 16 pages");
    for (int i = 0; i < 3 * GROUP; i++)
        right += p[i * PAGE] == (char)('A' + i);
    is(right, 3 * GROUP, "each with its own bytes");
    is(touch(p, 3 * GROUP, 1), 0, "which may be written at once");
    p = map_at(place, fd, 3 * GROUP, MAP_PRIVATE, 0);
    is(touch(p + GROUP * PAGE / 2, 1, 0), 1, "private: a read in the middle");
    is(touch(p, GROUP, 0), 0, "maps what is before and after");
    is(touch(p + GROUP * PAGE, 1, 0), 1, "but not the next 16");
    is(touch(p, GROUP, 1), GROUP, "each write copies one");
    p = map_at(place, fd, 3 * GROUP, MAP_SHARED, 0);
    is(touch(p, GROUP, 1), GROUP, "a write fault maps one page only");
}

static void test_around_edges(void)
{
    char *place = aligned_place(2 * GROUP), *p;
    int fd = full_object(2 * GROUP);

    p = map_at(place + 3 * PAGE, fd, 4, MAP_SHARED, 7);
    is(touch(p, 4, 0), 1, "an area smaller than that");
    ok(p[0] == 'A' + 7 && p[3 * PAGE] == 'A' + 10, "at an offset");
    is(*(place + 2 * PAGE), 0, "nothing below");
    is(*(place + 7 * PAGE), 0, "nothing above");
    p = map_at(place + 10 * PAGE, fd, GROUP, MAP_SHARED, 1);
    is(touch(p, GROUP, 0), 1, "16 pages from where the area begins");
    p = map_at(place + 10 * PAGE, fd, GROUP + 1, MAP_SHARED, 1);
    is(touch(p, GROUP + 1, 0), 2, "and one more");
    must(ftruncate(fd, 3 * PAGE + 1) == 0);
    p = map_at(place, fd, GROUP, MAP_PRIVATE, 0);
    is(touch(p, 4, 0), 1, "as far as the object goes");
    is(probe_read(p + 4 * PAGE), BUS_ADRERR, "and no further");
}

/* A page table's pages end where the next one's begin: at many tables, for what
 * lies behind one in memory may be anything. */
static void test_around_tables(void)
{
    const size_t table = 512 * PAGE;
    const int tables = 24;
    char *room = mmap(NULL, (tables + 2) * table, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *edge = (char *)(((uintptr_t)room + 2 * table) & -table);
    int fd = full_object(6), right = 0;

    for (int i = 0; i < tables; i++) {
        char *p = map_at(edge + i * table - 3 * PAGE, fd, 6, MAP_SHARED, 0);

        right += touch(p, 6, 0) == 2 && p[2 * PAGE + 1] == 'C' &&
                 p[3 * PAGE + 1] == 'D';
    }
    is(right, tables, "two tables, two faults");
    munmap(room, (tables + 2) * table);
}

/* Holes are not filled by a neighbour's fault. */
static void test_around_holes(void)
{
    char *place = aligned_place(GROUP), *p;
    int fd = object_of(GROUP * PAGE);

    must(pwrite(fd, "x", 1, 3 * PAGE) == 1);
    must(pwrite(fd, "y", 1, 5 * PAGE) == 1);
    must(fallocate(fd, 0, 6 * PAGE, PAGE) == 0);
    p = map_at(place, fd, GROUP, MAP_SHARED, 0);
    is(touch(p + 3 * PAGE, 1, 0), 1, "a page between holes");
    is(pages_of(fd), 3, "makes no pages");
    is(touch(p + 5 * PAGE, 1, 0), 0, "maps the one that is there");
    is(touch(p + 4 * PAGE, 1, 0), 1, "not the hole");
    is(pages_of(fd), 4, "which is a page from then on");
    is(touch(p + 6 * PAGE, 1, 0), 1, "not one only set aside");
}

static void test_private(void)
{
    int fd = full_object(4);
    char *p = map_object(fd, 4, RW, MAP_PRIVATE, 0);
    char *s = map_object(fd, 4, RW, MAP_SHARED, 0);

    p[0] = 'p';
    is(s[0], 'A', "a private write without a read before");
    is(p[1], 'A', "has the rest of the page");
    is(p[PAGE], 'B', "a private read");
    p[PAGE] = 'p';
    is(s[PAGE], 'B', "and then a write");
    s[2 * PAGE] = 's';
    is(p[2 * PAGE], 's', "a shared write before the private read");
    s[2 * PAGE] = 't';
    is(p[2 * PAGE], 't', "and after");
    must(madvise(p, PAGE, MADV_DONTNEED) == 0);
    is(p[0], 'A', "a copy thrown away: the object's page again");
}

static int child_of_private(void *pages)
{
    char *p = pages;

    if (p[0] != 'p' || p[PAGE] != 'B')
        return 1;
    p[0] = p[PAGE] = 'c';
    return p[0] != 'c' || p[1] != 'A';
}

static void test_private_over_fork(void)
{
    int fd = full_object(2);
    char *p = map_object(fd, 2, RW, MAP_PRIVATE, 0), c;

    p[0] = 'p';
    (void)*(volatile char *)(p + PAGE);
    is(in_child(child_of_private, p), 0, "a private mapping over fork");
    is(p[0], 'p', "the parent keeps its copy");
    is(p[PAGE], 'B', "and the object's page");
    must(pread(fd, &c, 1, 0) == 1);
    is(c, 'A', "the object has seen none of it");
}

static int child_of_shared(void *pages)
{
    char *p = pages;
    int r = p[0] != 'p' || p[PAGE] != 0;

    p[PAGE] = 'c';
    return r;
}

static void test_shared_anonymous(void)
{
    char *p = map_shared(3), *q;

    p[0] = 'p';
    is(in_child(child_of_shared, p), 0, "shared anonymous memory over fork");
    is(p[PAGE], 'c', "the child's write");
    must(munmap(p, PAGE) == 0);
    is(in_child(child_of_shared, p + PAGE), 1, "half unmapped");
    is(p[2 * PAGE], 'c', "the other half goes on");
    must(madvise(p + PAGE, 2 * PAGE, MADV_DONTNEED) == 0);
    is(p[PAGE], 'c', "MADV_DONTNEED loses nothing");
    q = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    is(probe_write(q, 1), SEGV_ACCERR, "read-only: no write");
    works(mprotect(q, 2 * PAGE, RW), "it can be made writable");
    is(probe_write(q, 1), 0, "then there is one");
}

/* A write to a page that was read first, where the area became writable in
 * between. */
static void test_upgrade(void)
{
    int fd = full_object(2);
    char *p = map_object(fd, 2, PROT_READ, MAP_SHARED, 0), c;

    is(p[0], 'A', "read-only and shared");
    is(probe_write(p, 1), SEGV_ACCERR, "no write");
    must(mprotect(p, 2 * PAGE, RW) == 0);
    p[0] = 'w';
    must(pread(fd, &c, 1, 0) == 1);
    is(c, 'w', "made writable, a write goes to the object");
}

int main(void)
{
    test_around();
    test_around_edges();
    test_around_tables();
    test_around_holes();
    test_private();
    test_private_over_fork();
    test_shared_anonymous();
    test_upgrade();
    return done_testing();
}
