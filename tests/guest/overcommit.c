/*
 * Overcommit as it is unless somebody sets it otherwise (mode 0): only what
 * the machine could never hold is refused, and only where it was promised.
 */
#include "probe.h"

#include <sys/sysinfo.h>

#define RW     (PROT_READ | PROT_WRITE)
#define ANON   (MAP_PRIVATE | MAP_ANONYMOUS)
#define SHARED (MAP_SHARED | MAP_ANONYMOUS)

static size_t more; /* than there is memory */

static char *map(int prot, int flags)
{
    return mmap(NULL, more, prot, flags, -1, 0);
}

static int refused(const void *mapping)
{
    return mapping == MAP_FAILED && errno == ENOMEM;
}

static void test_refused(void)
{
    ok(refused(map(RW, ANON)), "private, writable: refused");
    ok(refused(map(PROT_WRITE, ANON)), "write-only too");
    ok(refused(map(RW, SHARED)), "shared: refused");
    ok(refused(map(PROT_READ, SHARED)), "shared and read-only too");
    ok(refused(map(RW, ANON | MAP_GROWSDOWN)), "a stack: refused");
}

/* Two that fit one by one: nobody adds up. */
static void test_one_by_one(void)
{
    size_t most = more / 4 * 3;
    char *one = mmap(NULL, most, RW, ANON, -1, 0);
    char *two = mmap(NULL, most, RW, SHARED, -1, 0);

    ok(one != MAP_FAILED && two != MAP_FAILED, "twice three quarters: given");
    munmap(one, most);
    munmap(two, most);
}

static void test_mprotect(void)
{
    char *pages = map(PROT_READ, ANON);

    ok(pages != MAP_FAILED, "read-only: given");
    fails(mprotect(pages, more, RW), ENOMEM, "made writable: refused");
    is(probe_write(pages, 1), SEGV_ACCERR, "and it is not");
    works(mprotect(pages, 16 * PAGE, RW), "a part of it: given");
    is(probe_write(pages, 1), 0, "and usable");
    works(mprotect(pages, 16 * PAGE, PROT_NONE), "taken back");
    munmap(pages, more);
}

static void test_noreserve(void)
{
    char *pages = map(RW, ANON | MAP_NORESERVE);

    ok(pages != MAP_FAILED, "MAP_NORESERVE: given");
    is(probe_write(pages + more - 1, 1), 0, "to its end");
    works(mprotect(pages, more, PROT_READ), "read-only");
    works(mprotect(pages, more, RW), "and back");
    munmap(pages, more);
    pages = map(RW, SHARED | MAP_NORESERVE);
    ok(pages != MAP_FAILED, "shared with MAP_NORESERVE: given");
    is(probe_write(pages + more - 1, 1), 0, "to its end");
    munmap(pages, more);
}

/* The place of a refused MAP_FIXED keeps what it has. */
static void test_fixed(void)
{
    char *pages = map(PROT_NONE, ANON);

    must(pages != MAP_FAILED);
    works(mprotect(pages, PAGE, RW), "one page of a large area");
    pages[0] = 5;
    ok(refused(mmap(pages, more, RW, ANON | MAP_FIXED, -1, 0)),
       "MAP_FIXED over it: refused");
    is(pages[0], 5, "the page is as it was");
    munmap(pages, more);
}

int main(void)
{
    struct sysinfo info;

    must(sysinfo(&info) == 0);
    more = (info.totalram * info.mem_unit & -PAGE) + (64 << 20);
    test_refused();
    test_one_by_one();
    test_mprotect();
    test_noreserve();
    test_fixed();
    return done_testing();
}
