/*
 * What becomes of a wait on a descriptor that a signal breaks off, see
 * signal(7): reads and writes return EINTR or, given SA_RESTART, go on; those
 * that wait for many descriptors never go on. A stop and a continue without a
 * handler are noticed only by epoll. And what became ready is not lost.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>

#include "uffd_util.h"

static struct shared {
    volatile int handled, done;
    volatile long result;
} * shared;

static int fd;     /* what the child waits for */
static int behind; /* epoll: the eventfd in the set */

static void hit(int number)
{
    (void)number;
    shared->handled++;
}

static long result(long r)
{
    return r < 0 ? -errno : r;
}

/* ---- the waits, and what ends them ---- */

static void make_eventfd(void)
{
    fd = eventfd(0, 0);
}

static void make_full(void)
{
    fd = eventfd(0, 0);
    must(!eventfd_write(fd, 0xfffffffffffffffe));
}

static long do_read(void)
{
    unsigned long value[16];

    return result(read(fd, value, sizeof(value))) > 0 ? 0 : -errno;
}

static long do_write(void)
{
    unsigned long one = 1;

    return result(write(fd, &one, 8)) == 8 ? 0 : -errno;
}

static void end_eventfd(pid_t pid)
{
    (void)pid;
    must(!eventfd_write(fd, 1));
}

static void end_full(pid_t pid)
{
    unsigned long value;

    (void)pid;
    must(read(fd, &value, 8) == 8);
}

static void make_timerfd(void)
{
    fd = timerfd_create(CLOCK_MONOTONIC, 0);
}

static void end_timerfd(pid_t pid)
{
    const struct itimerspec soon = {{0, 0}, {0, 1}};

    (void)pid;
    must(!timerfd_settime(fd, 0, &soon, NULL));
}

static void make_signalfd(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    must(!sigprocmask(SIG_BLOCK, &set, NULL));
    fd = signalfd(-1, &set, 0);
}

static void end_signalfd(pid_t pid)
{
    must(!kill(pid, SIGUSR2));
}

static void make_userfaultfd(void)
{
    fd = uffd_new(0);
}

/* The parent's own fault, which the child's read takes. */
static void end_userfaultfd(pid_t pid)
{
    char *page = map_pages(1);
    pthread_t t;

    (void)pid;
    must(!uffd_register(fd, page, PAGE));
    t = thread_start(read_byte, page);
    while (!shared->done)
        sched_yield();
    must(!uffd_zero(fd, page, PAGE, NULL));
    thread_join(t);
}

static void make_epoll(void)
{
    struct epoll_event event = {.events = EPOLLIN};

    behind = eventfd(0, 0);
    fd = epoll_create1(0);
    must(!epoll_ctl(fd, EPOLL_CTL_ADD, behind, &event));
}

static long do_epoll(void)
{
    struct epoll_event event;

    return result(epoll_wait(fd, &event, 1, -1)) == 1 ? 0 : -errno;
}

static long do_epoll_mask(void)
{
    struct epoll_event event;
    sigset_t none;

    sigemptyset(&none);
    return result(epoll_pwait(fd, &event, 1, -1, &none)) == 1 ? 0 : -errno;
}

static void end_epoll(pid_t pid)
{
    (void)pid;
    must(!eventfd_write(behind, 1));
}

static long do_poll(void)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    return result(poll(&p, 1, -1)) == 1 ? 0 : -errno;
}

static long do_pselect(void)
{
    fd_set set;

    FD_ZERO(&set);
    FD_SET(fd, &set);
    return result(pselect(fd + 1, &set, NULL, NULL, NULL, NULL)) == 1 ? 0
                                                                      : -errno;
}

static pid_t watched;

static void make_pidfd(void)
{
    watched = fork();
    must(watched >= 0);
    if (!watched)
        for (;;)
            pause();
    fd = syscall(SYS_pidfd_open, watched, 0);
}

static void end_pidfd(pid_t pid)
{
    (void)pid;
    must(!kill(watched, SIGKILL));
    must(waitpid(watched, NULL, 0) == watched);
}

static const struct wait {
    const char *name;
    void (*make)(void);
    long (*call)(void);
    void (*end)(pid_t pid);
    int restarts; /* with SA_RESTART */
    int stop;     /* what a stop and continue make of it */
} waits[] = {
    {"read of an eventfd", make_eventfd, do_read, end_eventfd, 1, 0},
    {"write of an eventfd", make_full, do_write, end_full, 1, 0},
    {"read of a timerfd", make_timerfd, do_read, end_timerfd, 1, 0},
    {"read of a signalfd", make_signalfd, do_read, end_signalfd, 1, 0},
    {"read of a userfaultfd", make_userfaultfd, do_read, end_userfaultfd, 1, 0},
    {"epoll_wait", make_epoll, do_epoll, end_epoll, 0, -EINTR},
    {"epoll_pwait", make_epoll, do_epoll_mask, end_epoll, 0, -EINTR},
    {"poll of a timerfd", make_timerfd, do_poll, end_timerfd, 0, 0},
    {"poll of a pidfd", make_pidfd, do_poll, end_pidfd, 0, 0},
    {"pselect", make_eventfd, do_pselect, end_eventfd, 0, 0},
};

/* ---- the test ---- */

/* The letter of the task's state, see proc(5). */
static char state(pid_t pid)
{
    char name[32], text[256], *at;
    ssize_t n;
    int stat;

    snprintf(name, sizeof(name), "/proc/%d/stat", pid);
    stat = open(name, O_RDONLY);
    must(stat >= 0);
    n = read(stat, text, sizeof(text) - 1);
    close(stat);
    must(n > 0);
    text[n] = 0;
    at = strrchr(text, ')');
    return at ? at[2] : '?';
}

static void let_sleep(pid_t pid)
{
    while (state(pid) != 'S' && !shared->done)
        usleep(500);
}

static pid_t start(const struct wait *w, int flags)
{
    struct sigaction action = {.sa_handler = hit, .sa_flags = flags};
    pid_t pid;

    shared->handled = shared->done = 0;
    w->make();
    must(fd >= 0);
    pid = fork();
    must(pid >= 0);
    if (!pid) {
        sigaction(SIGUSR1, &action, NULL);
        shared->result = w->call();
        shared->done = 1;
        _exit(0);
    }
    let_sleep(pid);
    return pid;
}

/* Ended, if the wait went on, by what it waited for. */
static void finish(const struct wait *w, pid_t pid)
{
    int waited = !shared->done;

    w->end(pid);
    must(wait_status(pid) == 0);
    if (waited && shared->result)
        diag("%s: went on and returned %ld", w->name, shared->result);
    close(fd);
}

static void test_handler(const struct wait *w, int flags)
{
    long want = flags && w->restarts ? 0 : -EINTR;
    pid_t pid = start(w, flags);

    ok(!shared->done, "%s: waits", w->name);
    must(!kill(pid, SIGUSR1));
    while (!shared->handled)
        usleep(500);
    if (want)
        while (!shared->done)
            usleep(500);
    else
        let_sleep(pid);
    is(shared->done, want != 0, "ends or goes on");
    finish(w, pid);
    is(shared->result, want, "%s, handler%s", w->name,
       flags ? " with SA_RESTART" : "");
}

static void test_stop(const struct wait *w)
{
    pid_t pid = start(w, 0);
    int status;

    must(!kill(pid, SIGSTOP));
    must(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
    must(!kill(pid, SIGCONT));
    while (state(pid) == 'T')
        usleep(500);
    usleep(5000);
    finish(w, pid);
    is(shared->result, w->stop, "%s over a stop", w->name);
}

int main(void)
{
    shared = map_shared(1);
    for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        test_handler(&waits[i], 0);
        test_handler(&waits[i], SA_RESTART);
        test_stop(&waits[i]);
    }
    return done_testing();
}
