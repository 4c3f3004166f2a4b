/*
 * Waiting for messages: poll(2), ppoll(2), select(2) and epoll(7), level and
 * edge, several readers, a reader in another task; and signals that come to
 * those who wait for a message or for a page.
 */
#define _GNU_SOURCE
#include "uffd_range.h"

#include <sys/epoll.h>
#include <sys/select.h>

enum {
    COUNT = 8
};

static void set_up(int flags)
{
    range_set_up(COUNT, flags | O_CLOEXEC, 0, UFFDIO_REGISTER_MODE_MISSING);
}

/* ---- readiness ---- */

static void *read_later(void *address)
{
    let_run();
    return read_byte(address);
}

static void serve_next(int value)
{
    must(!uffd_fill(fd, uffd_next_page(fd), value));
}

static void test_poll(void)
{
    struct pollfd entry;
    struct timespec soon = {.tv_nsec = 1000000};
    pthread_t thread;

    set_up(O_NONBLOCK);
    entry = (struct pollfd){.fd = fd, .events = POLLIN | POLLOUT};
    is(poll(&entry, 1, 0), 0, "poll: nothing yet");
    is(ppoll(&entry, 1, &soon, NULL), 0, "ppoll neither");
    thread = thread_start(read_later, pages);
    is(poll(&entry, 1, -1), 1, "a fault wakes poll");
    is(entry.revents, POLLIN, "POLLIN");
    is(poll(&entry, 1, -1), 1, "as long as it is not read");
    is(ppoll(&entry, 1, NULL, NULL), 1, "ppoll says the same");
    must(!uffd_fill(fd, pages, 'p'));
    is(thread_join(thread), 'p', "filled without its being read");
    is(poll(&entry, 1, 0), 0, "nothing is left to read");
    tear_down();
}

static void test_select(void)
{
    struct timeval none = {0};
    pthread_t thread;
    fd_set set;

    set_up(O_NONBLOCK);
    FD_ZERO(&set);
    FD_SET(fd, &set);
    is(select(fd + 1, &set, NULL, NULL, &none), 0, "select: nothing yet");
    FD_SET(fd, &set);
    thread = thread_start(read_later, pages);
    is(select(fd + 1, &set, NULL, NULL, NULL), 1, "a fault wakes select");
    ok(FD_ISSET(fd, &set), "readable");
    serve_next('s');
    is(thread_join(thread), 's', "and served");
    tear_down();
}

static int epoll_with(unsigned events)
{
    struct epoll_event event = {.events = events};
    int set = epoll_create1(0);

    must(set >= 0);
    must(!epoll_ctl(set, EPOLL_CTL_ADD, fd, &event));
    return set;
}

/* What is ready, or 0. */
static unsigned epoll_ask(int set, int timeout)
{
    struct epoll_event event;

    return epoll_wait(set, &event, 1, timeout) == 1 ? event.events : 0;
}

static void test_epoll_level(void)
{
    pthread_t thread;
    int set;

    set_up(O_NONBLOCK);
    set = epoll_with(EPOLLIN);
    is(epoll_ask(set, 0), 0, "epoll: nothing yet");
    thread = thread_start(read_later, pages);
    is(epoll_ask(set, -1), EPOLLIN, "a fault");
    is(epoll_ask(set, 0), EPOLLIN, "it is there still");
    must(uffd_next_page(fd) == pages);
    is(epoll_ask(set, 0), 0, "until it is read");
    must(!uffd_fill(fd, pages, 'e'));
    is(thread_join(thread), 'e', "and served");
    close(set);
    tear_down();
}

static void test_epoll_edge(void)
{
    pthread_t first, second;
    int set;

    set_up(O_NONBLOCK);
    set = epoll_with(EPOLLIN | EPOLLET);
    is(epoll_ask(set, 0), 0, "epoll by edge: nothing yet");
    first = thread_start(read_later, pages);
    is(epoll_ask(set, -1), EPOLLIN, "a fault");
    is(epoll_ask(set, 0), 0, "is told once");
    second = thread_start(read_later, pages + PAGE);
    is(epoll_ask(set, -1), EPOLLIN, "another one once more");
    is(epoll_ask(set, 0), 0, "only");
    serve_next('1');
    serve_next('2');
    ok(thread_join(first) && thread_join(second), "both are served");
    close(set);
    tear_down();
}

static void test_epoll_once(void)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT};
    pthread_t thread;
    int set;

    set_up(O_NONBLOCK);
    set = epoll_with(EPOLLIN | EPOLLONESHOT);
    thread = thread_start(read_later, pages);
    is(epoll_ask(set, -1), EPOLLIN, "EPOLLONESHOT: a fault");
    is(epoll_ask(set, 0), 0, "is told once");
    must(!epoll_ctl(set, EPOLL_CTL_MOD, fd, &event));
    is(epoll_ask(set, 0), EPOLLIN, "and again when asked for");
    serve_next('o');
    thread_join(thread);
    close(set);
    tear_down();
    set_up(0);
    set = epoll_with(EPOLLIN);
    is(epoll_ask(set, 0), EPOLLERR, "a descriptor that blocks: EPOLLERR");
    close(set);
    tear_down();
}

/* ---- readers ---- */

static void test_sizes(void)
{
    struct uffd_msg message[COUNT];
    pthread_t threads[3];

    set_up(O_NONBLOCK);
    fails(read(fd, message, 31), EINVAL, "room for less than a message");
    fails(read(fd, message, 32), EAGAIN, "none is there");
    for (int i = 0; i < 3; i++)
        threads[i] = thread_start(read_byte, pages + i * PAGE);
    while (uffd_count(fd, "pending:") < 3)
        sched_yield();
    is(read(fd, message, 95), 64, "room for nearly three: two");
    is(read(fd, message + 2, sizeof(message[0]) * 4), 32, "the third");
    for (int i = 0; i < 3; i++)
        must(!uffd_fill(
            fd, (void *)(unsigned long)message[i].arg.pagefault.address, 'z'));
    for (int i = 0; i < 3; i++)
        thread_join(threads[i]);
    tear_down();
}

static void *serve_two(void *unused)
{
    static int served;

    for (int i = 0; i < 2; i++) {
        char from[PAGE] __attribute__((aligned(4096)));

        memset(from, 't', PAGE);
        if (uffd_copy(fd, uffd_next_page(fd), from, PAGE))
            return (void *)-1;
        __atomic_add_fetch(&served, 1, __ATOMIC_SEQ_CST);
    }
    return unused;
}

/* Three readers that block, six faults: nobody gets another's. */
static void test_readers(void)
{
    pthread_t readers[3], threads[6];
    int wrong = 0;

    set_up(0);
    for (int i = 0; i < 3; i++)
        readers[i] = thread_start(serve_two, NULL);
    let_run();
    for (int i = 0; i < 6; i++)
        threads[i] = thread_start(read_byte, pages + i * PAGE);
    for (int i = 0; i < 6; i++)
        wrong += thread_join(threads[i]) != (void *)'t';
    for (int i = 0; i < 3; i++)
        wrong += thread_join(readers[i]) != NULL;
    is(wrong, 0, "three readers, six faults, each told once");
    tear_down();
}

static int poll_and_serve(void *count)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN};

    for (long i = 0; i < (long)count; i++)
        if (poll(&entry, 1, -1) != 1 || uffd_fill(fd, uffd_next_page(fd), 'c'))
            return 1;
    return 0;
}

/* A child polls what it inherited; its parent reads nothing. */
static void test_other_task(void)
{
    pid_t pid;

    set_up(O_NONBLOCK);
    pid = fork();
    must(pid >= 0);
    if (!pid)
        _exit(poll_and_serve((void *)3));
    for (int i = 0; i < 3; i++)
        is(*(volatile char *)(pages + i * PAGE), 'c', "a child serves");
    is(wait_status(pid), 0, "and ends");
    tear_down();
}

/* ---- signals ---- */

static volatile int handled;

static void note(int number)
{
    (void)number;
    handled++;
}

static void catch (int flags)
{
    struct sigaction action = {.sa_flags = flags};

    action.sa_handler = note;
    must(!sigaction(SIGUSR1, &action, NULL));
    handled = 0;
}

static volatile int read_ended;

static void *read_message(void *unused)
{
    struct uffd_msg message;
    ssize_t got = read(fd, &message, sizeof(message));

    (void)unused;
    read_ended = 1;
    return (void *)(got < 0 ? (long)-errno : (long)message.event);
}

static void signal_to(pthread_t thread)
{
    let_run();
    must(!pthread_kill(thread, SIGUSR1));
    let_run();
}

static void test_reader_signal(void)
{
    pthread_t reader, thread;

    set_up(0);
    catch (0);
    reader = thread_start(read_message, NULL);
    while (!read_ended)
        signal_to(reader);
    is(thread_join(reader), -EINTR, "a signal ends a read: EINTR");
    catch (SA_RESTART);
    read_ended = 0;
    reader = thread_start(read_message, NULL);
    while (!handled)
        signal_to(reader);
    ok(!read_ended, "SA_RESTART: the handler runs");
    thread = thread_start(read_byte, pages);
    is(thread_join(reader), UFFD_EVENT_PAGEFAULT, "and the read goes on");
    must(!uffd_fill(fd, pages, 'r'));
    thread_join(thread);
    tear_down();
}

/* A handler interrupts the wait for a page, whatever its flags. */
static void test_fault_signal(int flags)
{
    pthread_t thread;

    set_up(O_NONBLOCK);
    catch (flags);
    thread = thread_start(read_byte, pages);
    must(uffd_next_page(fd) == pages);
    for (int i = 1; i <= 3; i++) {
        signal_to(thread);
        while (handled < i)
            sched_yield();
    }
    is(handled, 3, "handlers run while a page is waited for");
    must(!uffd_fill(fd, pages, 'f'));
    is(thread_join(thread), 'f', "which comes at last");
    tear_down();
}

static void *random_bytes(void *address)
{
    return (void *)syscall(SYS_getrandom, address, 16, 0);
}

static void *block_signal(void *set)
{
    return (void *)syscall(SYS_rt_sigprocmask, SIG_BLOCK, set, NULL, 8);
}

/* In a system call it has to wait. */
static void test_call_signal(void *(*call)(void *), long result, int value)
{
    pthread_t thread;

    set_up(O_NONBLOCK);
    catch (0);
    thread = thread_start(call, pages);
    while (!uffd_poll(fd))
        sched_yield();
    signal_to(thread);
    is(handled, 0, "no handler runs while a call waits for a page");
    must(!uffd_fill(fd, pages, value));
    is(thread_join(thread), result, "the call does all of it");
    is(handled, 1, "and then the handler");
    tear_down();
}

int main(void)
{
    test_poll();
    test_select();
    test_epoll_level();
    test_epoll_edge();
    test_epoll_once();
    test_sizes();
    test_readers();
    test_other_task();
    test_reader_signal();
    test_fault_signal(0);
    test_fault_signal(SA_RESTART);
    test_call_signal(random_bytes, 16, 0);
    test_call_signal(block_signal, 0, 0);
    return done_testing();
}
