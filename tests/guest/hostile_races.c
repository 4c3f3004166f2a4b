/*
 * Pagers and clients that die, and mappings that change, at the worst moment:
 * whatever happens, nobody waits who need not, and what is filled is right.
 */
#define _GNU_SOURCE
#include "uffd_pages.h"

#include <linux/futex.h>

enum {
    CROWD = 100,
    ROUNDS = 20
};

/* ---- a pager task that is killed at a stage of its work ---- */

static void pager_until(int stage, volatile int *reached)
{
    char *page;

    if (stage > 0) {
        page = uffd_next_page(fd);
        if (stage > 1)
            must(!uffd_copy_mode(fd, page, source, PAGE,
                                 UFFDIO_COPY_MODE_DONTWAKE, NULL));
    }
    *reached = 1;
    for (;;)
        pause();
}

static void test_killed_pager(void)
{
    static const char *const stages[] = {"before it reads", "after it read",
                                         "after it filled, before it woke"};
    volatile int *reached = map_shared(1);

    for (int stage = 0; stage < 3; stage++) {
        pthread_t thread;
        pid_t pid;
        int result;

        set_up();
        memset(source, 'k', PAGE);
        *reached = 0;
        pid = fork();
        must(pid >= 0);
        if (!pid)
            pager_until(stage, reached);
        thread = thread_start(read_byte, pages);
        while (!*reached)
            sched_yield();
        kill(pid, SIGKILL);
        must(wait_status(pid) == 1000 + SIGKILL);
        result = uffd_copy(fd, pages, source, PAGE);
        is(result, stage == 2 ? -EEXIST : 0, "a pager killed %s",
           stages[stage]);
        if (result)
            must(!uffd_wake(fd, pages, PAGE));
        is(thread_join(thread), 'k', "its client is served by the next");
        tear_down();
    }
    munmap((void *)reached, PAGE);
}

/* ---- mappings that change while a page is filled ---- */

static volatile int stop;

static void *fill_again(void *unused)
{
    static char from[PAGE] __attribute__((aligned(4096)));
    long wrong = 0;

    memset(from, 'r', PAGE);
    while (!stop) {
        int result = uffd_copy(fd, pages, from, PAGE);

        wrong += result && result != -EEXIST && result != -ENOENT &&
                 result != -EAGAIN && result != -ESRCH;
        uffd_wake(fd, pages, PAGE);
        sched_yield();
    }
    return unused ? unused : (void *)wrong;
}

static void race_unmap(void)
{
    munmap(pages, PAGE);
    must(mmap(pages, PAGE, PROT_READ | PROT_WRITE,
              MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == pages);
    must(!uffd_register(fd, pages, PAGE));
}

static void race_remap(void)
{
    char *away = map_pages(1);

    must(mremap(pages, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, away) ==
         away);
    must(away[0] == 0 || away[0] == 'r');
    munmap(away, PAGE);
    must(mmap(pages, PAGE, PROT_READ | PROT_WRITE,
              MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == pages);
    must(!uffd_register(fd, pages, PAGE));
}

static int child_looks(void *unused)
{
    (void)unused;
    return pages[0] != 0 && pages[0] != 'r';
}

static void race_fork(void)
{
    must(!in_child(child_looks, NULL));
    must(!madvise(pages, PAGE, MADV_DONTNEED));
}

static void race_protect(void)
{
    must(!mprotect(pages, PAGE, PROT_NONE));
    must(!mprotect(pages, PAGE, PROT_READ | PROT_WRITE));
    must(pages[0] == 'r');
    must(!madvise(pages, PAGE, MADV_DONTNEED));
}

static void race_register(void)
{
    must(!uffd_unregister(fd, pages, PAGE));
    sched_yield();
    must(!uffd_register(fd, pages, PAGE));
}

static void race(void (*change)(void), const char *what)
{
    pthread_t filler;

    set_up();
    stop = 0;
    filler = thread_start(fill_again, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        change();
        sched_yield();
    }
    stop = 1;
    is(thread_join(filler), 0, "a fill against %s", what);
    tear_down();
}

/* ---- a crowd, and its end ---- */

static char *crowd;
static volatile int arrived;

static void *fault_often(void *number)
{
    long wrong = 0;

    for (int i = 0; i < CROWD; i++) {
        char *page = crowd + ((i * CROWD) + (long)number) * PAGE;

        __atomic_add_fetch(&arrived, 1, __ATOMIC_SEQ_CST);
        wrong += *(volatile char *)page != 0;
    }
    return (void *)wrong;
}

/* Ten thousand faults, a hundred at a time, of which many are queued. */
static void test_crowd(void)
{
    static struct uffd_msg messages[CROWD];
    pthread_t threads[CROWD];
    long wrong = 0, served = 0;

    crowd = map_pages(CROWD * CROWD);
    fd = uffd_new(0);
    must(!uffd_register(fd, crowd, CROWD * CROWD * PAGE));
    for (long i = 0; i < CROWD; i++)
        threads[i] = thread_start(fault_often, (void *)i);
    while (served < CROWD * CROWD) {
        ssize_t got = read(fd, messages, sizeof(messages));

        must(got > 0);
        for (ssize_t i = 0; i < got / 32; i++, served++)
            must(!uffd_zero(fd, (void *)(long)messages[i].arg.pagefault.address,
                            PAGE, NULL));
    }
    for (int i = 0; i < CROWD; i++)
        wrong += (long)thread_join(threads[i]);
    is(wrong, 0, "ten thousand faults are served, each once");
    close(fd);
    munmap(crowd, CROWD * CROWD * PAGE);
}

static int exit_with_waiters(void *how)
{
    set_up();
    for (int i = 0; i < 8; i++)
        thread_start(read_byte, pages + i % COUNT * PAGE);
    let_run();
    if (how)
        kill(getpid(), SIGTERM);
    return 7;
}

static void test_exit(void)
{
    is(in_child(exit_with_waiters, NULL), 7, "a task exits, threads waiting");
    is(in_child(exit_with_waiters, ""), 1000 + SIGTERM, "and is killed so");
}

/* The kernel itself looks at a dying thread's list of locks: for that it does
 * not wait, whoever should bring the page. */
static int die_with_list(void *unused)
{
    (void)unused;
    set_up();
    must(!syscall(SYS_set_robust_list, pages, sizeof(struct robust_list_head)));
    return 9;
}

static void test_dying_list(void)
{
    is(in_child(die_with_list, NULL), 9, "a dying task waits for no pager");
}

int main(void)
{
    test_killed_pager();
    race(race_unmap, "munmap and mmap");
    race(race_remap, "mremap");
    race(race_fork, "fork and MADV_DONTNEED");
    race(race_protect, "mprotect");
    race(race_register, "UNREGISTER and REGISTER");
    test_exit();
    test_dying_list();
    test_crowd();
    return done_testing();
}
