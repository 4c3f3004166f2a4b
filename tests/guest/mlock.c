/*
 * mlock(2), mlock2(2), munlock(2), mlockall(2), munlockall(2), MAP_LOCKED: what
 * is made present, what is refused, how areas are cut and joined. mincore(2)
 * tells what is there.
 */
#include "mm_util.h"

#include <sys/resource.h>

#define ONFAULT 1

static long lock2(const void *at, size_t size, int flags)
{
    return syscall(SYS_mlock2, at, size, flags);
}

/* How many of the COUNT pages at AT are in memory, or -1. */
static int present(char *at, size_t count)
{
    unsigned char vec[64];
    int n = 0;

    if (mincore(at, count * PAGE, vec))
        return -1;
    for (size_t i = 0; i < count; i++)
        n += vec[i] & 1;
    return n;
}

/* A locked page does not let itself be discarded. */
static int is_locked(char *at)
{
    return madvise(at, PAGE, MADV_DONTNEED) == -1 && errno == EINVAL;
}

static void test_lock(void)
{
    char *at = map_at(hole(8), 8, RW);

    is(present(at, 8), 0, "nothing is there");
    works(mlock(at + 2 * PAGE, 3 * PAGE), "mlock");
    is(present(at, 8), 3, "now the locked pages are");
    ok(all_bytes(at + 2 * PAGE, 0, 3 * PAGE), "and are zeros");
    ok(is_locked(at + 2 * PAGE) && is_locked(at + 4 * PAGE), "locked");
    ok(!is_locked(at + PAGE) && !is_locked(at + 5 * PAGE), "just these");
    works(munlock(at + 3 * PAGE, PAGE), "munlock of the middle");
    ok(is_locked(at + 2 * PAGE) && !is_locked(at + 3 * PAGE) &&
           is_locked(at + 4 * PAGE),
       "leaves the others");
    works(munlock(at, 8 * PAGE), "munlock of all, locked or not");
    ok(!is_locked(at + 2 * PAGE), "nothing is locked");
    works(mlock(at + 1, 1), "mlock of a byte");
    is(present(at, 8), 2, "is mlock of its page");
    works(mlock(at + PAGE - 1, 2), "over the edge of a page");
    ok(is_locked(at) && is_locked(at + PAGE), "of two");
    works(mlock(at + 6 * PAGE, 0), "of nothing");
    ok(!is_locked(at + 6 * PAGE), "of none");
    munmap(at, 8 * PAGE);
    is(remap(map_at(at, 4, RW), 4 * PAGE, 4 * PAGE, 0, 0), at,
       "new memory there");
    ok(!is_locked(at), "is not locked");
    munmap(at, 4 * PAGE);
}

static void test_onfault(void)
{
    char *at = map_at(hole(6), 6, RW);

    works(lock2(at, 4 * PAGE, ONFAULT), "mlock2 with MLOCK_ONFAULT");
    is(present(at, 6), 0, "brings nothing in");
    at[PAGE] = 1;
    is(present(at, 6), 1, "pages come one by one");
    works(lock2(at, 2 * PAGE, 0), "mlock2 without");
    is(present(at, 6), 2, "brings in what it is told");
    is(remap(at, 4 * PAGE, 3 * PAGE, 0, 0), at, "they are two areas now");
    fails((long)remap(at, 3 * PAGE, 4 * PAGE, MREMAP_MAYMOVE, 0), EFAULT,
          "so that no call may span them that wants one");
    works(lock2(at, 3 * PAGE, ONFAULT), "on fault again");
    is(remap(at, 3 * PAGE, 4 * PAGE, 0, 0), at, "they are one again");
    fails(lock2(at, PAGE, 2), EINVAL, "an unknown flag");
    fails(lock2(at + 6 * PAGE, PAGE, 2), EINVAL, "anywhere");
    munmap(at, 6 * PAGE);
}

static void test_errors(void)
{
    char *at = map_at(hole(8), 8, RW);

    munmap(at + 4 * PAGE, PAGE);
    fails(mlock(at + 2 * PAGE, 4 * PAGE), ENOMEM, "mlock over a hole");
    ok(is_locked(at + 3 * PAGE), "locks what comes before it");
    ok(!is_locked(at + 5 * PAGE), "not what comes after");
    is(present(at, 4), 0, "but brings nothing in");
    fails(munlock(at + 2 * PAGE, 6 * PAGE), ENOMEM, "munlock over a hole");
    ok(!is_locked(at + 3 * PAGE), "does what it can, too");
    fails(mlock(at + 4 * PAGE, PAGE), ENOMEM, "mlock of a hole");
    fails(mlock(at, -PAGE), EINVAL, "mlock that wraps");
    works(mlock(at, -1UL), "mlock of what rounds to nothing");
    mprotect(at + PAGE, PAGE, PROT_NONE);
    fails(mlock(at, 3 * PAGE), ENOMEM, "mlock of what cannot be touched");
    is(present(at, 1), 1, "brings in what comes before it");
    ok(is_locked(at + PAGE) && is_locked(at + 2 * PAGE), "and locks all");
    is(present(at + 2 * PAGE, 1), 0, "though not all is there");
    munlock(at, 4 * PAGE);
    mprotect(at + PAGE, PAGE, PROT_READ);
    works(mlock(at, 3 * PAGE), "of what can be read");
    is(present(at, 4), 3, "all is there");
    munmap(at, 8 * PAGE);
}

static void test_map_locked(void)
{
    char *at = mmap(NULL, 4 * PAGE, RW, ANON | MAP_LOCKED, -1, 0), *to;

    must(at != MAP_FAILED);
    is(present(at, 4), 4, "MAP_LOCKED brings its pages in");
    ok(is_locked(at), "and locks them");
    to = remap(at, 4 * PAGE, 6 * PAGE, MREMAP_MAYMOVE, 0);
    must(to != MAP_FAILED);
    is(present(to, 6), 6, "growing brings in the new ones");
    ok(is_locked(to) && is_locked(to + 5 * PAGE), "all locked");
    at = remap(to, 6 * PAGE, 6 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0);
    must(at != MAP_FAILED);
    ok(is_locked(at), "what moves stays locked");
    ok(!is_locked(to), "what it leaves behind is not");
    to = remap(at + 2 * PAGE, 2 * PAGE, 2 * PAGE,
               MREMAP_MAYMOVE | MREMAP_DONTUNMAP | MREMAP_FIXED, to);
    must(to != MAP_FAILED);
    ok(is_locked(to) && !is_locked(at + 3 * PAGE), "out of the middle, too");
    ok(is_locked(at) && is_locked(at + 4 * PAGE), "what did not move stays");
    ok(!one_area(at, 6), "so it is cut");
    munmap(to, 6 * PAGE);
    munmap(at, 6 * PAGE);
    at = mmap(NULL, 4 * PAGE, PROT_NONE, ANON | MAP_LOCKED, -1, 0);
    ok(at != MAP_FAILED, "MAP_LOCKED without rights is no error");
    is(present(at, 4), 0, "there is just nothing to bring in");
    munmap(at, 4 * PAGE);
}

static int in_fork(void *at)
{
    return is_locked(at) ? 1 : 0;
}

static void test_all(void)
{
    char *at = map_at(hole(4), 4, RW), *new;

    works(mlockall(MCL_CURRENT), "mlockall of what there is");
    is(present(at, 4), 4, "brings it in");
    ok(is_locked(at), "and locks it");
    is(in_child(in_fork, at), 0, "a child has no locks");
    new = map_pages(4);
    is(present(new, 4), 0, "what comes later is not brought in");
    munmap(new, 4 * PAGE);
    works(mlockall(MCL_FUTURE), "mlockall of what is to come");
    new = map_pages(4);
    is(present(new, 4), 4, "brings it in as it comes");
    ok(is_locked(at) && is_locked(new), "the old stays locked");
    munmap(new, 4 * PAGE);
    works(mlockall(MCL_FUTURE | MCL_ONFAULT), "the same on fault");
    new = map_pages(4);
    is(present(new, 4), 0, "brings in nothing");
    ok(is_locked(new), "but locks");
    works(munlockall(), "munlockall");
    ok(!is_locked(new) && !is_locked(at), "unlocks all");
    munmap(new, 4 * PAGE);
    new = map_pages(4);
    ok(!is_locked(new), "and forgets about the future");
    munmap(new, 4 * PAGE);
    fails(mlockall(0), EINVAL, "mlockall of nothing");
    fails(mlockall(4), EINVAL, "of on fault alone");
    fails(mlockall(8), EINVAL, "of what is not known");
    munmap(at, 4 * PAGE);
}

/* Shared memory is locked as well; only private pages are written to. */
static void test_shared(void)
{
    char *at = map_shared(4), *twin;

    twin = remap(at, 0, 4 * PAGE, MREMAP_MAYMOVE, 0);
    must(twin != MAP_FAILED);
    works(mlock(at, 4 * PAGE), "mlock of shared memory");
    is(present(twin, 4), 4, "its pages are there for all who map it");
    is(madvise(at, PAGE, MADV_DONTNEED), -1, "they cannot be discarded");
    works(madvise(twin, PAGE, MADV_DONTNEED), "but in another mapping");
    munmap(at, 4 * PAGE);
    munmap(twin, 4 * PAGE);
}

/* Root may lock whatever the limit says. */
static void test_limit(void)
{
    struct rlimit limit = {2 * PAGE, 2 * PAGE};
    char *at = map_pages(8), *to;

    works(setrlimit(RLIMIT_MEMLOCK, &limit), "a limit of two pages");
    works(mlock(at, 8 * PAGE), "binds nobody who is root");
    to = remap(at, 8 * PAGE, 16 * PAGE, MREMAP_MAYMOVE, 0);
    ok(to != MAP_FAILED, "nor in mremap");
    munmap(to, 16 * PAGE);
    limit = (struct rlimit){0, 0};
    works(setrlimit(RLIMIT_MEMLOCK, &limit), "nor does a limit of nothing");
    at = mmap(NULL, PAGE, RW, ANON | MAP_LOCKED, -1, 0);
    ok(at != MAP_FAILED, "MAP_LOCKED works");
    works(mlockall(MCL_CURRENT), "mlockall works");
    works(munlockall(), "and its opposite");
}

int main(void)
{
    test_lock();
    test_onfault();
    test_errors();
    test_map_locked();
    test_all();
    test_shared();
    test_limit();
    return done_testing();
}
