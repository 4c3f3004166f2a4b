/*
 * A pager that needs a page of its own is not lost as long as anybody is left
 * who may bring it: a thread or a task that never served before, or a signal's
 * handler, of itself or sent by one who cannot bring it.
 */
#define _GNU_SOURCE
#include <sys/time.h>

#include "uffd_util.h"

#define WHILE_NS 20000000 /* until help comes */

static char *page;
static int fd;

static void set_up(void)
{
    page = map_pages(1);
    fd = uffd_new(0);
    must(!uffd_register(fd, page, PAGE));
}

static void tear_down(void)
{
    close(fd);
    munmap(page, PAGE);
}

/* The current thread serves a page: it is a pager from then on. */
static void become_pager(void)
{
    pthread_t thread = thread_start(read_byte, page);

    must(!uffd_fill(fd, uffd_next_page(fd), 'b'));
    must(thread_join(thread) == (void *)'b');
    must(!madvise(page, PAGE, MADV_DONTNEED));
}

/* ---- threads ---- */

static void *fill_later(void *value)
{
    await_faults(fd, 1);
    return (void *)(long)uffd_fill(fd, page, (int)(long)value);
}

static void test_thread(int served)
{
    pthread_t thread;

    set_up();
    if (served)
        become_pager();
    thread = thread_start(fill_later, (void *)'t');
    is(*(volatile char *)page, 't', "a thread that never served brings it%s",
       served ? ", to one that did" : "");
    is(thread_join(thread), 0, "by filling it");
    tear_down();
}

static void *unregister_later(void *unused)
{
    await_faults(fd, 1);
    must(!uffd_unregister(fd, page, PAGE));
    return unused;
}

static void test_unregister(void)
{
    pthread_t thread;

    set_up();
    thread = thread_start(unregister_later, NULL);
    is(*(volatile char *)page, 0, "a thread ends the registration: zeros");
    thread_join(thread);
    tear_down();
}

static void *close_later(void *unused)
{
    await_faults(fd, 1);
    must(!close(fd));
    return unused;
}

static void test_close(void)
{
    pthread_t thread;

    set_up();
    thread = thread_start(close_later, NULL);
    is(*(volatile char *)page, 0, "a thread closes the descriptor: zeros");
    thread_join(thread);
    munmap(page, PAGE);
}

/* One that waits for it helps another one when it has been helped. */
static void *help_next(void *unused)
{
    must(*(volatile char *)page == 'n');
    must(!uffd_fill(fd, page + PAGE, 'x'));
    return unused;
}

static void *help_first(void *unused)
{
    await_faults(fd, 2);
    must(!uffd_fill(fd, page, 'n'));
    return unused;
}

static void test_chain(void)
{
    pthread_t first, next;

    page = map_pages(2);
    fd = uffd_new(0);
    must(!uffd_register(fd, page, 2 * PAGE));
    first = thread_start(help_first, NULL);
    next = thread_start(help_next, NULL);
    is(page[PAGE], 'x', "one who waited itself brings it");
    thread_join(next);
    thread_join(first);
    close(fd);
    munmap(page, 2 * PAGE);
}

/* ---- handlers ---- */

static volatile int handled, *handles; /* the handler has run; is there */

static void fill_now(int number)
{
    (void)number;
    handled = uffd_fill(fd, page, 'h') ? -1 : 1;
}

static int pager_alone(void *timer)
{
    struct itimerval soon = {.it_value.tv_usec = WHILE_NS / 1000};

    set_up();
    must(uffd_poll(fd) == POLLERR);
    must(signal(SIGALRM, fill_now) != SIG_ERR);
    if (timer)
        must(!setitimer(ITIMER_REAL, &soon, NULL));
    if (handles)
        *handles = 1;
    if (*(volatile char *)page != 'h')
        return 1;
    return handled == 1 ? 0 : 2;
}

/* The handler's own page is brought by another one's handler. */
static void fill_nested(int number)
{
    struct itimerval soon = {.it_value.tv_usec = WHILE_NS / 1000};

    (void)number;
    must(signal(SIGALRM, fill_now) != SIG_ERR);
    must(!setitimer(ITIMER_REAL, &soon, NULL));
    handled = 2 * (*(volatile char *)page == 'h');
}

static int pager_nested(void *unused)
{
    (void)unused;
    set_up();
    must(signal(SIGUSR1, fill_nested) != SIG_ERR);
    must(!raise(SIGUSR1));
    return handled == 2 ? 0 : 1;
}

/* Sent by one who has no descriptor. */
static void test_sent(void)
{
    pid_t pid;

    handles = map_shared(1);
    pid = fork();
    must(pid >= 0);
    if (!pid)
        _exit(pager_alone(NULL));
    while (!*handles)
        sched_yield();
    let_run();
    must(!kill(pid, SIGALRM));
    is(wait_status(pid), 0,
       "the handler of a signal that another task sends brings it");
}

/* ---- tasks ---- */

static int serve_parent(void *unused)
{
    (void)unused;
    await_faults(fd, 1);
    return -uffd_fill(fd, uffd_next_page(fd), 'c');
}

static void test_child(void)
{
    pid_t pid;

    set_up();
    pid = fork();
    must(pid >= 0);
    if (!pid)
        _exit(serve_parent(NULL));
    is(*(volatile char *)page, 'c',
       "a child that has the descriptor brings it");
    is(wait_status(pid), 0, "and ends");
    tear_down();
}

int main(void)
{
    test_thread(0);
    test_thread(1);
    test_unregister();
    test_close();
    test_chain();
    is(in_child(pager_alone, "timer"), 0, "an alarm's handler brings it");
    is(in_child(pager_nested, NULL), 0, "within another handler, too");
    test_sent();
    test_child();
    return done_testing();
}
