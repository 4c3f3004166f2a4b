/*
 * brk(2) as the kernel has it (it returns the break, never an error) and
 * madvise(MADV_DONTNEED), the two other ways to get fresh zero pages.
 */
#include "probe.h"

#define KERNEL_HALF 0xffff888000000000UL

static unsigned long set_brk(unsigned long address)
{
    return syscall(SYS_brk, address);
}

static void test_brk(void)
{
    unsigned long start = set_brk(0);
    unsigned long heap = (start + PAGE - 1) & -PAGE;
    char *bytes = (char *)heap;

    ok(start > 0 && start < 1UL << 47, "brk(0) tells where the heap ends");
    is(set_brk(heap + 3 * PAGE), heap + 3 * PAGE, "the heap grows");
    ok(all_bytes(bytes, 0, 3 * PAGE), "by zeros");
    memset(bytes, 9, 3 * PAGE);
    is(set_brk(heap + PAGE + 1), heap + PAGE + 1, "it shrinks");
    ok(all_bytes(bytes, 9, 2 * PAGE), "only whole pages go");
    is(probe_read(bytes + 2 * PAGE), SEGV_MAPERR, "and what went is gone");
    is(set_brk(heap + 3 * PAGE), heap + 3 * PAGE, "it grows again");
    ok(all_bytes(bytes + 2 * PAGE, 0, PAGE), "the new page is zero");
    ok(all_bytes(bytes, 9, 2 * PAGE), "the others are as they were");
    is(set_brk(1), heap + 3 * PAGE, "below its start it does not go");
    is(set_brk(KERNEL_HALF), heap + 3 * PAGE, "nor into the kernel's half");
    is(set_brk(-1UL), heap + 3 * PAGE, "nor around the end");
    is(set_brk(start), start, "it goes back to where it was");
}

/* A mapping in the way stops the heap, and is not hurt. */
static void test_brk_blocked(void)
{
    unsigned long start = set_brk(0);
    unsigned long heap = (start + PAGE - 1) & -PAGE;
    char *wall = mmap((void *)(heap + 8 * PAGE), PAGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

    must(wall != MAP_FAILED);
    wall[0] = 3;
    is(set_brk(heap + 9 * PAGE), start, "brk does not go through a mapping");
    is(wall[0], 3, "which keeps its bytes");
    is(set_brk(heap + 2 * PAGE), heap + 2 * PAGE, "it grows up to there");
    is(set_brk(start), start, "and back");
    munmap(wall, PAGE);
}

static void test_dontneed(void)
{
    char *pages = map_pages(4);

    memset(pages, 5, 4 * PAGE);
    works(madvise(pages + PAGE, 2 * PAGE, MADV_DONTNEED), "MADV_DONTNEED");
    ok(all_bytes(pages + PAGE, 0, 2 * PAGE), "gives zeros");
    ok(all_bytes(pages, 5, PAGE) && all_bytes(pages + 3 * PAGE, 5, PAGE),
       "and leaves the neighbours");
    is(probe_write(pages + PAGE, 6), 0, "the pages are usable again");
    works(madvise(pages, 1, MADV_DONTNEED), "a byte is a page");
    is(pages[0], 0, "and the page is gone");
    munmap(pages, 4 * PAGE);
}

static void test_dontneed_errors(void)
{
    char *pages = map_pages(3);

    memset(pages, 5, 3 * PAGE);
    fails(madvise(pages + 1, PAGE, MADV_DONTNEED), EINVAL, "within a page");
    fails(madvise(pages, PAGE, 9999), EINVAL, "an unknown advice");
    works(madvise(pages, 0, MADV_DONTNEED), "no bytes");
    fails(madvise(pages, -1UL, MADV_DONTNEED), EINVAL,
          "a size that rounds up to 0");
    munmap(pages + PAGE, PAGE);
    fails(madvise(pages, 3 * PAGE, MADV_DONTNEED), ENOMEM, "over a hole");
    is(pages[0], 0, "forgets what is before the hole");
    is(pages[2 * PAGE], 0, "and what is after it");
    munmap(pages, 3 * PAGE);
}

/* For shared memory the page belongs to the object: nothing is lost. */
static void test_dontneed_shared(void)
{
    char *pages = map_shared(1);

    pages[0] = 8;
    works(madvise(pages, PAGE, MADV_DONTNEED), "MADV_DONTNEED, shared memory");
    is(pages[0], 8, "does not lose shared bytes");
    munmap(pages, PAGE);
}

int main(void)
{
    test_brk();
    test_brk_blocked();
    test_dontneed();
    test_dontneed_errors();
    test_dontneed_shared();
    return done_testing();
}
