/*
 * Major faults, getrusage(2): those that had to wait for a pager, counted by
 * thread, by task, also of threads and children that have ended, in system
 * calls, in user mode and by process_vm_readv(2). And the same numbers in
 * /proc/self/stat, proc_pid_stat(5).
 */
#define _GNU_SOURCE
#include "uffd_util.h"

#include <stddef.h>
#include <sys/resource.h>
#include <sys/uio.h>

#include "proc.h"

#define PAGES 8

static int uffd;

static struct rusage usage_of(int who)
{
    struct rusage usage;

    must(!getrusage(who, &usage));
    return usage;
}

/* Fills every page asked for. */
static void *pager(void *pages)
{
    for (int i = 0; i < PAGES; i++)
        must(!uffd_fill(uffd, uffd_next_page(uffd), 'p'));
    return pages;
}

static char *missing_pages(void)
{
    char *pages = map_pages(PAGES);

    must(!uffd_register(uffd, pages, PAGES * PAGE));
    return pages;
}

/* Has the kernel read all pages, for times that are none; the major faults it
 * took, or -1 if there were others. */
static long touch(char *pages)
{
    struct rusage before = usage_of(RUSAGE_THREAD), after;

    for (int i = 0; i < PAGES; i++)
        must(syscall(SYS_clock_nanosleep, 0, 0, pages + i * PAGE, NULL) < 0);
    after = usage_of(RUSAGE_THREAD);
    if (after.ru_minflt != before.ru_minflt)
        return -1;
    return after.ru_majflt - before.ru_majflt;
}

static int touched, may_end;

static void *toucher(void *pages)
{
    (void)usage_of(RUSAGE_THREAD); /* the pages it needs are there then */
    touched = touch(pages);
    __atomic_store_n(&may_end, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&may_end, __ATOMIC_SEQ_CST) == 1)
        sched_yield();
    return NULL;
}

static void test_threads(void)
{
    char *pages = missing_pages();
    pthread_t serving = thread_start(pager, pages), thread;
    long self = usage_of(RUSAGE_SELF).ru_majflt;
    long mine = usage_of(RUSAGE_THREAD).ru_majflt;

    thread = thread_start(toucher, pages);
    while (!__atomic_load_n(&may_end, __ATOMIC_SEQ_CST))
        sched_yield();
    is(touched, PAGES, "each page is a major fault, and nothing else");
    is(usage_of(RUSAGE_SELF).ru_majflt - self, PAGES, "the task's as well");
    is(usage_of(RUSAGE_THREAD).ru_majflt - mine, 0, "and not ours");
    __atomic_store_n(&may_end, 2, __ATOMIC_SEQ_CST);
    thread_join(thread);
    thread_join(serving);
    is(usage_of(RUSAGE_SELF).ru_majflt - self, PAGES, "after its end, too");
    munmap(pages, PAGES * PAGE);
}

/* Wakes the fault with nothing done, time and again: it asks again. */
static void *wakes(void *pages)
{
    for (int i = 0; i < 5; i++)
        must(!uffd_wake(uffd, uffd_next_page(uffd), PAGE));
    must(!uffd_fill(uffd, uffd_next_page(uffd), 'p'));
    return pages;
}

static void *fills(void *pages)
{
    must(!uffd_fill(uffd, uffd_next_page(uffd), 'p'));
    return pages;
}

/* Lets a fault go on without a page: it makes its own. */
static void *lets_go(void *pages)
{
    (void)uffd_next(uffd);
    must(!uffd_unregister(uffd, pages, PAGES * PAGE));
    return NULL;
}

/* In user mode the first wait, for which no more than the area was locked, is
 * not counted. */
static void test_user_mode(void)
{
    char *pages = missing_pages();
    pthread_t serving = thread_start(fills, pages);
    struct rusage before = usage_of(RUSAGE_THREAD), after;

    (void)*(volatile char *)pages;
    after = usage_of(RUSAGE_THREAD);
    is(after.ru_majflt - before.ru_majflt, 0, "in user mode, one wait");
    is(after.ru_minflt - before.ru_minflt, 1, "is a minor fault");
    thread_join(serving);
    serving = thread_start(wakes, pages);
    before = usage_of(RUSAGE_THREAD);
    (void)*(volatile char *)(pages + PAGE);
    after = usage_of(RUSAGE_THREAD);
    is(after.ru_majflt - before.ru_majflt, 1, "more make a major one");
    is(after.ru_minflt - before.ru_minflt, 0, "and not a minor one as well");
    thread_join(serving);
    serving = thread_start(lets_go, pages);
    before = usage_of(RUSAGE_THREAD);
    (void)*(volatile char *)(pages + 2 * PAGE);
    after = usage_of(RUSAGE_THREAD);
    is(after.ru_majflt - before.ru_majflt, 0, "one wait, and a page of zeros");
    is(after.ru_minflt - before.ru_minflt, 1, "is a minor fault as well");
    thread_join(serving);
    munmap(pages, PAGES * PAGE);
}

static void test_another(void)
{
    char *pages = missing_pages(), byte;
    struct iovec to = {&byte, 1}, from = {pages, 1};
    pthread_t serving = thread_start(lets_go, pages);
    long before = usage_of(RUSAGE_THREAD).ru_majflt;

    is(process_vm_readv(getpid(), &to, 1, &from, 1, 0), 1, "process_vm_readv");
    is(usage_of(RUSAGE_THREAD).ru_majflt - before, 1, "is a major fault");
    thread_join(serving);
    munmap(pages, PAGES * PAGE);
}

/* Its pager is a thread of its own. */
static int child(void *unused)
{
    char *pages;
    pthread_t serving;

    (void)unused;
    uffd = uffd_new(0);
    pages = missing_pages();
    serving = thread_start(pager, pages);
    (void)touch(pages);
    thread_join(serving);
    return 0;
}

static void test_children(void)
{
    struct rusage before = usage_of(RUSAGE_CHILDREN), after;

    is(in_child(child, NULL), 0, "a child");
    after = usage_of(RUSAGE_CHILDREN);
    is(after.ru_majflt - before.ru_majflt, PAGES, "its major faults are told");
    ok(after.ru_minflt > before.ru_minflt, "and its minor ones");
}

/* minflt, cminflt, majflt, cmajflt: fields 10 to 13. */
static void read_stat(long *field)
{
    must(proc_read_all("/proc/self/stat") > 0);
    must(sscanf(strrchr(proc_text, ')'),
                ") %*c %*d %*d %*d %*d %*d %*u "
                "%ld %ld %ld %ld",
                field, field + 1, field + 2, field + 3) == 4);
}

static void test_stat(void)
{
    struct rusage self, children;
    long field[4];

    read_stat(field); /* the pages it needs are there after this */
    read_stat(field);
    self = usage_of(RUSAGE_SELF);
    children = usage_of(RUSAGE_CHILDREN);
    is(field[0], self.ru_minflt, "minor faults in /proc/self/stat");
    is(field[1], children.ru_minflt, "the children's");
    is(field[2], self.ru_majflt, "major faults");
    is(field[3], children.ru_majflt, "the children's");
    ok(field[2] > PAGES && field[3] == PAGES, "there were some");
}

int main(void)
{
    uffd = uffd_new(0);
    memset(source, 's', sizeof(source));
    test_threads();
    test_user_mode();
    test_another();
    test_children();
    test_stat();
    return done_testing();
}
