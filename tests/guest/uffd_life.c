/*
 * What becomes of threads that wait for a pager when something ends: the
 * descriptor, the registration, the mapping, the task; and what fork, exec
 * of another pager, signals and MADV_DONTNEED do to a registered range.
 */
#include "uffd_pages.h"

/* Starts a thread that reads the first page, and waits until it waits. */
static pthread_t start_waiting(void)
{
    pthread_t thread = thread_start(read_byte, pages);

    while (!uffd_poll(fd))
        sched_yield();
    return thread;
}

static void test_close(void)
{
    pthread_t thread;

    set_up();
    thread = start_waiting();
    close(fd);
    is(thread_join(thread), 0, "close wakes the waiting, who find zeros");
    set_up();
    thread = start_waiting();
    uffd_next(fd);
    close(fd);
    is(thread_join(thread), 0, "also when the message had been read");
    munmap(pages, COUNT * PAGE);
}

static void test_unregister(void)
{
    pthread_t thread;

    set_up();
    thread = start_waiting();
    is(uffd_unregister(fd, pages, PAGE), 0, "UFFDIO_UNREGISTER");
    is(thread_join(thread), 0, "wakes the waiting as well");
    tear_down();
}

static void *probe(void *address)
{
    return (void *)(long)probe_read(address);
}

static void test_munmap(void)
{
    pthread_t thread;

    set_up();
    thread = thread_start(probe, pages);
    while (!uffd_poll(fd))
        sched_yield();
    works(munmap(pages, PAGE), "munmap of a page that is waited for");
    uffd_wake(fd, pages, PAGE);
    is(thread_join(thread), SEGV_MAPERR, "the waiting gets SIGSEGV");
    is(uffd_copy(fd, pages, source, PAGE), -ENOENT, "there is none to fill");
    tear_down();
}

/* A queued message goes away with the thread's need for the page. */
static void test_message_gone(void)
{
    struct uffd_msg message;
    pthread_t thread;

    set_up();
    thread = start_waiting();
    must(!uffd_fill(fd, pages, 'q'));
    is(thread_join(thread), 'q', "filled before the message was read");
    fails(read(fd, &message, sizeof(message)), EAGAIN, "the message is gone");
    tear_down();
}

static int read_child(void *unused)
{
    (void)unused;
    return pages[0] || !all_bytes(pages, 0, COUNT * PAGE);
}

static int fill_parent(void *unused)
{
    (void)unused;
    return uffd_next_page(fd) != pages || uffd_fill(fd, pages, 'c');
}

static void test_fork(void)
{
    pid_t pid;

    set_up();
    is(in_child(read_child, NULL), 0, "a child's memory is not registered");
    is(uffd_poll(fd), 0, "it causes no message");
    pid = fork();
    must(pid >= 0);
    if (!pid)
        _exit(fill_parent(NULL));
    is(*(volatile char *)pages, 'c', "but it can be its parent's pager");
    is(wait_status(pid), 0, "with the descriptor it inherited");
    tear_down();
}

static int close_all(void *unused)
{
    (void)unused;
    close(fd);
    return 0;
}

static void test_shared_descriptor(void)
{
    int copy;

    set_up();
    is(in_child(close_all, NULL), 0, "a child closes its descriptor");
    copy = dup(fd);
    close(fd);
    is(uffd_fill(copy, pages, 'd'), 0, "a duplicate keeps it alive");
    is(pages[0], 'd', "and serves");
    fd = copy;
    tear_down();
}

static int exit_at_message(void *unused)
{
    (void)unused;
    return uffd_next_page(fd) == pages ? 3 : 4;
}

/* The pager task holds the only descriptor and ends without an answer. */
static void test_pager_dies(void)
{
    pid_t pid;

    set_up();
    pid = fork();
    must(pid >= 0);
    if (!pid)
        _exit(exit_at_message(NULL));
    close(fd);
    is(*(volatile char *)pages, 0, "a pager that dies leaves zeros");
    is(wait_status(pid), 3, "it had read the message");
    munmap(pages, COUNT * PAGE);
}

/* In a child: reports that a thread of it waits, and waits for its end. */
static int wait_unserved(void *shared)
{
    set_up();
    leave_hope();
    start_waiting();
    *(volatile int *)shared = 1;
    return *(volatile char *)(pages + PAGE);
}

static void test_kill(void)
{
    volatile int *waiting = map_shared(1);
    pid_t pid = fork();

    must(pid >= 0);
    if (!pid)
        _exit(wait_unserved((void *)waiting));
    while (!*waiting)
        sched_yield();
    works(kill(pid, SIGKILL), "SIGKILL to a task waiting for a page");
    is(wait_status(pid), 1000 + SIGKILL, "ends it");
    *waiting = 0;
    pid = fork();
    must(pid >= 0);
    if (!pid)
        _exit(wait_unserved((void *)waiting));
    while (!*waiting)
        sched_yield();
    works(kill(pid, SIGTERM), "SIGTERM");
    is(wait_status(pid), 1000 + SIGTERM, "does so, too");
    munmap((void *)waiting, PAGE);
}

static int exit_while_waiting(void *unused)
{
    (void)unused;
    set_up();
    start_waiting();
    return 6;
}

static void test_exit(void)
{
    is(in_child(exit_while_waiting, NULL), 6,
       "a task may exit while a thread of it waits");
}

static volatile int handled;

static void note(int number)
{
    handled = number;
}

static void test_signal(void)
{
    pthread_t thread;

    signal(SIGUSR1, note);
    set_up();
    thread = start_waiting();
    uffd_next(fd);
    is(pthread_kill(thread, SIGUSR1), 0, "a signal to a waiting thread");
    while (!handled)
        sched_yield();
    is(handled, SIGUSR1, "is handled while it waits");
    is(uffd_next_page(fd), (long)pages, "then it asks for the page again");
    must(!uffd_fill(fd, pages, 'h'));
    is(thread_join(thread), 'h', "and gets it");
    signal(SIGUSR1, SIG_DFL);
    tear_down();
}

static void test_dontneed(void)
{
    pthread_t thread;

    set_up();
    must(!uffd_fill(fd, pages, '1'));
    is(pages[0], '1', "a page is filled");
    works(madvise(pages, PAGE, MADV_DONTNEED), "given back");
    thread = start_waiting();
    is(uffd_next_page(fd), (long)pages, "and asked for again");
    must(!uffd_fill(fd, pages, '2'));
    is(thread_join(thread), '2', "with new bytes");
    tear_down();
}

/* Registration goes with the pages when mappings are split and replaced. */
static void test_split(void)
{
    set_up();
    munmap(pages + PAGE, PAGE);
    is(uffd_fill(fd, pages, 'a'), 0, "below a hole it is still registered");
    is(uffd_fill(fd, pages + 2 * PAGE, 'b'), 0, "above as well");
    must(mmap(pages + PAGE, PAGE, PROT_READ,
              MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == pages + PAGE);
    is(uffd_fill(fd, pages + PAGE, 'c'), -ENOENT, "a new mapping is not");
    is(pages[PAGE], 0, "it is an ordinary page");
    mprotect(pages + 3 * PAGE, PAGE, PROT_READ);
    is(uffd_fill(fd, pages + 3 * PAGE, 'd'), 0, "a protected one is");
    is(pages[3 * PAGE], 'd', "and was filled");
    tear_down();
}

int main(void)
{
    test_close();
    test_unregister();
    test_munmap();
    test_message_gone();
    test_fork();
    test_shared_descriptor();
    test_pager_dies();
    test_kill();
    test_exit();
    test_signal();
    test_dontneed();
    test_split();
    return done_testing();
}
