/*
 * prctl(PR_FAULTS), Faultline's own call, see docs/ledger.md: a task's own
 * faults, with the time of each stage. Prints TAP.
 */
#define _GNU_SOURCE
#include "fl_uffd.h"

#include <sys/prctl.h>
#include <x86intrin.h>

#include "../../../include/uapi/faultline/prctl.h"

enum {
    MANY = 8
};

static struct fault_entry faults[MANY];
static unsigned long last;

/* Our faults since the last call, or -errno. */
static int ours(unsigned long count)
{
    long n = prctl(PR_FAULTS, last, faults, count);

    if (n < 0)
        return -errno;
    if (n)
        last = faults[n - 1].id;
    return n;
}

/* Also with the faults that looking itself may cause. */
static void catch_up(void)
{
    (void)probe_read(NULL);
    (void)probe_read(&last);
    while (ours(MANY) > 0)
        ;
}

/* One fault of that address, which ended so. */
static int one(const void *address, unsigned end)
{
    int n = ours(MANY);

    if (n == 1 && faults[0].address == (unsigned long)address &&
        faults[0].end == end && faults[0].tid == (unsigned)getpid())
        return 1;
    diag("%d faults, %lx, end %u", n, (long)faults[0].address, faults[0].end);
    return 0;
}

static void test_arguments(void)
{
    last = 0;
    is(ours(0), -EINVAL, "room for none");
    is(prctl(PR_FAULTS, 0, NULL, 1), -1, "no room at all");
    is(errno, EFAULT, "EFAULT");
    catch_up();
    is(ours(MANY), 0, "nothing new");
}

static void test_kinds(void)
{
    char *pages = map_pages(3);

    catch_up();
    (void)*(volatile char *)(pages + 5);
    ok(one(pages + 5, FAULT_END_ZERO_PAGE), "a read");
    is(faults[0].error_code, 4, "as the CPU saw it");
    pages[7] = 'w';
    ok(one(pages + 7, FAULT_END_NEW_PAGE), "a write to the zero page");
    is(faults[0].error_code, 7, "as the CPU saw it");
    pages[PAGE] = 'w';
    ok(one(pages + PAGE, FAULT_END_NEW_PAGE), "a write");
    must(!munmap(pages + 2 * PAGE, PAGE));
    (void)probe_read(pages + 2 * PAGE);
    ok(one(pages + 2 * PAGE, FAULT_END_SIGSEGV), "no mapping");
    must(syscall(SYS_nanosleep, pages + 2 * PAGE, NULL) < 0);
    must(ours(MANY) > 0);
    is(faults[0].end, FAULT_END_FIXUP, "no mapping, in a system call");
    munmap(pages, 2 * PAGE);
}

/* Several calls, one fault each, give them in order. */
static void test_paging(void)
{
    char *pages = map_pages(3);

    catch_up();
    for (int i = 0; i < 3; i++)
        pages[i * PAGE] = 'x';
    for (int i = 0; i < 3; i++) {
        must(ours(1) == 1);
        is(faults[0].address, (unsigned long)pages + i * PAGE, "one at a time");
    }
    is(ours(1), 0, "and no more");
    munmap(pages, 3 * PAGE);
}

static int touch(void *page)
{
    *(volatile char *)page = 'c';
    return 0;
}

static void test_others(void)
{
    char *pages = map_pages(1);
    int n, wrong = 0;

    catch_up();
    must(!in_child(touch, pages));
    while ((n = ours(MANY)) > 0)
        while (n-- > 0)
            wrong += faults[n].address == (unsigned long)pages;
    is(wrong, 0, "a child's faults are its own");
    munmap(pages, PAGE);
}

static char *page;
static int fd;

static void *fill_one(void *unused)
{
    must(!uffd_fill(fd, uffd_next_page(fd), 'f'));
    return unused;
}

static void test_stages(void)
{
    unsigned long long before, after;
    struct fault_entry *f = faults;
    pthread_t pager;

    page = map_pages(1);
    fd = uffd_new(0);
    must(!uffd_register(fd, page, PAGE));
    pager = thread_start(fill_one, NULL);
    let_run();
    catch_up();
    before = __rdtsc();
    (void)*(volatile char *)page;
    after = __rdtsc();
    thread_join(pager);
    while (ours(1) == 1 && f->address != (unsigned long)page)
        ;
    is(f->end, FAULT_END_PAGER, "a page that a pager brought");
    ok(before < f->stage[0], "trap");
    ok(f->stage[0] < f->stage[1], "queued");
    ok(f->stage[1] <= f->stage[2], "read");
    ok(f->stage[2] < f->stage[3], "filled");
    ok(f->stage[3] < f->stage[4], "woken");
    ok(f->stage[4] < f->stage[5] && f->stage[5] < after, "resumed");
    must(!fl_guard(fd, page, PAGE, 0, NONE, DEADLOCK));
    must(!madvise(page, PAGE, MADV_DONTNEED));
    must(uffd_poll(fd) == POLLERR);
    catch_up();
    is(probe_read(page), BUS_ADRERR, "a deadlock");
    ok(one(page, FAULT_END_DEADLOCK), "is called one");
    ok(f->cycle[0] == f->id && !f->cycle[1], "with the faults of its circle");
    close(fd);
}

int main(void)
{
    test_arguments();
    test_kinds();
    test_paging();
    test_others();
    test_stages();
    return done_testing();
}
