/*
 * Where mmap(2) puts things, and that mappings which are split, replaced and
 * joined keep their bytes. Sizes stay below 2 MiB, above which Linux aligns.
 */
#include "probe.h"

#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW   (PROT_READ | PROT_WRITE)
#define BIG  (300 * PAGE)

static char *map(void *address, size_t size, int prot, int flags)
{
    return mmap(address, size, prot, ANON | flags, -1, 0);
}

static void test_top_down(void)
{
    char *first = map(NULL, BIG, RW, 0);
    char *second = map(NULL, BIG, RW, 0);
    char *third = map(NULL, BIG, PROT_READ, 0);

    is(second, first - BIG, "a mapping goes directly below the last one");
    is(third, second - BIG, "also one with other rights");
    works(munmap(second, BIG), "munmap of the middle one");
    is(map(NULL, BIG, RW, 0), second, "the hole is filled again");
    works(munmap(second, BIG), "munmap of it again");
    is(map(NULL, BIG + PAGE, RW, 0), third - BIG - PAGE,
       "what does not fit goes below");
    is(map(NULL, PAGE, RW, 0), first - PAGE, "what fits goes to its top");
    works(munmap(third - BIG - PAGE, 4 * BIG + PAGE), "munmap of all");
}

/* The highest hole that is large enough wins, not the best fit. */
static void test_highest_gap(void)
{
    char *base = map(NULL, 20 * PAGE, RW, 0);

    must(base != MAP_FAILED);
    munmap(base + 2 * PAGE, 2 * PAGE);
    munmap(base + 8 * PAGE, 4 * PAGE);
    munmap(base + 16 * PAGE, PAGE);
    is(map(NULL, PAGE, RW, 0), base + 16 * PAGE, "one page: the top hole");
    is(map(NULL, 2 * PAGE, RW, 0), base + 10 * PAGE,
       "two pages: the top of the middle hole");
    is(map(NULL, 2 * PAGE, RW, 0), base + 8 * PAGE, "two more: the rest of it");
    is(map(NULL, 2 * PAGE, RW, 0), base + 2 * PAGE, "two more: the low hole");
    munmap(base, 20 * PAGE);
}

static void fill(char *pages, int count)
{
    for (int i = 0; i < count; i++)
        memset(pages + i * PAGE, 'a' + i, PAGE);
}

/* The number of the first of COUNT pages that lost its bytes, or -1. */
static int first_lost(const char *pages, int count)
{
    for (int i = 0; i < count; i++)
        if (!all_bytes(pages + i * PAGE, 'a' + i, PAGE))
            return i;
    return -1;
}

static void test_split(void)
{
    char *pages = map_pages(5);

    fill(pages, 5);
    works(munmap(pages + 2 * PAGE, PAGE), "munmap splits a mapping");
    is(first_lost(pages, 2), -1, "the lower part keeps its bytes");
    ok(all_bytes(pages + 3 * PAGE, 'd', PAGE) &&
           all_bytes(pages + 4 * PAGE, 'e', PAGE),
       "and so does the upper part");
    is(probe_read(pages + 2 * PAGE), SEGV_MAPERR, "the middle is a hole");
    is(probe_read(pages + 2 * PAGE + PAGE - 1), SEGV_MAPERR, "to its end");
    is(map(pages + 2 * PAGE, PAGE, RW, MAP_FIXED), pages + 2 * PAGE,
       "MAP_FIXED closes the hole");
    ok(all_bytes(pages + 2 * PAGE, 0, PAGE), "with zeros");
    fill(pages, 5);
    works(mprotect(pages, 5 * PAGE, PROT_READ), "mprotect across the joins");
    is(first_lost(pages, 5), -1, "all bytes are still there");
    is(probe_write(pages + 2 * PAGE, 0), SEGV_ACCERR, "and read-only");
    munmap(pages, 5 * PAGE);
}

static void test_fixed_replaces(void)
{
    char *pages = map_pages(4);

    fill(pages, 4);
    is(map(pages + PAGE, 2 * PAGE, PROT_READ, MAP_FIXED), pages + PAGE,
       "MAP_FIXED over the middle of a mapping");
    ok(all_bytes(pages + PAGE, 0, 2 * PAGE), "gives new zeros");
    is(probe_write(pages + PAGE, 1), SEGV_ACCERR, "with the new rights");
    ok(all_bytes(pages, 'a', PAGE) && all_bytes(pages + 3 * PAGE, 'd', PAGE),
       "and leaves the neighbours alone");
    is(probe_write(pages + 3 * PAGE, 1), 0, "which are writable as before");
    munmap(pages, 4 * PAGE);
}

/* A checkerboard of rights and back: many splits, then as many merges. */
static void test_checkerboard(void)
{
    enum {
        COUNT = 24
    };
    char *pages = map_pages(COUNT);
    int wrong = 0;

    fill(pages, COUNT);
    for (int i = 0; i < COUNT; i += 2)
        wrong += mprotect(pages + i * PAGE, PAGE, PROT_READ) != 0;
    for (int i = 0; i < COUNT; i++)
        wrong +=
            probe_write(pages + i * PAGE, 'a' + i) != (i % 2 ? 0 : SEGV_ACCERR);
    is(wrong, 0, "every other page is read-only");
    for (int i = COUNT - 2; i >= 0; i -= 2)
        wrong += mprotect(pages + i * PAGE, PAGE, RW) != 0;
    for (int i = 0; i < COUNT; i++)
        wrong += probe_write(pages + i * PAGE, 'a' + i) != 0;
    is(wrong, 0, "and writable again");
    is(first_lost(pages, COUNT), -1, "no byte was lost on the way");
    for (int i = 0; i < COUNT; i += 3)
        wrong += munmap(pages + i * PAGE, PAGE) != 0;
    for (int i = 0; i < COUNT; i++)
        wrong += probe_read(pages + i * PAGE) != (i % 3 ? 0 : SEGV_MAPERR);
    is(wrong, 0, "every third page unmapped, and no other");
    works(munmap(pages, COUNT * PAGE), "munmap of what is left");
}

int main(void)
{
    test_top_down();
    test_highest_gap();
    test_split();
    test_fixed_replaces();
    test_checkerboard();
    return done_testing();
}
