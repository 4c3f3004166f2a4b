/*
 * Demand paging of anonymous memory: the zero page on a read, a page of
 * one's own on a write, and that nobody ever sees another's bytes.
 */
#include "probe.h"

#include <sys/resource.h>

enum {
    COUNT = 64
};

static void test_zero(void)
{
    char *pages = map_pages(COUNT);

    ok(all_bytes(pages, 0, COUNT * PAGE), "untouched memory reads as zeros");
    for (int i = 0; i < COUNT; i += 2)
        pages[i * PAGE + 17] = i + 1;
    ok(all_bytes(pages + PAGE, 0, PAGE), "a write to one page is not seen in "
                                         "another");
    is(pages[2 * PAGE + 17], 3, "but in its own");
    ok(all_bytes(pages + 2 * PAGE, 0, 17), "where the rest is zero");
    munmap(pages, COUNT * PAGE);
}

static void test_write_first(void)
{
    char *pages = map_pages(COUNT);
    int wrong = 0;

    for (int i = 0; i < COUNT; i++)
        pages[i * PAGE + PAGE - 1] = i;
    for (int i = 0; i < COUNT; i++)
        wrong += pages[i * PAGE + PAGE - 1] != i ||
                 !all_bytes(pages + i * PAGE, 0, PAGE - 1);
    is(wrong, 0, "a page written first is zero elsewhere");
    munmap(pages, COUNT * PAGE);
}

/* An unaligned store over a page boundary faults twice. */
static void test_straddle(void)
{
    char *pages = map_pages(2);
    volatile uint64_t *word = (void *)(pages + PAGE - 4);

    *word = 0x1122334455667788;
    ok(*word == 0x1122334455667788, "a store over a page boundary");
    is((unsigned char)pages[PAGE - 1], 0x55, "its lower half");
    is((unsigned char)pages[PAGE], 0x44, "its upper half");
    munmap(pages, 2 * PAGE);
}

/* A locked instruction on the zero page must take the copy, once. */
static void test_read_modify_write(void)
{
    int *counter = (void *)map_pages(1);

    is(*counter, 0, "zero");
    __atomic_add_fetch(counter, 5, __ATOMIC_SEQ_CST);
    is(*counter, 5, "an atomic add to the zero page happens once");
    munmap(counter, PAGE);
}

static void test_reuse(void)
{
    int wrong = 0;

    for (int i = 0; i < 50; i++) {
        char *page = map_pages(1);

        wrong += !all_bytes(page, 0, PAGE);
        memset(page, 0xee, PAGE);
        munmap(page, PAGE);
    }
    is(wrong, 0, "a recycled page shows none of its old bytes");
}

/* Far more address space than memory, touched here and there. */
static void test_sparse(void)
{
    size_t size = 1UL << 36;
    char *space = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    int wrong = 0;

    ok(space != MAP_FAILED, "64 GiB of address space");
    if (space == MAP_FAILED)
        return;
    for (size_t at = 0; at < size; at += size / 16)
        space[at] = at / (size / 16) + 1;
    for (size_t at = 0; at < size; at += size / 16)
        wrong += (size_t)space[at] != at / (size / 16) + 1;
    is(wrong, 0, "sixteen pages of it");
    works(munmap(space, size), "and back");
}

static long minor_faults(void)
{
    struct rusage usage;

    must(getrusage(RUSAGE_SELF, &usage) == 0);
    return usage.ru_minflt;
}

static void test_accounting(void)
{
    char *pages;
    long before;
    long after;

    pages = map_pages(COUNT);
    before = minor_faults();
    for (int i = 0; i < COUNT; i++)
        pages[i * PAGE] = 1;
    after = minor_faults();
    /* Linux may map several pages at once, and fault elsewhere besides. */
    ok(after > before && after - before < 4 * COUNT,
       "getrusage counts minor faults");
    munmap(pages, COUNT * PAGE);
}

int main(void)
{
    test_zero();
    test_write_first();
    test_straddle();
    test_read_modify_write();
    test_reuse();
    test_sparse();
    test_accounting();
    return done_testing();
}
