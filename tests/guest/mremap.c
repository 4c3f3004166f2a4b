/*
 * mremap(2): shrinking, growing in place, moving with the pages, to a fixed
 * place, leaving the old mapping behind. Contents must travel, what is new is
 * zeros, what is gone faults.
 */
#include "mm_util.h"

#define TABLE  (512 * PAGE)
#define HALVES 3

static void test_shrink(void)
{
    char *at = map_at(hole(6), 6, RW);

    fill(at, 6, 1);
    is(remap(at, 6 * PAGE, 4 * PAGE, 0, NULL), at, "it shrinks in place");
    ok(filled(at, 4, 1), "what stays is as it was");
    is(probe_read(at + 4 * PAGE), SEGV_MAPERR, "the rest is gone");
    is(remap(at, 4 * PAGE, 3 * PAGE + 1, 0, NULL), at,
       "sizes are rounded up to pages");
    is(probe_read(at + 3 * PAGE), 0, "so nothing went");
    is(remap(at, 2 * PAGE, PAGE, 0, NULL), at, "the middle can be cut out");
    is(probe_read(at + PAGE), SEGV_MAPERR, "it is gone");
    ok(filled(at + 2 * PAGE, 2, 3), "what lies above is not touched");
    munmap(at, 6 * PAGE);
}

/* The part above what shrinks may be anything, or nothing. */
static void test_shrink_over_areas(void)
{
    char *at = hole(6);

    map_at(at, 2, RW);
    map_at(at + 3 * PAGE, 1, PROT_READ);
    map_at(at + 4 * PAGE, 2, RW);
    fill(at, 2, 1);
    is(remap(at, 5 * PAGE, PAGE, 0, NULL), at,
       "shrinking goes over other mappings and holes");
    is(probe_read(at + PAGE), SEGV_MAPERR, "the second page is gone");
    is(probe_read(at + 3 * PAGE), SEGV_MAPERR, "the other mapping too");
    is(probe_read(at + 4 * PAGE), SEGV_MAPERR, "and half of the third");
    is(probe_read(at + 5 * PAGE), 0, "but not its rest");
    is(remap(at, -PAGE, PAGE, 0, NULL), -1, "a wild old size is refused");
    munmap(at, 6 * PAGE);
}

static void test_grow_in_place(void)
{
    char *at = map_at(hole(8), 2, RW);

    fill(at, 2, 1);
    is(remap(at, 2 * PAGE, 4 * PAGE, 0, NULL), at, "it grows in place");
    ok(filled(at, 2, 1) && all_bytes(at + 2 * PAGE, 0, 2 * PAGE), "by zeros");
    fill(at, 4, 1);
    is(remap(at + PAGE, 3 * PAGE, 5 * PAGE, 0, NULL), at + PAGE,
       "also from its middle");
    ok(filled(at, 4, 1) && all_bytes(at + 4 * PAGE, 0, 2 * PAGE),
       "with the same effect");
    fails((long)remap(at, 3 * PAGE, 7 * PAGE, 0, NULL), ENOMEM,
          "not in the middle of the mapping");
    map_at(at + 7 * PAGE, 1, PROT_READ);
    fails((long)remap(at, 6 * PAGE, 8 * PAGE, 0, NULL), ENOMEM,
          "not over another mapping");
    is(remap(at, 6 * PAGE, 7 * PAGE, 0, NULL), at, "but up to it");
    is(remap(at, 7 * PAGE, 7 * PAGE, 0, NULL), at, "no change is fine");
    munmap(at, 8 * PAGE);
}

/* What grew is one mapping with its neighbours: a later call over all works. */
static void test_grow_joins(void)
{
    char *at = hole(8);

    map_at(at, 2, RW);
    map_at(at + 4 * PAGE, 2, RW);
    is(remap(at, 2 * PAGE, 4 * PAGE, 0, NULL), at, "it grows up to a twin");
    is(remap(at, 6 * PAGE, 7 * PAGE, 0, NULL), at, "with which it is one");
    munmap(at, 8 * PAGE);
}

static void test_move(void)
{
    char *at = map_at(hole(8), 4, RW), *wall = at + 4 * PAGE, *got;

    map_at(wall, 1, PROT_NONE);
    fill(at, 4, 1);
    got = remap(at, 4 * PAGE, 6 * PAGE, MREMAP_MAYMOVE, NULL);
    ok(got != MAP_FAILED && got != at, "what cannot grow moves");
    ok(filled(got, 4, 1) && all_bytes(got + 4 * PAGE, 0, 2 * PAGE),
       "with its pages, and zeros behind");
    is(probe_read(at), SEGV_MAPERR, "the old place is free");
    is(probe_write(got + 5 * PAGE, 1), 0, "the new one is writable");
    munmap(got, 6 * PAGE);
    munmap(wall, PAGE);
}

/* The middle of a mapping moves; both ends stay. */
static void test_move_middle(void)
{
    char *at = map_at(hole(6), 6, RW), *to = hole(6);

    fill(at, 6, 1);
    is(remap(at + 2 * PAGE, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
             to),
       to, "the middle of a mapping moves to a fixed place");
    ok(filled(to, 2, 3), "its pages are there");
    ok(filled(at, 2, 1) && filled(at + 4 * PAGE, 2, 5), "the ends stay");
    is(probe_read(at + 2 * PAGE), SEGV_MAPERR, "with a hole between");
    is(probe_read(at + 3 * PAGE), SEGV_MAPERR, "of two pages");
    is(remap(to, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
             at + 2 * PAGE),
       at + 2 * PAGE, "and back");
    ok(filled(at, 6, 1), "all is as it was");
    is(remap(at, 6 * PAGE, 5 * PAGE, 0, NULL), at, "in one piece");
    munmap(at, 6 * PAGE);
}

static void test_fixed(void)
{
    char *at = map_at(hole(8), 8, RW), *to = map_at(hole(8), 8, RW);

    fill(at, 8, 1);
    fill(to, 8, 100);
    is(remap(at, 4 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
             to + 3 * PAGE),
       to + 3 * PAGE, "a shrinking move over another mapping");
    ok(filled(to, 3, 100) && filled(to + 3 * PAGE, 2, 1) &&
           filled(to + 5 * PAGE, 3, 105),
       "replaces just its place");
    is(probe_read(at), SEGV_MAPERR, "the source is gone");
    is(probe_read(at + 3 * PAGE), SEGV_MAPERR, "with what was cut off");
    ok(filled(at + 4 * PAGE, 4, 5), "but not more");
    is(remap(at + 4 * PAGE, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
             to),
       to, "a growing move out of the middle");
    ok(filled(to, 2, 5) && all_bytes(to + 2 * PAGE, 0, 2 * PAGE) &&
           filled(to + 4 * PAGE, 1, 2),
       "has zeros behind");
    ok(filled(at + 6 * PAGE, 2, 7), "the rest of the source stays");
    munmap(at, 8 * PAGE);
    munmap(to, 8 * PAGE);
}

/* Next to itself, where old and new could be taken for one. */
static void test_beside(void)
{
    char *at = hole(8);

    map_at(at, 2, RW);
    fill(at, 2, 1);
    is(remap(at, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
             at + 2 * PAGE),
       at + 2 * PAGE, "a move to right above");
    ok(filled(at + 2 * PAGE, 2, 1), "takes the pages along");
    is(probe_read(at), SEGV_MAPERR, "and leaves nothing");
    is(remap(at + 2 * PAGE, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
             at),
       at, "a move to right below");
    ok(filled(at, 2, 1), "the same");
    is(probe_read(at + 2 * PAGE), SEGV_MAPERR, "without remains");
    munmap(at, 8 * PAGE);
    map_at(at, 2, RW);
    is(remap(at, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
             at + 2 * PAGE),
       at + 2 * PAGE, "an untouched mapping moves up");
    is(probe_read(at), SEGV_MAPERR, "and its old place is free");
    is(probe_write(at + 2 * PAGE, 1), 0, "the new one works");
    munmap(at, 8 * PAGE);
}

static void test_dontunmap(void)
{
    char *at = map_at(hole(4), 4, RW), *to = hole(4), *got;

    fill(at, 4, 1);
    got =
        remap(at, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
    ok(got != MAP_FAILED && got != at, "MREMAP_DONTUNMAP moves");
    ok(filled(got, 4, 1), "the pages");
    ok(all_bytes(at, 0, 4 * PAGE), "and leaves zeros");
    fill(at, 4, 50);
    ok(filled(got, 4, 1) && filled(at, 4, 50), "that are its own");
    is(remap(at + PAGE, 2 * PAGE, 2 * PAGE,
             MREMAP_MAYMOVE | MREMAP_DONTUNMAP | MREMAP_FIXED, to),
       to, "to a fixed place, from the middle");
    ok(filled(to, 2, 51) && filled(at, 1, 50) && filled(at + 3 * PAGE, 1, 53),
       "only these");
    ok(all_bytes(at + PAGE, 0, 2 * PAGE), "zeros in between");
    is(remap(at, 4 * PAGE, 4 * PAGE, 0, NULL), at, "it is still one mapping");
    munmap(to, PAGE);
    munmap(to + PAGE, PAGE);
    to = remap(at, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, to);
    ok(to != MAP_FAILED && filled(to, 1, 50), "the place is a hint else");
    munmap(to, PAGE);
    munmap(at, 4 * PAGE);
    munmap(got, 4 * PAGE);
}

/* Rights and copy-on-write are the pages' wherever they go. */
static void test_rights(void)
{
    char *at = map_at(hole(2), 2, RW), *to = hole(2);
    pid_t pid;

    fill(at, 2, 1);
    mprotect(at, 2 * PAGE, PROT_READ);
    is(remap(at, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to), to,
       "a read-only mapping moves");
    is(probe_write(to, 9), SEGV_ACCERR, "and stays read-only");
    mprotect(to, 2 * PAGE, RW);
    pid = fork();
    if (!pid) {
        if (remap(to, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at) !=
            at)
            _exit(1);
        at[0] = 77;
        _exit(!(at[1] == 1 && filled(at + PAGE, 1, 2)));
    }
    is(wait_status(pid), 0, "a child moves what it shares and writes to it");
    ok(filled(to, 2, 1), "the parent sees nothing of it");
    munmap(to, 2 * PAGE);
    map_at(at, 2, PROT_NONE);
    is(remap(at, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to), to,
       "a mapping without rights moves");
    is(probe_read(to), SEGV_ACCERR, "and has none there");
    munmap(to, 2 * PAGE);
}

static void test_shared(void)
{
    char *at = map_shared(4), *twin, *got;

    fill(at, 4, 1);
    twin = remap(at, 0, 4 * PAGE, MREMAP_MAYMOVE, NULL);
    ok(twin != MAP_FAILED && twin != at, "old size 0: a second mapping");
    ok(filled(twin, 4, 1), "of the same pages");
    at[PAGE] = 99;
    is(twin[PAGE], 99, "really the same");
    got = remap(at + PAGE, 0, 2 * PAGE, MREMAP_MAYMOVE, NULL);
    ok(got != MAP_FAILED && got[0] == 99 && filled(got + PAGE, 1, 3),
       "the same from the middle keeps the offset");
    got[PAGE] = 55;
    is(at[2 * PAGE], 55, "which is shared too");
    munmap(got, 2 * PAGE);
    got = remap(at, 4 * PAGE, 6 * PAGE, MREMAP_MAYMOVE, NULL);
    ok(got != MAP_FAILED && got[PAGE] == 99, "a shared mapping grows");
    is(probe_read(got + 4 * PAGE), BUS_ADRERR, "but its memory does not");
    is(probe_signal, SIGBUS, "so that is a SIGBUS");
    twin[0] = 44;
    is(got[0], 44, "the twin still shows the same");
    munmap(got, 6 * PAGE);
    munmap(twin, 4 * PAGE);
}

/* Whole page tables, and odd distances over their edges. */
static void test_tables(void)
{
    static const size_t shift[HALVES] = {0, 1, 511};
    char *from = map_pages(4 * 512), *to = map_pages(4 * 512 + 512), *at;

    munmap(to, TABLE * 5);
    from = (char *)(((unsigned long)from + TABLE - 1) & -TABLE);
    to = (char *)(((unsigned long)to + TABLE - 1) & -TABLE);
    for (size_t page = 0; page < 3 * 512; page += 37)
        from[page * PAGE] = (char)(page % 101 + 1);
    at = from;
    for (int i = 0; i < HALVES; i++) {
        char *there = to + shift[i] * PAGE;
        int good = 1;

        is(remap(at, 3 * TABLE, 3 * TABLE, MREMAP_MAYMOVE | MREMAP_FIXED,
                 there),
           there, "three tables' worth moves by %zu pages", shift[i]);
        for (size_t page = 0; page < 3 * 512; page++) {
            int want = page % 37 ? 0 : (int)(page % 101 + 1);

            if (page % 37 < 2 && there[page * PAGE] != want)
                good = 0;
        }
        ok(good, "every page is in its place");
        is(probe_read(at), SEGV_MAPERR, "and none where it was");
        at = remap(there, 3 * TABLE, 3 * TABLE, MREMAP_MAYMOVE | MREMAP_FIXED,
                   from);
        must(at == from);
    }
    munmap(at, 3 * TABLE);
}

int main(void)
{
    test_shrink();
    test_shrink_over_areas();
    test_grow_in_place();
    test_grow_joins();
    test_move();
    test_move_middle();
    test_fixed();
    test_beside();
    test_dontunmap();
    test_rights();
    test_shared();
    test_tables();
    return done_testing();
}
