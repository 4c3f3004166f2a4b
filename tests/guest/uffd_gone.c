/*
 * The descriptor that a fork brings: what it has of the parent's, and what it
 * answers when the child's memory is no more.
 */
#define _GNU_SOURCE
#include <sys/resource.h>

#include "uffd_range.h"

#define EVENTS                                                                 \
    (UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMOVE |                     \
     UFFD_FEATURE_EVENT_UNMAP)
#define MODES (UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP)

enum {
    COUNT = 8
};

static int child_fd;
static int (*child_main)(void);

static void *do_fork(void *unused)
{
    pid_t pid = fork();

    (void)unused;
    must(pid >= 0);
    if (!pid)
        _exit(child_main());
    return (void *)(long)pid;
}

static struct uffd_msg next_of(int from, int event)
{
    struct uffd_msg message;

    while (read(from, &message, sizeof(message)) != sizeof(message)) {
        must(errno == EAGAIN || errno == EINTR);
        sched_yield();
    }
    must(message.event == event);
    return message;
}

/* Forks a child that runs work; its descriptor is child_fd. */
static pid_t set_up(int (*work)(void))
{
    pthread_t thread;

    range_set_up(COUNT, O_NONBLOCK, EVENTS, MODES);
    child_main = work;
    thread = thread_start(do_fork, NULL);
    child_fd = next_of(fd, UFFD_EVENT_FORK).arg.fork.ufd;
    return (long)thread_join(thread);
}

static int end_now(void)
{
    return 0;
}

/* A child that is told of as its parent was asked to be. */
static int tell_all(void)
{
    pid_t pid;
    int status;

    if (munmap(pages + 2 * PAGE, PAGE) || madvise(pages, PAGE, MADV_DONTNEED))
        return 1;
    pid = fork();
    if (!pid)
        _exit(7);
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return 2;
    return WEXITSTATUS(status) == 7 ? 0 : 3;
}

static void test_inherits(void)
{
    pid_t pid = set_up(tell_all);
    struct uffd_msg message = next_of(child_fd, UFFD_EVENT_UNMAP);
    struct uffdio_api api;

    is(message.arg.remove.start, (long)(pages + 2 * PAGE),
       "the child's munmap is told");
    message = next_of(child_fd, UFFD_EVENT_REMOVE);
    is(message.arg.remove.start, (long)pages, "its MADV_DONTNEED is");
    close(next_of(child_fd, UFFD_EVENT_FORK).arg.fork.ufd);
    is(wait_status(pid), 0, "and its fork");
    is(uffd_poll(fd), 0, "through its own descriptor alone");
    is(uffd_api(child_fd, 0, &api), -EINVAL, "which had its handshake");
    close(child_fd);
    tear_down();
}

#define UNTOUCHED 12345

/* Of the first page; -1000: the structure does not hold the count. */
static int fill_first(unsigned long request, long count)
{
    struct uffdio_zeropage fill = {
        .range = {.start = (unsigned long)pages, .len = PAGE},
        .zeropage = UNTOUCHED,
    };
    int r = uffd_ioctl(child_fd, request, &fill);

    return fill.zeropage == count ? r : -1000;
}

static void test_gone(void)
{
    pid_t pid = set_up(end_now);
    struct uffdio_move move = {(long)pages, (long)(pages + PAGE), PAGE, 0, 12};
    long copied;

    must(wait_status(pid) == 0);
    is(uffd_copy_mode(child_fd, pages, source, PAGE, 0, &copied), -ESRCH,
       "the child has ended: UFFDIO_COPY");
    is(copied, UNTOUCHED, "which counts nothing");
    is(fill_first(UFFDIO_ZEROPAGE, UNTOUCHED), -ESRCH, "UFFDIO_ZEROPAGE");
    is(fill_first(UFFDIO_CONTINUE, UNTOUCHED), -ESRCH, "UFFDIO_CONTINUE");
    is(fill_first(UFFDIO_POISON, UNTOUCHED), -ESRCH, "UFFDIO_POISON");
    is(uffd_protect(child_fd, pages, PAGE, UFFDIO_WRITEPROTECT_MODE_WP), -ESRCH,
       "UFFDIO_WRITEPROTECT");
    is(uffd_protect(child_fd, pages, 2 * PAGE, 0), -ESRCH, "or of none");
    is(uffd_register(child_fd, pages, PAGE), -ENOMEM, "UFFDIO_REGISTER");
    is(uffd_unregister(child_fd, pages, PAGE), -ENOMEM, "UFFDIO_UNREGISTER");
    is(uffd_ioctl(child_fd, UFFDIO_MOVE, &move), -EINVAL,
       "UFFDIO_MOVE: it was another's memory");
    is(uffd_wake(child_fd, pages, PAGE), 0, "UFFDIO_WAKE has none to wake");
    is(uffd_poll(child_fd), 0, "there is nothing to read");
    close(child_fd);
    tear_down();
}

static void *unmap_last(void *unused)
{
    (void)unused;
    return (void *)(long)munmap(pages + (COUNT - 1) * PAGE, PAGE);
}

/* There is no room for the child's descriptor when its event is read. */
static void test_no_room(void)
{
    struct rlimit was, none;
    struct uffd_msg message;
    pthread_t thread;

    range_set_up(COUNT, O_NONBLOCK, EVENTS, MODES);
    child_main = end_now;
    must(getrlimit(RLIMIT_NOFILE, &was) == 0);
    none = was;
    none.rlim_cur = fd + 1;
    thread = thread_start(do_fork, NULL);
    while (!uffd_poll(fd))
        sched_yield();
    must(setrlimit(RLIMIT_NOFILE, &none) == 0);
    fails(read(fd, &message, sizeof(message)), EMFILE,
          "a fork's event without room for its descriptor");
    must(setrlimit(RLIMIT_NOFILE, &was) == 0);
    child_fd = next_of(fd, UFFD_EVENT_FORK).arg.fork.ufd;
    ok(child_fd > fd, "is read when there is");
    is(wait_status((long)thread_join(thread)), 0, "the child ends");
    is(uffd_copy(child_fd, pages, source, PAGE), -ESRCH, "it was its memory");
    close(child_fd);
    tear_down();
}

/* While an event waits to be read. */
static void test_changing(void)
{
    struct uffdio_move move = {(long)pages, (long)(pages + PAGE), PAGE, 0, 12};
    pthread_t thread;
    long copied;

    range_set_up(COUNT, O_NONBLOCK, EVENTS, MODES);
    must(!uffd_fill(fd, pages + PAGE, 'c'));
    thread = thread_start(unmap_last, NULL);
    while (!uffd_poll(fd))
        sched_yield();
    child_fd = fd;
    is(uffd_copy_mode(fd, pages, source, PAGE, 0, &copied), -EAGAIN,
       "an event to be read: UFFDIO_COPY");
    is(copied, -EAGAIN, "says so in the structure");
    is(fill_first(UFFDIO_ZEROPAGE, -EAGAIN), -EAGAIN, "UFFDIO_ZEROPAGE");
    is(fill_first(UFFDIO_CONTINUE, -EAGAIN), -EAGAIN, "UFFDIO_CONTINUE");
    is(fill_first(UFFDIO_POISON, -EAGAIN), -EAGAIN, "UFFDIO_POISON");
    is(uffd_ioctl(fd, UFFDIO_MOVE, &move), -EAGAIN, "UFFDIO_MOVE");
    is(move.move, -EAGAIN, "says so, too");
    is(uffd_protect(fd, pages + PAGE, PAGE, UFFDIO_WRITEPROTECT_MODE_WP),
       -EAGAIN, "UFFDIO_WRITEPROTECT");
    is(uffd_protect(fd, pages + PAGE, PAGE, 0), -EAGAIN, "or its end");
    is(uffd_protect(fd, pages, 2 * PAGE, 0), -EAGAIN, "of two pages");
    is(uffd_wake(fd, pages, PAGE), 0, "but not UFFDIO_WAKE");
    is(uffd_register(fd, pages, PAGE), 0, "nor UFFDIO_REGISTER");
    (void)next_of(fd, UFFD_EVENT_UNMAP);
    is(thread_join(thread), 0, "read of, it is done");
    is(uffd_fill(fd, pages, 'f'), 0, "and filling works");
    tear_down();
}

int main(void)
{
    test_inherits();
    test_gone();
    test_changing();
    test_no_room();
    return done_testing();
}
