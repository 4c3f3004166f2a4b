/*
 * MADV_REMOVE: a hole in shared memory, for all who map it. Private copies
 * stay; what cannot be written to, or is locked, is refused.
 */
#include "mm_util.h"

#include <fcntl.h>

#ifndef F_ADD_SEALS
#define F_ADD_SEALS  1033
#define F_SEAL_WRITE 8
#endif
#define SEAL_FUTURE 0x10

static void test_shared(void)
{
    char *at = map_shared(6), *twin = remap(at, 0, 6 * PAGE, MREMAP_MAYMOVE, 0);

    must(twin != MAP_FAILED);
    fill(at, 6, 1);
    ok(filled(twin, 6, 1), "two mappings of the same memory");
    works(madvise(at + PAGE, 2 * PAGE, MADV_REMOVE), "MADV_REMOVE in one");
    is(resident(twin, 6), 4, "takes pages out of both");
    ok(all_bytes(twin + PAGE, 0, 2 * PAGE), "there are zeros now");
    ok(filled(at, 1, 1) && filled(at + 3 * PAGE, 3, 4), "the rest stays");
    twin[2 * PAGE] = 9;
    is(at[2 * PAGE], 9, "what is new is shared again");
    munmap(at, PAGE);
    fails(madvise(at, 6 * PAGE, MADV_REMOVE), ENOMEM, "a hole is told");
    is(resident(twin, 6), 1, "when all is done");
    munmap(at, 6 * PAGE);
    munmap(twin, 6 * PAGE);
}

static void test_areas(void)
{
    char *at = map_shared(6);

    fill(at, 6, 1);
    must(!mprotect(at + 2 * PAGE, 2 * PAGE, PROT_READ));
    works(madvise(at + PAGE, 4 * PAGE, MADV_REMOVE), "over several areas");
    ok(filled(at, 1, 1) && filled(at + 5 * PAGE, 1, 6) &&
           all_bytes(at + PAGE, 0, 4 * PAGE),
       "also one that is read-only now");
    fill(at, 2, 1);
    must(!mlock(at + 4 * PAGE, PAGE));
    fails(madvise(at, 6 * PAGE, MADV_REMOVE), EINVAL, "a locked one ends it");
    ok(all_bytes(at, 0, 4 * PAGE) && filled(at + 5 * PAGE, 1, 6), "there");
    munmap(at, 6 * PAGE);
}

static void test_memfd(void)
{
    int fd = memfd_create("m", MFD_ALLOW_SEALING);
    char *shared, *private, *beyond;

    must(fd >= 0 && !ftruncate(fd, 4 * PAGE));
    shared = mmap(NULL, 4 * PAGE, RW, MAP_SHARED, fd, 0);
    private = mmap(NULL, 4 * PAGE, RW, MAP_PRIVATE, fd, 0);
    must(shared != MAP_FAILED && private != MAP_FAILED);
    fill(shared, 4, 1);
    private[0] = 50;
    is(private[PAGE], 2, "a private mapping sees the file");
    fails(madvise(private, PAGE, MADV_REMOVE), EACCES, "but makes no holes");
    works(madvise(shared, 2 * PAGE, MADV_REMOVE), "who shares it does");
    is(private[0], 50, "private copies stay");
    is(private[PAGE], 0, "what was not copied is gone");
    beyond = mmap(NULL, 4 * PAGE, RW, MAP_SHARED, fd, 2 * PAGE);
    works(madvise(beyond, 4 * PAGE, MADV_REMOVE), "beyond the end is fine");
    ok(all_bytes(shared, 0, 4 * PAGE), "the offset counts");
    munmap(shared, 4 * PAGE);
    munmap(beyond, 4 * PAGE);
    shared = mmap(NULL, 4 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
    works(madvise(shared, PAGE, MADV_REMOVE), "who might write may");
    works(fcntl(fd, F_ADD_SEALS, SEAL_FUTURE), "a seal against writing");
    fails(madvise(shared, PAGE, MADV_REMOVE), EPERM, "is one against holes");
    close(fd);
}

int main(void)
{
    test_shared();
    test_areas();
    test_memfd();
    return done_testing();
}
