/*
 * fork(2) and memory: private pages are copied when either side writes,
 * shared ones never, and each address space has its own mappings.
 */
#include "probe.h"

#include <sched.h>

enum {
    COUNT = 16
};

static int fill_with(void *pages, int value)
{
    memset(pages, value, COUNT * PAGE);
    return 0;
}

static int child_reads(void *pages)
{
    return !all_bytes(pages, 'p', COUNT * PAGE);
}

static int child_writes(void *pages)
{
    fill_with(pages, 'c');
    return !all_bytes(pages, 'c', COUNT * PAGE);
}

static void test_private(void)
{
    char *pages = map_pages(COUNT);

    fill_with(pages, 'p');
    is(in_child(child_reads, pages), 0, "the child sees the parent's bytes");
    is(in_child(child_writes, pages), 0, "the child writes its copy");
    ok(all_bytes(pages, 'p', COUNT * PAGE), "which the parent does not see");
    fill_with(pages, 'q');
    ok(all_bytes(pages, 'q', COUNT * PAGE), "the parent writes after it");
    munmap(pages, COUNT * PAGE);
}

struct turns {
    volatile int turn;
    char *pages;
};

static void wait_turn(struct turns *turns, int turn)
{
    while (turns->turn != turn)
        sched_yield();
}

/* The parent has written between our first look and our second. */
static int child_waits(void *argument)
{
    struct turns *turns = argument;
    int before = all_bytes(turns->pages, 'p', COUNT * PAGE);

    turns->turn = 1;
    wait_turn(turns, 2);
    return !before || !all_bytes(turns->pages, 'p', COUNT * PAGE);
}

static void test_parent_writes(void)
{
    struct turns *turns = map_shared(1);
    pid_t pid;

    turns->pages = map_pages(COUNT);
    fill_with(turns->pages, 'p');
    pid = fork();
    must(pid >= 0);
    if (!pid)
        _exit(child_waits(turns));
    wait_turn(turns, 1);
    fill_with(turns->pages, 'z');
    turns->turn = 2;
    is(wait_status(pid), 0, "the child does not see what the parent writes");
    ok(all_bytes(turns->pages, 'z', COUNT * PAGE), "the parent does");
    munmap(turns->pages, COUNT * PAGE);
    munmap(turns, PAGE);
}

static int grandchild(void *pages)
{
    int wrong = !all_bytes(pages, 'c', COUNT * PAGE);

    fill_with(pages, 'g');
    return wrong;
}

static int child_forks(void *pages)
{
    fill_with(pages, 'c');
    if (in_child(grandchild, pages))
        return 1;
    return !all_bytes(pages, 'c', COUNT * PAGE);
}

static void test_generations(void)
{
    char *pages = map_pages(COUNT);

    fill_with(pages, 'p');
    is(in_child(child_forks, pages), 0, "three generations, three copies");
    ok(all_bytes(pages, 'p', COUNT * PAGE), "the first is untouched");
    munmap(pages, COUNT * PAGE);
}

static int child_writes_shared(void *pages)
{
    ((char *)pages)[0] = 'c';
    ((char *)pages)[PAGE] = 'd'; /* not touched by the parent before */
    return 0;
}

static void test_shared(void)
{
    char *pages = map_shared(3);

    pages[0] = 'p';
    is(in_child(child_writes_shared, pages), 0, "a child writes shared memory");
    is(pages[0], 'c', "the parent sees it");
    is(pages[PAGE], 'd', "also in a page that was not there before");
    is(pages[2 * PAGE], 0, "and zeros elsewhere");
    munmap(pages, 3 * PAGE);
}

static int child_remaps(void *pages)
{
    char *first = pages;

    mprotect(first + PAGE, PAGE, PROT_NONE);
    munmap(first, PAGE);
    return probe_read(first) != SEGV_MAPERR ||
           probe_read(first + PAGE) != SEGV_ACCERR;
}

static void test_mappings(void)
{
    char *pages = map_pages(2);

    memset(pages, 0, 2 * PAGE);
    is(in_child(child_remaps, pages), 0, "a child changes its mappings");
    is(probe_write(pages, 1), 0, "the parent's are as they were");
    is(probe_write(pages + PAGE, 1), 0, "also the protected one");
    munmap(pages, 2 * PAGE);
}

static int child_is_refused(void *pages)
{
    return probe_write(pages, 1) != SEGV_ACCERR;
}

/* A page that is read-only by mprotect is not one to be copied. */
static void test_read_only(void)
{
    char *pages = map_pages(1);

    pages[0] = 4;
    mprotect(pages, PAGE, PROT_READ);
    is(in_child(child_is_refused, pages), 0, "read-only stays so in the child");
    is(probe_write(pages, 1), SEGV_ACCERR, "and in the parent");
    mprotect(pages, PAGE, PROT_READ | PROT_WRITE);
    is(probe_write(pages, 5), 0, "until mprotect allows it");
    is(pages[0], 5, "which works after fork as well");
    munmap(pages, PAGE);
}

static int child_zero(void *pages)
{
    int wrong = !all_bytes(pages, 0, PAGE);

    memset(pages, 1, PAGE);
    return wrong;
}

static void test_zero_page(void)
{
    char *pages = map_pages(1);

    is(pages[0], 0, "the zero page is mapped");
    is(in_child(child_zero, pages), 0, "a child writes where it was");
    ok(all_bytes(pages, 0, PAGE), "the parent still has zeros");
    munmap(pages, PAGE);
}

int main(void)
{
    test_private();
    test_parent_writes();
    test_generations();
    test_shared();
    test_mappings();
    test_read_only();
    test_zero_page();
    return done_testing();
}
