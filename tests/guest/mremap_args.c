/*
 * mremap(2): which calls are refused, with which error, and what they have
 * done by then.
 */
#include "mm_util.h"

#define MAY   MREMAP_MAYMOVE
#define FIXED (MREMAP_MAYMOVE | MREMAP_FIXED)
#define KEEP  (MREMAP_MAYMOVE | MREMAP_DONTUNMAP)
#define USER  0x7ffffffff000UL

static void test_flags(char *at, char *to)
{
    fails(remap(at, PAGE, PAGE, 8, 0), EINVAL, "an unknown flag");
    fails(remap(at, PAGE, PAGE, MREMAP_FIXED, to), EINVAL,
          "FIXED without MAYMOVE");
    fails(remap(at, PAGE, PAGE, MREMAP_DONTUNMAP, to), EINVAL,
          "DONTUNMAP without MAYMOVE");
    fails(remap(at, PAGE, 2 * PAGE, KEEP, to), EINVAL,
          "DONTUNMAP with two sizes");
    fails(remap(at, PAGE, PAGE - 1, KEEP, to), EINVAL,
          "they are compared before they are rounded");
    fails(remap(at + 1, PAGE, PAGE, 0, 0), EINVAL, "within a page");
    fails(remap(at, PAGE, 0, 0, 0), EINVAL, "to no bytes");
    fails(remap(at, PAGE, -1UL, 0, 0), EINVAL, "to what rounds up to none");
    fails(remap(to, PAGE, 0, 0, 0), EINVAL, "which comes before the hole");
}

static void test_areas(char *at, char *to)
{
    fails(remap(to, PAGE, 2 * PAGE, MAY, 0), EFAULT, "nothing is there");
    fails(remap(to, PAGE, PAGE, 0, 0), EFAULT, "nor to be left alone");
    fails(remap((char *)USER, PAGE, PAGE, 0, 0), EFAULT, "in no man's land");
    fails(remap(at, 0, PAGE, MAY, 0), EINVAL, "old size 0 of private memory");
    fails(remap(at, 0, PAGE, 0, 0), EINVAL, "even in place");
    fails(remap(at, 5 * PAGE, 6 * PAGE, MAY, 0), EFAULT,
          "more than the mapping");
    fails(remap(at, 5 * PAGE, 5 * PAGE, FIXED, to), EFAULT,
          "the same at a fixed place");
    is(remap(at, 5 * PAGE, 5 * PAGE, MAY, 0), at,
       "a call that changes nothing does not look that far");
    fails(remap(at, 4 * PAGE, USER, MAY, 0), ENOMEM, "more than there is");
    fails(remap(at, 4 * PAGE, -PAGE, MAY, 0), ENOMEM, "much more");
    fails(remap(at, 4 * PAGE, 6 * PAGE, 0, 0), ENOMEM, "no room in place");
}

static void test_places(char *at, char *to)
{
    fails(remap(at, PAGE, PAGE, FIXED, to + 1), EINVAL,
          "a place within a page");
    fails(remap(at, PAGE, PAGE, FIXED, (void *)USER), EINVAL,
          "a place outside");
    fails(remap(at, PAGE, 2 * PAGE, FIXED, (void *)(USER - PAGE)), EINVAL,
          "a place half outside");
    fails(remap(at, PAGE, PAGE, KEEP, to + 1), EINVAL,
          "a hint is looked at like a place");
    fails(remap(at, PAGE, USER + PAGE, FIXED, to), EINVAL, "a size too large");
    fails(remap(at, 2 * PAGE, 2 * PAGE, FIXED, at + PAGE), EINVAL,
          "overlapping from below");
    fails(remap(at + PAGE, 2 * PAGE, 2 * PAGE, FIXED, at), EINVAL,
          "overlapping from above");
    fails(remap(at, 2 * PAGE, PAGE, FIXED, at + PAGE), EINVAL,
          "what would be cut off overlaps too");
    fails(remap(at, PAGE, PAGE, FIXED, at), EINVAL, "onto itself");
    fails(remap(at, 2 * PAGE, 2 * PAGE, KEEP, at + PAGE), EINVAL,
          "a hint must not overlap");
    ok(all_bytes(at, 1, 4 * PAGE), "nothing of all this has done anything");
}

/* The target is unmapped, the tail cut off, before the source is looked at. */
static void test_partial(char *at, char *to)
{
    char *wall = to + 8 * PAGE;

    must(mmap(to, 8 * PAGE, RW, ANON | MAP_FIXED, -1, 0) == to);
    fails(remap(at, 6 * PAGE, 6 * PAGE, FIXED, to), EFAULT,
          "a source that is too long");
    is(probe_read(to), SEGV_MAPERR, "costs the target");
    is(probe_read(to + 6 * PAGE), 0, "as far as it was asked for");
    ok(all_bytes(at, 1, 4 * PAGE), "the source is whole");
    must(mmap(wall, PAGE, RW, ANON | MAP_FIXED, -1, 0) == wall);
    fails(remap(wall, 0, PAGE, FIXED, to), EINVAL, "old size 0 likewise");
    is(probe_read(to), SEGV_MAPERR, "nothing came");
    is(remap(at, 6 * PAGE, 2 * PAGE, FIXED, to), to,
       "a tail that is no mapping is cut off all the same");
    is(probe_read(at), SEGV_MAPERR, "all of the source is gone");
    ok(all_bytes(to, 1, 2 * PAGE), "what was wanted has come");
}

int main(void)
{
    char *at = map_pages(16), *to = map_pages(32);

    munmap(at, 16 * PAGE);
    munmap(to, 32 * PAGE);
    at = mmap(at, 4 * PAGE, RW, ANON | MAP_FIXED, -1, 0);
    must(mmap(at + 5 * PAGE, PAGE, PROT_READ, ANON | MAP_FIXED, -1, 0) !=
         MAP_FAILED);
    memset(at, 1, 4 * PAGE);
    test_flags(at, to);
    test_areas(at, to);
    test_places(at, to);
    test_partial(at, to);
    return done_testing();
}
