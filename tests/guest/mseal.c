/*
 * mseal(2): what a sealed mapping refuses, and what a call that meets one has
 * done by then. Nothing sealed can be unmapped again: it stays to the end.
 */
#include "mm_util.h"

static long seal(const void *at, size_t size, unsigned long flags)
{
    return syscall(SYS_mseal, at, size, flags);
}

/* COUNT fresh pages, written to, of which FIRST to LAST are sealed. */
static char *sealed_pages(size_t count, size_t first, size_t last)
{
    char *at = map_at(hole(count + 2), count, RW);

    fill(at, count, 1);
    must(!seal(at + first * PAGE, (last - first + 1) * PAGE, 0));
    return at;
}

static void test_arguments(void)
{
    char *at = map_at(hole(6), 6, RW);

    fails(seal(at, PAGE, 1), EINVAL, "a flag");
    fails(seal(at + 1, PAGE, 0), EINVAL, "within a page");
    works(seal(at, 0, 0), "nothing");
    fails(seal(at, -1UL, 0), EINVAL, "what rounds to nothing");
    fails(seal(at, -PAGE, 0), EINVAL, "what wraps");
    fails(seal(at + 5 * PAGE, 2 * PAGE, 0), ENOMEM, "more than there is");
    munmap(at + 2 * PAGE, PAGE);
    fails(seal(at, 4 * PAGE, 0), ENOMEM, "a hole");
    works(munmap(at, 6 * PAGE), "and nothing was sealed");
}

static void test_munmap(void)
{
    char *at = sealed_pages(6, 2, 3);

    fails(munmap(at + 2 * PAGE, PAGE), EPERM, "munmap of a sealed page");
    fails(munmap(at, 6 * PAGE), EPERM, "munmap of more");
    fails(munmap(at, 3 * PAGE), EPERM, "from below");
    fails(munmap(at + 3 * PAGE, 2 * PAGE), EPERM, "from above");
    ok(filled(at, 6, 1), "nothing was unmapped");
    fails(munmap(at + PAGE, 4 * PAGE), EPERM, "from the middle");
    ok(!one_area(at, 2), "at most cut");
    fails((long)mmap(at, 6 * PAGE, RW, ANON | MAP_FIXED, -1, 0), EPERM,
          "mmap over it");
    ok(filled(at, 6, 1), "replaced nothing");
    works(munmap(at, 2 * PAGE), "what is not sealed can be unmapped");
    works(munmap(at + 4 * PAGE, 2 * PAGE), "on both sides");
    ok(filled(at + 2 * PAGE, 2, 3), "the sealed pages stay");
}

static void test_mprotect(void)
{
    char *at = sealed_pages(6, 2, 3);

    fails(mprotect(at + 2 * PAGE, PAGE, PROT_READ), EPERM, "mprotect");
    fails(mprotect(at + 2 * PAGE, PAGE, RW), EPERM, "even to what it is");
    fails(mprotect(at, 6 * PAGE, PROT_READ), EPERM, "from below");
    is(probe_write(at, 1), SEGV_ACCERR, "changes what comes first");
    is(probe_write(at + 2 * PAGE, 3), 0, "not what is sealed");
    is(probe_write(at + 4 * PAGE, 5), 0, "nor what is above");
    works(mlock(at + 2 * PAGE, PAGE), "mlock is allowed");
    works(munlock(at + 2 * PAGE, PAGE), "and munlock");
}

static void test_mremap(void)
{
    char *at = sealed_pages(6, 2, 3), *to = hole(8), *sealed = at + 2 * PAGE;
    const int fixed = MREMAP_MAYMOVE | MREMAP_FIXED;

    fails((long)remap(sealed, 2 * PAGE, 2 * PAGE, 0, 0), EPERM,
          "mremap to its size");
    fails((long)remap(sealed, 2 * PAGE, PAGE, 0, 0), EPERM, "shrinking");
    fails((long)remap(at, 4 * PAGE, PAGE, 0, 0), EPERM,
          "shrinking of what is below it");
    ok(filled(at, 6, 1), "does nothing");
    fails((long)remap(sealed, 2 * PAGE, 3 * PAGE, 0, 0), EPERM, "growing");
    fails((long)remap(sealed, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE, 0), EPERM,
          "growing elsewhere");
    fails((long)remap(sealed, 9 * PAGE, 10 * PAGE, MREMAP_MAYMOVE, 0), EPERM,
          "whatever the size");
    fails((long)remap(sealed, 0, PAGE, MREMAP_MAYMOVE, 0), EPERM, "or none");
    map_at(to, 4, RW);
    fails((long)remap(sealed, 2 * PAGE, 2 * PAGE, fixed, to), EPERM, "moving");
    is(probe_read(to), 0, "which costs nothing");
    fails((long)remap(sealed, 2 * PAGE, 2 * PAGE,
                      MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0),
          EPERM, "moving the pages alone");
    fails((long)remap(at, 2 * PAGE, 2 * PAGE, fixed, sealed), EPERM,
          "a move onto it");
    fails((long)remap(to + 2 * PAGE, 2 * PAGE, PAGE, fixed, sealed), EPERM,
          "even a shrinking one");
    is(probe_read(to + 3 * PAGE), 0, "of which nothing was cut off");
    at = sealed_pages(6, 2, 3);
    is(remap(at, 2 * PAGE, 2 * PAGE, fixed, to + 4 * PAGE), to + 4 * PAGE,
       "what is not sealed moves");
    at = sealed_pages(6, 2, 3);
    fails((long)remap(at, 5 * PAGE, PAGE, fixed, to), EPERM,
          "a move whose tail is sealed");
    ok(filled(at, 6, 1), "moves nothing");
    ok(!one_area(at, 2), "but has cut where the tail begins");
    fails((long)remap((char *)-PAGE, PAGE, PAGE, 0, 0), EFAULT, "nothing");
}

static void discards(char *at, int want, const char *what)
{
    static const int advice[] = {MADV_DONTNEED, MADV_FREE, MADV_DONTFORK,
                                 MADV_WIPEONFORK, MADV_DONTNEED_LOCKED};

    for (size_t i = 0; i < sizeof(advice) / sizeof(advice[0]); i++) {
        int got = madvise(at, PAGE, advice[i]) ? errno : 0;

        is(got, want, "advice %d of %s", advice[i], what);
    }
}

static void test_madvise(void)
{
    char *at = sealed_pages(4, 1, 2), *shared = map_shared(2);
    char *read = map_at(hole(4), 4, RW);

    discards(at + PAGE, 0, "sealed memory that can be written");
    fill(read, 4, 1);
    must(!mprotect(read, 4 * PAGE, PROT_READ));
    must(!seal(read + PAGE, 2 * PAGE, 0));
    discards(read + PAGE, EPERM, "sealed memory that cannot");
    fails(madvise(read, 4 * PAGE, MADV_DONTNEED), EPERM, "from below");
    ok(all_bytes(read, 0, PAGE), "discards what comes first");
    ok(filled(read + PAGE, 3, 2), "not the rest");
    fails(madvise(read + PAGE, PAGE, MADV_REMOVE), EPERM,
          "MADV_REMOVE looks at the seal first");
    works(madvise(read, 4 * PAGE, MADV_RANDOM), "other advice is taken");
    works(madvise(read, 4 * PAGE, MADV_COLD), "of all kinds");
    must(!mprotect(shared, 2 * PAGE, PROT_READ) && !seal(shared, PAGE, 0));
    works(madvise(shared, PAGE, MADV_DONTNEED), "shared memory loses nothing");
}

/* Sealing cuts and joins areas like any flag. */
static void test_areas(void)
{
    char *at = sealed_pages(6, 0, 1);
    char *two = map_at(hole(4), 2, RW);

    ok(!one_area(at + 2 * PAGE - PAGE, 2), "sealed and not are two areas");
    works(seal(at, 6 * PAGE, 0), "sealing all");
    works(seal(at, 6 * PAGE, 0), "and again");
    fails(munmap(at + 5 * PAGE, PAGE), EPERM, "seals all");
    mprotect(two + PAGE, PAGE, PROT_READ);
    works(seal(two, 2 * PAGE, 0), "several areas at once");
    fails(munmap(two, PAGE), EPERM, "the first");
    fails(munmap(two + PAGE, PAGE), EPERM, "and the last");
}

static int in_fork(void *at)
{
    return munmap(at, PAGE) == -1 && errno == EPERM ? 0 : 1;
}

static void test_fork(void)
{
    char *at = sealed_pages(2, 0, 0);

    is(in_child(in_fork, at), 0, "a child's mapping is sealed as well");
    is(in_child(in_fork, at + PAGE), 1, "but no more than its parent's");
}

int main(void)
{
    test_arguments();
    test_munmap();
    test_mprotect();
    test_mremap();
    test_madvise();
    test_areas();
    test_fork();
    return done_testing();
}
