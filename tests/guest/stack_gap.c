/*
 * The gap below an area that grows down: to a neighbour that somebody can use
 * 256 pages are kept, to one that nobody can use, or that grows itself, none;
 * and nothing is put there unless somebody insists.
 */
#include "mm_util.h"

#define GAP  256
#define ROOM 1024

/* ROOM free pages, and a page that grows down at their end. */
static char *grower(void)
{
    char *room = map_pages(ROOM), *top = room + (ROOM - 1) * PAGE;

    munmap(room, ROOM * PAGE);
    must(mmap(top, PAGE, RW, ANON | MAP_GROWSDOWN | MAP_FIXED_NOREPLACE, -1,
              0) == top);
    return top;
}

static char *neighbour(char *at, int prot, int flags)
{
    must(mmap(at, PAGE, prot, ANON | MAP_FIXED_NOREPLACE | flags, -1, 0) == at);
    return at + PAGE;
}

static void clear(char *top)
{
    munmap(top - (ROOM - 1) * PAGE, ROOM * PAGE);
}

static void test_usable(void)
{
    char *top = grower();
    char *end = neighbour(top - 600 * PAGE, PROT_READ, 0);

    is(probe_write(end + GAP * PAGE, 1), 0, "it grows to 256 pages above");
    is(probe_write(end + GAP * PAGE - 1, 1), SEGV_MAPERR, "no further");
    works(munmap(end - PAGE, PAGE), "without the neighbour");
    is(probe_write(end, 1), 0, "it does");
    clear(top);
}

static void test_unusable(void)
{
    char *top = grower();
    char *end = neighbour(top - 600 * PAGE, PROT_NONE, 0);

    is(probe_write(end, 1), 0, "PROT_NONE needs no gap");
    is(probe_write(end - 1, 1), SEGV_ACCERR, "it is no room either");
    clear(top);
}

static void test_growing(void)
{
    char *top = grower();
    char *end = neighbour(top - 600 * PAGE, RW, MAP_GROWSDOWN);

    is(probe_write(end, 1), 0, "one that grows itself needs none");
    is(probe_write(end - 2 * PAGE, 1), 0, "and goes on growing");
    clear(top);
}

/* Nor where nothing may be mapped: /proc/sys/vm/mmap_min_addr is 64 KiB. */
static void test_bottom(void)
{
    char *bottom = (char *)0x10000, *top = bottom + 2 * PAGE;

    must(mmap(top, PAGE, RW, ANON | MAP_GROWSDOWN | MAP_FIXED_NOREPLACE, -1,
              0) == top);
    is(probe_write(bottom - 1, 1), SEGV_MAPERR, "not below the lowest address");
    is(probe_write(bottom, 1), 0, "but down to it");
    munmap(bottom, 3 * PAGE);
}

static void test_placement(void)
{
    char *top = grower();
    char *hint = top - GAP * PAGE;
    char *at = mmap(hint, PAGE, RW, ANON, -1, 0);

    ok(at <= hint - PAGE || at > top, "a hint for the gap is not followed");
    munmap(at, PAGE);
    at = mmap(hint - PAGE, PAGE, RW, ANON, -1, 0);
    is(at, hint - PAGE, "one for the page below it is");
    munmap(at, PAGE);
    at = mmap(hint, PAGE, RW, ANON | MAP_FIXED, -1, 0);
    is(at, hint, "MAP_FIXED insists");
    is(probe_write(top - PAGE, 1), SEGV_MAPERR, "and nothing grows any more");
    clear(top);
}

int main(void)
{
    test_usable();
    test_unusable();
    test_growing();
    test_bottom();
    test_placement();
    return done_testing();
}
