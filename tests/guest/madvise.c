/*
 * madvise(2): what each advice does to areas and pages, and which it refuses.
 * Areas cut or joined are seen by mremap(2), which wants just one.
 */
#include "mm_util.h"

static const struct {
    int set, clear;
    const char *name;
} switches[] = {
    {MADV_RANDOM, MADV_NORMAL, "RANDOM"},
    {MADV_SEQUENTIAL, MADV_NORMAL, "SEQUENTIAL"},
    {MADV_DONTFORK, MADV_DOFORK, "DONTFORK"},
    {MADV_WIPEONFORK, MADV_KEEPONFORK, "WIPEONFORK"},
    {MADV_DONTDUMP, MADV_DODUMP, "DONTDUMP"},
    {MADV_MERGEABLE, MADV_UNMERGEABLE, "MERGEABLE"},
    {MADV_HUGEPAGE, -1, "HUGEPAGE"},
    {MADV_NOHUGEPAGE, -1, "NOHUGEPAGE"},
};

/* Advice that is remembered cuts areas; taken back it joins them. */
static void test_flags(void)
{
    for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
        char *at = map_at(hole(6), 6, RW);
        const char *name = switches[i].name;

        at[0] = 1;
        works(madvise(at + 2 * PAGE, 2 * PAGE, switches[i].set), "%s", name);
        ok(!one_area(at, 6) && one_area(at, 2) && one_area(at + 2 * PAGE, 2) &&
               one_area(at + 4 * PAGE, 2),
           "%s of the middle makes three areas", name);
        works(madvise(at, PAGE, switches[i].set), "%s of the first page", name);
        works(madvise(at + PAGE, PAGE, switches[i].set), "and the next");
        ok(one_area(at, 4), "joins them to the middle");
        if (switches[i].clear >= 0) {
            works(madvise(at, 6 * PAGE, switches[i].clear), "taken back");
            ok(one_area(at, 6), "it is one area again");
        }
        munmap(at, 6 * PAGE);
    }
}

/* The one takes the other back. */
static void test_exclusive(void)
{
    char *at = map_at(hole(4), 4, RW);

    madvise(at, 2 * PAGE, MADV_RANDOM);
    madvise(at, 4 * PAGE, MADV_SEQUENTIAL);
    ok(one_area(at, 4), "SEQUENTIAL takes RANDOM back");
    madvise(at, 2 * PAGE, MADV_HUGEPAGE);
    madvise(at, 4 * PAGE, MADV_NOHUGEPAGE);
    ok(one_area(at, 4), "NOHUGEPAGE takes HUGEPAGE back");
    munmap(at, 4 * PAGE);
}

struct pages {
    char *dont, *wipe, *plain;
};

static int look(void *argument)
{
    struct pages *p = argument;

    if (probe_read(p->dont) != SEGV_MAPERR || probe_read(p->dont + PAGE))
        return 1;
    if (!all_bytes(p->wipe, 0, PAGE) || p->wipe[PAGE] != 5)
        return 2;
    if (p->plain[0] != 5)
        return 3;
    p->wipe[0] = 9;
    return 0;
}

static int look_again(void *argument)
{
    struct pages *p = argument;

    p->wipe[0] = 7;
    return in_child(look, argument);
}

static void test_fork(void)
{
    struct pages p = {map_pages(2), map_pages(2), map_pages(1)};

    memset(p.dont, 5, 2 * PAGE);
    memset(p.wipe, 5, 2 * PAGE);
    memset(p.plain, 5, PAGE);
    works(madvise(p.dont, PAGE, MADV_DONTFORK), "MADV_DONTFORK");
    works(madvise(p.wipe, PAGE, MADV_WIPEONFORK), "MADV_WIPEONFORK");
    is(in_child(look, &p), 0,
       "the child lacks the one and has the other empty");
    is(p.wipe[0], 5, "ours is as it was");
    is(p.dont[0], 5, "both are");
    works(madvise(p.dont, PAGE, MADV_DOFORK), "MADV_DOFORK");
    is(in_child(look, &p), 1, "brings it back to children");
    works(madvise(p.dont, PAGE, MADV_DONTFORK), "MADV_DONTFORK again");
    is(in_child(look_again, &p), 0, "a grandchild finds the same");
    works(madvise(p.wipe, PAGE, MADV_KEEPONFORK), "MADV_KEEPONFORK");
    is(in_child(look, &p), 2, "keeps");
    munmap(p.dont, 2 * PAGE);
    munmap(p.wipe, 2 * PAGE);
    munmap(p.plain, PAGE);
}

static void test_refused(void)
{
    char *at = map_pages(4), *shared = map_shared(4);

    fails(madvise(shared, PAGE, MADV_WIPEONFORK), EINVAL,
          "MADV_WIPEONFORK of shared memory");
    works(madvise(shared, PAGE, MADV_KEEPONFORK), "its opposite is fine");
    fails(madvise(shared, PAGE, MADV_FREE), EINVAL,
          "MADV_FREE of shared memory");
    fails(madvise(at, PAGE, MADV_REMOVE), EINVAL,
          "MADV_REMOVE of private memory");
    works(madvise(shared, 4 * PAGE, MADV_MERGEABLE), "shared memory merges");
    works(madvise(shared, PAGE, MADV_UNMERGEABLE), "in name only");
    ok(one_area(shared, 4), "for nothing is noted");
    works(mlock(at, 2 * PAGE), "locked memory");
    fails(madvise(at, PAGE, MADV_DONTNEED), EINVAL, "is not discarded");
    fails(madvise(at, PAGE, MADV_FREE), EINVAL, "not freed");
    fails(madvise(at, PAGE, MADV_COLD), EINVAL, "not cold");
    fails(madvise(at, PAGE, MADV_PAGEOUT), EINVAL, "not paged out");
    at[0] = at[3 * PAGE] = 1;
    works(madvise(at, PAGE, MADV_DONTNEED_LOCKED), "but for who insists");
    is(at[0], 0, "then it is gone");
    fails(madvise(at + PAGE, 3 * PAGE, MADV_DONTNEED), EINVAL,
          "locked memory ends the call");
    is(at[3 * PAGE], 1, "what comes after stays");
    mlock(shared, PAGE);
    fails(madvise(shared, PAGE, MADV_REMOVE), EINVAL,
          "locked shared memory is not removed");
    munmap(at, 4 * PAGE);
    munmap(shared, 4 * PAGE);
}

static void test_no_effect(void)
{
    static const int quiet[] = {MADV_WILLNEED, MADV_COLD, MADV_PAGEOUT,
                                MADV_FREE};
    char *at = map_pages(4), *shared = map_shared(4);

    fill(at, 4, 1);
    fill(shared, 4, 1);
    for (size_t i = 0; i < 4; i++) {
        works(madvise(at, 4 * PAGE, quiet[i]), "advice %d", quiet[i]);
        if (quiet[i] != MADV_FREE)
            works(madvise(shared, 4 * PAGE, quiet[i]), "of shared memory");
    }
    ok(filled(at, 4, 1), "loses nothing while there is room");
    ok(filled(shared, 4, 1), "nor there");
    fill(at, 4, 50);
    ok(filled(at, 4, 50), "what was free can be written again");
    munmap(at, 4 * PAGE);
    munmap(shared, 4 * PAGE);
}

static void test_populate(void)
{
    char *at = map_at(hole(8), 8, RW);

    works(madvise(at, 4 * PAGE, MADV_POPULATE_READ), "MADV_POPULATE_READ");
    is(resident(at, 8), 4, "brings the pages in");
    works(madvise(at, 8 * PAGE, MADV_POPULATE_WRITE), "MADV_POPULATE_WRITE");
    is(resident(at, 8), 8, "the same");
    ok(all_bytes(at, 0, 8 * PAGE), "as zeros");
    madvise(at, 8 * PAGE, MADV_DONTNEED);
    mprotect(at + 2 * PAGE, PAGE, PROT_READ);
    fails(madvise(at, 4 * PAGE, MADV_POPULATE_WRITE), EINVAL,
          "what must not be written to is not");
    is(resident(at, 4), 2, "what comes before it is there");
    works(madvise(at, 4 * PAGE, MADV_POPULATE_READ), "but it can be read");
    mprotect(at + 2 * PAGE, PAGE, PROT_NONE);
    fails(madvise(at, 4 * PAGE, MADV_POPULATE_READ), EINVAL,
          "unless it must not");
    mprotect(at + 2 * PAGE, PAGE, PROT_WRITE);
    works(madvise(at + 2 * PAGE, PAGE, MADV_POPULATE_WRITE), "write only");
    munmap(at + 6 * PAGE, PAGE);
    fails(madvise(at + 5 * PAGE, 3 * PAGE, MADV_POPULATE_READ), ENOMEM,
          "a hole ends it");
    is(resident(at + 7 * PAGE, 1), 0, "there");
    works(madvise(at, 0, MADV_POPULATE_READ), "nothing is fine");
    munmap(at, 8 * PAGE);
    at = map_shared(2);
    at = remap(at, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE, 0);
    must(at != MAP_FAILED);
    fails(madvise(at, 4 * PAGE, MADV_POPULATE_READ), EFAULT,
          "beyond the end of shared memory");
    fails(madvise(at, 4 * PAGE, MADV_POPULATE_WRITE), EFAULT, "both ways");
    is(resident(at, 4), 2, "after what there is");
    munmap(at, 4 * PAGE);
}

/* Holes are passed over and told at the end; but not by POPULATE. */
static void test_holes(void)
{
    char *at = map_at(hole(6), 6, RW);

    munmap(at + 2 * PAGE, PAGE);
    fill(at, 2, 1);
    fails(madvise(at, 6 * PAGE, MADV_DONTFORK), ENOMEM, "flags over a hole");
    works(madvise(at + 3 * PAGE, PAGE, MADV_DOFORK), "taken back behind it");
    ok(!one_area(at + 3 * PAGE, 3), "where it has had its effect");
    fails(madvise(at, 6 * PAGE, MADV_COLD), ENOMEM, "advice over a hole");
    fails(madvise(at + 2 * PAGE, PAGE, MADV_NORMAL), ENOMEM, "just a hole");
    fails(madvise(at + 2 * PAGE, 2 * PAGE, MADV_RANDOM), ENOMEM,
          "a hole and a page");
    ok(!one_area(at + 3 * PAGE, 3), "which is cut off all the same");
    munmap(at, 6 * PAGE);
}

static void test_arguments(void)
{
    char *at = map_pages(2);

    for (int advice = 26; advice < 100; advice += 37)
        fails(madvise(at, PAGE, advice), EINVAL, "unknown advice %d", advice);
    fails(madvise(at, PAGE, 5), EINVAL, "5 is none");
    fails(madvise(at, PAGE, 7), EINVAL, "nor is 7");
    fails(madvise(at, PAGE, -1), EINVAL, "nor is -1");
    fails(madvise(at, 0, 5), EINVAL, "even for nothing");
    fails(madvise(at + 1, 0, MADV_COLD), EINVAL, "within a page");
    works(madvise(at, 0, MADV_WIPEONFORK), "nothing is fine");
    fails(madvise(at, -1UL, MADV_RANDOM), EINVAL, "what rounds to nothing");
    fails(madvise(at, -2 * PAGE, MADV_RANDOM), EINVAL, "what wraps");
    fails(madvise((char *)(1UL << 47), PAGE, MADV_RANDOM), ENOMEM,
          "beyond the end");
    munmap(at, 2 * PAGE);
}

int main(void)
{
    test_flags();
    test_exclusive();
    test_fork();
    test_refused();
    test_no_effect();
    test_populate();
    test_holes();
    test_arguments();
    return done_testing();
}
