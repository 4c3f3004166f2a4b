/*
 * msync(2): which arguments and ranges it refuses. And what it would write
 * back, told by smaps: pages of an object are dirty once written, through
 * whatever mapping or call.
 */
#define _GNU_SOURCE
#include "memfd.h"

#define PAGES 16UL

static void test_flags(char *p)
{
    fails(msync(p, PAGE, 8), EINVAL, "an unknown flag");
    fails(msync(p, PAGE, MS_SYNC | MS_ASYNC), EINVAL, "both SYNC and ASYNC");
    fails(msync(p + 1, PAGE, MS_SYNC), EINVAL, "an address within a page");
    works(msync(p, PAGE, 0), "no flag");
    works(msync(p, PAGE, MS_SYNC), "MS_SYNC");
    works(msync(p, PAGE, MS_ASYNC), "MS_ASYNC");
    works(msync(p, PAGE, MS_INVALIDATE), "MS_INVALIDATE");
    works(msync(p, 1, MS_SYNC | MS_INVALIDATE), "a size within a page");
    works(msync(p, PAGES * PAGE, MS_SYNC), "all of it");
    works(msync(NULL, 0, MS_SYNC), "no bytes at nothing");
    works(msync(p, -1UL, MS_SYNC), "a size that rounds up to 0");
    fails(msync(p, -PAGE, MS_SYNC), ENOMEM, "a range that wraps around");
}

static void test_holes(char *p)
{
    must(munmap(p + 4 * PAGE, PAGE) == 0);
    fails(msync(p, PAGES * PAGE, MS_SYNC), ENOMEM, "a hole in the middle");
    fails(msync(p, PAGES * PAGE, MS_ASYNC), ENOMEM, "the same with ASYNC");
    fails(msync(p, PAGES * PAGE, 0), ENOMEM, "and without a flag");
    fails(msync(p + 4 * PAGE, PAGE, MS_ASYNC), ENOMEM, "a hole alone");
    fails(msync(p + 4 * PAGE, 2 * PAGE, MS_SYNC), ENOMEM, "a hole at first");
    works(msync(p, 4 * PAGE, MS_SYNC), "up to the hole");
    works(msync(p + 5 * PAGE, PAGE, MS_ASYNC), "from its end");
    fails(msync(NULL, PAGE, MS_SYNC), ENOMEM, "nothing at all");
}

static void test_locked(char *p)
{
    must(mlock(p + 8 * PAGE, PAGE) == 0);
    fails(msync(p + 8 * PAGE, PAGE, MS_INVALIDATE), EBUSY,
          "MS_INVALIDATE of a locked page");
    fails(msync(p, PAGES * PAGE, MS_SYNC | MS_INVALIDATE), EBUSY,
          "is worse than the hole before it");
    fails(msync(p, PAGES * PAGE, MS_ASYNC | MS_INVALIDATE), EBUSY,
          "with ASYNC, too");
    works(msync(p, 4 * PAGE, MS_SYNC | MS_INVALIDATE), "elsewhere it goes");
    works(msync(p + 8 * PAGE, PAGE, MS_SYNC), "and without INVALIDATE");
    must(munlock(p + 8 * PAGE, PAGE) == 0);
}

static void test_private(void)
{
    char *p = map_pages(2);

    works(msync(p, 2 * PAGE, MS_SYNC), "private anonymous memory");
    p[0] = 1;
    works(msync(p, 2 * PAGE, MS_ASYNC | MS_INVALIDATE), "and written");
    is(p[0], 1, "nothing is lost");
}

/* KiB of that row of smaps for the area that begins at P, or -1. */
static long smaps_row(const char *p, const char *row)
{
    FILE *smaps = fopen("/proc/self/smaps", "r");
    char line[512];
    long kib = -1;
    int here = 0;

    must(smaps != NULL);
    while (kib < 0 && fgets(line, sizeof(line), smaps)) {
        if (strtoul(line, NULL, 16) == (uintptr_t)p)
            here = 1;
        if (here && !strncmp(line, row, strlen(row)))
            kib = atol(line + strlen(row));
    }
    fclose(smaps);
    return kib;
}

/* Dirty pages among the COUNT first of the object, seen through a mapping that
 * has only read them. */
static long dirty_pages(int fd, size_t count)
{
    char *p = map_object(fd, PAGES, PROT_READ, MAP_SHARED, 0);
    long kib;

    for (size_t i = 0; i < count; i++)
        (void)*(volatile char *)(p + i * PAGE);
    kib = smaps_row(p, "Private_Dirty:");
    is(smaps_row(p, "Private_Clean:"), count * 4 - kib, "the others are clean");
    munmap(p, PAGES * PAGE);
    return kib / 4;
}

static void test_dirty(void)
{
    int fd = object_of(PAGES * PAGE);
    char *p = map_object(fd, PAGES, RW, MAP_SHARED, 0);

    (void)*(volatile char *)p;
    is(smaps_row(p, "Private_Dirty:"), 0, "read: clean");
    p[0] = 1;
    is(smaps_row(p, "Private_Dirty:"), 4, "written after that: dirty");
    p[PAGE] = 1;
    is(smaps_row(p, "Private_Dirty:"), 8, "written at once: dirty");
    works(munmap(p, PAGES * PAGE), "unmapped");
    is(dirty_pages(fd, 4), 2, "the object remembers both");
    must(pwrite(fd, "x", 1, 2 * PAGE) == 1);
    must(pwrite(fd, "x", 1, 9 * PAGE) == 1);
    is(dirty_pages(fd, 10), 4, "write(2) makes dirty, too");
    must(fallocate(fd, PUNCH, 0, 3 * PAGE) == 0);
    is(dirty_pages(fd, 10), 1, "what fills a hole is clean");
}

int main(void)
{
    int fd = object_of(PAGES * PAGE);
    char *p = map_object(fd, PAGES, RW, MAP_SHARED, 0);

    test_flags(p);
    test_holes(p);
    test_locked(p);
    test_private();
    test_dirty();
    return done_testing();
}
