/*
 * RLIMIT_AS, RLIMIT_DATA and RLIMIT_STACK: what mmap(2), brk(2), mprotect(2)
 * and a growing stack do at the limit, and what does not count. Every case
 * runs in a child, whose limit ends with it; it returns 0 or the step that
 * was wrong.
 */
#define _GNU_SOURCE
#include "probe.h"

#include <sys/resource.h>

#define MIB    (1UL << 20)
#define PLENTY (1UL << 40)
#define RW     (PROT_READ | PROT_WRITE)
#define ANON   (MAP_PRIVATE | MAP_ANONYMOUS)

static int limit(int resource, unsigned long value)
{
    struct rlimit new = {value, RLIM_INFINITY};

    return setrlimit(resource, &new);
}

static char *map(size_t size, int prot, int flags)
{
    return mmap(NULL, size, prot, flags, -1, 0);
}

static int refused(const void *mapping)
{
    return mapping == MAP_FAILED && errno == ENOMEM;
}

/* Bytes this task may have: as many as it has, found by trying. */
static unsigned long size_now(void)
{
    unsigned long low = 0, high = PLENTY;

    while (high - low > PAGE) {
        unsigned long middle = (low + high) / 2 & -PAGE;
        char *page;

        limit(RLIMIT_AS, middle);
        page = map(PAGE, PROT_NONE, ANON);
        if (page == MAP_FAILED) {
            low = middle;
        } else {
            high = middle;
            munmap(page, PAGE);
        }
    }
    limit(RLIMIT_AS, RLIM_INFINITY);
    return low;
}

static int as_counts_all(void *unused)
{
    unsigned long size = size_now();
    char *pages;

    (void)unused;
    limit(RLIMIT_AS, size + 8 * PAGE);
    pages = map(8 * PAGE, PROT_NONE, ANON | MAP_NORESERVE);
    if (pages == MAP_FAILED)
        return 1;
    if (!refused(map(PAGE, PROT_NONE, ANON)))
        return 2;
    if (!refused(map(PAGE, RW, MAP_SHARED | MAP_ANONYMOUS)))
        return 3;
    if (munmap(pages + 2 * PAGE, PAGE))
        return 4;
    if (map(PAGE, PROT_READ, ANON) == MAP_FAILED)
        return 5;
    return refused(map(PAGE, PROT_READ, ANON)) ? 0 : 6;
}

/* What MAP_FIXED replaces is given back first. */
static int as_fixed(void *unused)
{
    char *pages = map(5 * PAGE, RW, ANON);

    (void)unused;
    pages[PAGE] = 7;
    munmap(pages + 4 * PAGE, PAGE);
    limit(RLIMIT_AS, size_now());
    if (mmap(pages, 4 * PAGE, RW, ANON | MAP_FIXED, -1, 0) != pages)
        return 1;
    pages[PAGE] = 8;
    if (!refused(mmap(pages, 5 * PAGE, RW, ANON | MAP_FIXED, -1, 0)))
        return 2;
    return pages[PAGE] == 8 ? 0 : 3;
}

/* An area that only moves takes no more; one that leaves itself behind does. */
static int as_mremap(void *unused)
{
    char *pages = map(8 * PAGE, RW, ANON);
    char *place = map(8 * PAGE, PROT_NONE, ANON);

    (void)unused;
    munmap(place, 8 * PAGE);
    limit(RLIMIT_AS, size_now());
    if (!refused(mremap(pages, 8 * PAGE, 9 * PAGE, MREMAP_MAYMOVE)))
        return 1;
    if (mremap(pages, 8 * PAGE, 4 * PAGE, 0) != pages)
        return 2;
    if (mremap(pages, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
               place) != place)
        return 3;
    if (!refused(mremap(place, 4 * PAGE, 9 * PAGE, MREMAP_MAYMOVE)))
        return 4;
    if (mremap(place, 4 * PAGE, 7 * PAGE, 0) != place)
        return 5;
    return refused(mremap(place, 7 * PAGE, 7 * PAGE,
                          MREMAP_MAYMOVE | MREMAP_DONTUNMAP))
               ? 0
               : 6;
}

static int as_brk(void *unused)
{
    unsigned long heap = (syscall(SYS_brk, 0) + PAGE - 1) & -PAGE;

    (void)unused;
    if (syscall(SYS_brk, heap) != (long)heap)
        return 1;
    limit(RLIMIT_AS, size_now() + 2 * PAGE);
    if (syscall(SYS_brk, heap + 3 * PAGE) != (long)heap)
        return 2;
    if (syscall(SYS_brk, heap + 2 * PAGE) != (long)(heap + 2 * PAGE))
        return 3;
    return syscall(SYS_brk, heap) == (long)heap ? 0 : 4;
}

/* A zero limit refuses everything and takes nothing away. */
static int as_nothing(void *unused)
{
    char *page = map_pages(1);

    (void)unused;
    page[0] = 1;
    limit(RLIMIT_AS, 0);
    if (!refused(map(PAGE, PROT_NONE, ANON)))
        return 1;
    if (mprotect(page, PAGE, PROT_READ) || mprotect(page, PAGE, RW))
        return 2;
    page[0] = 2;
    return munmap(page, PAGE) ? 3 : 0;
}

static int as_stack(void *unused)
{
    char *here = __builtin_frame_address(0);

    (void)unused;
    limit(RLIMIT_AS, size_now() + PAGE);
    return probe_read(here - MIB) == SEGV_MAPERR ? 0 : 1;
}

static int cannot_map(void *unused)
{
    (void)unused;
    return !refused(map(PAGE, PROT_NONE, ANON));
}

static int as_fork(void *unused)
{
    limit(RLIMIT_AS, size_now());
    return in_child(cannot_map, unused) || cannot_map(unused);
}

static void test_as(void)
{
    is(in_child(as_counts_all, NULL), 0, "RLIMIT_AS counts all mappings");
    is(in_child(as_fixed, NULL), 0, "what MAP_FIXED replaces is room");
    is(in_child(as_mremap, NULL), 0, "mremap stays within RLIMIT_AS");
    is(in_child(as_brk, NULL), 0, "brk stays within RLIMIT_AS");
    is(in_child(as_nothing, NULL), 0, "a limit of 0 takes nothing away");
    is(in_child(as_stack, NULL), 0, "the stack grows only within RLIMIT_AS");
    is(in_child(as_fork, NULL), 0, "the limit and the size go on over fork");
}

/* Bytes of data this task has. */
static unsigned long data_now(void)
{
    unsigned long low = 0, high = PLENTY;

    while (high - low > PAGE) {
        unsigned long middle = (low + high) / 2 & -PAGE;
        char *page;

        limit(RLIMIT_DATA, middle ? middle : 1);
        page = map(PAGE, RW, ANON);
        if (page == MAP_FAILED) {
            low = middle;
        } else {
            high = middle;
            munmap(page, PAGE);
        }
    }
    limit(RLIMIT_DATA, RLIM_INFINITY);
    return low;
}

/* Private, writable, and not a stack. */
static int data_counts(void *unused)
{
    unsigned long data = data_now();

    (void)unused;
    limit(RLIMIT_DATA, data + 4 * PAGE);
    if (map(3 * PAGE, RW, ANON) == MAP_FAILED)
        return 1;
    if (map(PAGE, PROT_WRITE, ANON) == MAP_FAILED)
        return 2;
    if (!refused(map(PAGE, RW, ANON)))
        return 3;
    if (!refused(map(PAGE, RW | PROT_EXEC, ANON | MAP_NORESERVE)))
        return 4;
    if (map(64 * PAGE, PROT_READ | PROT_EXEC, ANON) == MAP_FAILED)
        return 5;
    if (map(64 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS) == MAP_FAILED)
        return 6;
    return map(16 * PAGE, RW, ANON | MAP_GROWSDOWN) == MAP_FAILED ? 7 : 0;
}

static int data_mprotect(void *unused)
{
    char *read = map(4 * PAGE, PROT_READ, ANON);
    char *shared = map(4 * PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS);

    (void)unused;
    limit(RLIMIT_DATA, data_now() + 2 * PAGE);
    errno = 0;
    if (mprotect(read, 4 * PAGE, RW) != -1 || errno != ENOMEM)
        return 1;
    if (probe_write(read, 1) != SEGV_ACCERR)
        return 2;
    if (mprotect(read + PAGE, 2 * PAGE, RW) || probe_write(read + PAGE, 1))
        return 3;
    if (mprotect(shared, 4 * PAGE, RW))
        return 4;
    if (mprotect(read, PAGE, RW) != -1 || errno != ENOMEM)
        return 5;
    if (mprotect(read + PAGE, PAGE, PROT_READ) || mprotect(read, PAGE, RW))
        return 6;
    return mprotect(read + PAGE, PAGE, RW) == -1 && errno == ENOMEM ? 0 : 7;
}

/* More data is refused although the area is data already: nothing grows. */
static int data_mprotect_data(void *unused)
{
    char *pages = map(4 * PAGE, RW, ANON);

    (void)unused;
    limit(RLIMIT_DATA, PAGE);
    return mprotect(pages, 4 * PAGE, RW | PROT_EXEC) ? 1 : 0;
}

static int data_brk(void *unused)
{
    unsigned long start = syscall(SYS_brk, 0);
    unsigned long heap = (start + PAGE - 1) & -PAGE;

    (void)unused;
    limit(RLIMIT_DATA, PAGE);
    if (syscall(SYS_brk, heap + 8 * MIB) != (long)start)
        return 1;
    limit(RLIMIT_DATA, 64 * MIB);
    if (syscall(SYS_brk, heap + MIB) != (long)(heap + MIB))
        return 2;
    limit(RLIMIT_DATA, PAGE);
    if (syscall(SYS_brk, start + PAGE) == (long)(start + PAGE))
        return 3; /* even to shrink it asks */
    limit(RLIMIT_DATA, 64 * MIB);
    return syscall(SYS_brk, start) == (long)start ? 0 : 4;
}

/* Linux lets a limit of 0 be: only brk obeys it. */
static int data_zero(void *unused)
{
    unsigned long start = syscall(SYS_brk, 0);

    (void)unused;
    limit(RLIMIT_DATA, 0);
    if (map(16 * PAGE, RW, ANON) == MAP_FAILED)
        return 1;
    return syscall(SYS_brk, start + 16 * PAGE) == (long)start ? 0 : 2;
}

static void test_data(void)
{
    is(in_child(data_counts, NULL), 0,
       "RLIMIT_DATA counts private writable memory");
    is(in_child(data_mprotect, NULL), 0, "and what mprotect makes so");
    is(in_child(data_mprotect_data, NULL), 0, "once");
    is(in_child(data_brk, NULL), 0, "brk counts the program's data");
    is(in_child(data_zero, NULL), 0, "a limit of 0 is brk's alone");
}

/* MAP_GROWSDOWN areas obey the stack's limit, each for itself. */
static int stack_growsdown(void *unused)
{
    char *room = map(4 * MIB, PROT_NONE, ANON);
    char *top = room + 4 * MIB - PAGE;

    (void)unused;
    munmap(room, 4 * MIB);
    if (mmap(top, PAGE, RW, ANON | MAP_GROWSDOWN | MAP_FIXED, -1, 0) != top)
        return 1;
    limit(RLIMIT_STACK, 4 * PAGE);
    if (probe_write(top - 3 * PAGE, 1))
        return 2;
    if (probe_write(top - 4 * PAGE, 1) != SEGV_MAPERR)
        return 3;
    limit(RLIMIT_STACK, 64 * PAGE);
    return probe_write(top - 32 * PAGE, 1) ? 4 : 0;
}

/* A vfork child's limit is its own although the memory is the parent's. */
static void test_vfork(void)
{
    volatile int wrong = 0;
    pid_t pid = vfork();

    if (!pid) {
        limit(RLIMIT_AS, 0);
        wrong = !refused(map(PAGE, PROT_NONE, ANON));
        _exit(0);
    }
    must(pid > 0);
    wait_status(pid);
    is(wrong, 0, "a vfork child's limit counts in its parent's memory");
    ok(map(PAGE, PROT_NONE, ANON) != MAP_FAILED, "and not for the parent");
}

int main(void)
{
    test_as();
    test_data();
    is(in_child(stack_growsdown, NULL), 0, "RLIMIT_STACK at MAP_GROWSDOWN");
    test_vfork();
    return done_testing();
}
