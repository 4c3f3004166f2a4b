/* mincore(2): which pages it reports, which calls it refuses. */
#include "mm_util.h"

#define MANY 700

static unsigned char vec[MANY];

static long ask(const void *at, size_t size, void *answer)
{
    return syscall(SYS_mincore, at, size, answer);
}

/* The answers for COUNT pages as a string of 0 and 1. */
static const char *answers(char *at, size_t count)
{
    static char text[16];

    memset(vec, 0xee, sizeof(vec));
    must(count < sizeof(text) && !ask(at, count * PAGE, vec));
    for (size_t i = 0; i < count; i++)
        text[i] = (char)('0' + vec[i]);
    text[count] = 0;
    return vec[count] == 0xee ? text : "too many";
}

static void shows(char *at, const char *want, const char *what)
{
    const char *got = answers(at, strlen(want));

    if (!ok(!strcmp(got, want), "%s", what))
        diag("got %s, want %s", got, want);
}

static void test_private(void)
{
    char *at = map_at(hole(6), 6, RW);

    shows(at, "000000", "untouched memory is not there");
    at[PAGE] = 1;
    shows(at, "010000", "a page written to is");
    is(at[3 * PAGE], 0, "a read brings in");
    shows(at, "010100", "the page of zeros");
    mprotect(at, 3 * PAGE, PROT_NONE);
    shows(at, "010100", "rights do not matter");
    mprotect(at, 3 * PAGE, RW);
    madvise(at, 6 * PAGE, MADV_DONTNEED);
    shows(at, "000000", "what was discarded is gone");
    munmap(at, 6 * PAGE);
}

/* Shared memory is there when anybody has made the page. */
static void test_shared(void)
{
    char *at = map_shared(4), *twin = remap(at, 0, 4 * PAGE, MREMAP_MAYMOVE, 0);

    must(twin != MAP_FAILED);
    shows(at, "0000", "untouched shared memory is not there");
    twin[2 * PAGE] = 1;
    shows(at, "0010", "a page that another mapping made is");
    is(at[PAGE], 0, "a read makes one");
    shows(twin, "0110", "for all");
    madvise(at, 4 * PAGE, MADV_DONTNEED);
    shows(at, "0110", "discarding it from one mapping changes nothing");
    twin = remap(twin, 4 * PAGE, 6 * PAGE, MREMAP_MAYMOVE, 0);
    must(twin != MAP_FAILED);
    shows(twin, "011000", "beyond the object there is nothing");
    munmap(at, 4 * PAGE);
    munmap(twin, 6 * PAGE);
}

static void test_areas(void)
{
    char *at = map_at(hole(8), 8, RW);

    at[0] = at[5 * PAGE] = 1;
    mprotect(at + 2 * PAGE, PAGE, PROT_READ);
    shows(at, "10000100", "several areas in one call");
    munmap(at + 6 * PAGE, PAGE);
    memset(vec, 0xee, sizeof(vec));
    fails(ask(at, 8 * PAGE, vec), ENOMEM, "a hole");
    ok(vec[0] == 1 && vec[2] == 0 && vec[5] == 1, "after what comes before it");
    is(vec[7], 0xee, "nothing for what comes after");
    fails(ask(at + 6 * PAGE, PAGE, vec), ENOMEM, "nothing but a hole");
    munmap(at, 8 * PAGE);
}

static void test_many(void)
{
    char *at = map_pages(MANY);
    int good = 1;

    for (size_t i = 0; i < MANY; i += 7)
        at[i * PAGE] = 1;
    works(ask(at, MANY * PAGE, vec), "many pages in one call");
    for (size_t i = 0; i < MANY; i++)
        good &= vec[i] == (i % 7 == 0);
    ok(good, "each has its answer");
    munmap(at, MANY * PAGE);
}

static void test_arguments(void)
{
    char *at = map_pages(2);

    fails(ask(at + 1, PAGE, vec), EINVAL, "an address within a page");
    fails(ask(at + 1, -1UL, (void *)-1UL), EINVAL, "comes first");
    works(ask(at, 0, vec), "no pages");
    works(ask(at, 0, (void *)1), "need no vector");
    memset(vec, 0xee, sizeof(vec));
    works(ask(at, PAGE + 1, vec), "a size is rounded up");
    ok(vec[1] == 0 && vec[2] == 0xee, "to pages");
    fails(ask(at, PAGE, NULL), EFAULT, "a vector that is not there");
    fails(ask(at, PAGE, (void *)-PAGE), EFAULT, "or nobody's");
    fails(ask(at, 1UL << 47, vec), ENOMEM, "more than there is");
    fails(ask((void *)(1UL << 47), PAGE, vec), ENOMEM, "beyond the end");
    fails(ask((void *)-PAGE, PAGE, (void *)-PAGE), ENOMEM, "the kernel's half");
    fails(ask((void *)PAGE, PAGE, NULL), ENOMEM,
          "a hole is seen before the vector is touched");
    munmap(at, 2 * PAGE);
}

int main(void)
{
    test_private();
    test_shared();
    test_areas();
    test_many();
    test_arguments();
    return done_testing();
}
