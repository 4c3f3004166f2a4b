/*
 * timerfd_create(2) and signalfd(2): timers and signals to be read, polled
 * and waited for with epoll(7).
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>

#include "probe.h"

#define MS 1000000l

static long now_ns(clockid_t clock)
{
    struct timespec t;

    must(!clock_gettime(clock, &t));
    return t.tv_sec * 1000000000 + t.tv_nsec;
}

static int set(int fd, int flags, long value, long interval)
{
    struct itimerspec t = {
        {interval / 1000000000, interval % 1000000000},
        {value / 1000000000, value % 1000000000},
    };

    return timerfd_settime(fd, flags, &t, NULL);
}

static long left(int fd)
{
    struct itimerspec t;

    must(!timerfd_gettime(fd, &t));
    return t.it_value.tv_sec * 1000000000 + t.it_value.tv_nsec;
}

/* What a read gets, or -errno. */
static long take(int fd)
{
    uint64_t n = 0;

    return read(fd, &n, sizeof(n)) == sizeof(n) ? (long)n : -errno;
}

static int readable(int fd)
{
    struct pollfd p = {fd, POLLIN, 0};

    return poll(&p, 1, 0);
}

static void test_timer(clockid_t clock)
{
    int fd = timerfd_create(clock, TFD_NONBLOCK | TFD_CLOEXEC);
    struct pollfd p = {fd, POLLIN, 0};
    long begun = now_ns(CLOCK_MONOTONIC), n;

    must(fd >= 0);
    is(fcntl(fd, F_GETFD), FD_CLOEXEC, "closed by exec");
    is(take(fd), -EAGAIN, "nothing yet");
    is(left(fd), 0, "it is off");
    works(set(fd, 0, 40 * MS, 0), "set");
    n = left(fd);
    ok(n <= 40 * MS && n >= 40 * MS - (now_ns(CLOCK_MONOTONIC) - begun),
       "time is left");
    ok(!readable(fd) || now_ns(CLOCK_MONOTONIC) - begun >= 40 * MS,
       "not readable");
    is(poll(&p, 1, 1000), 1, "poll waits for it");
    ok(now_ns(CLOCK_MONOTONIC) - begun >= 40 * MS, "not too soon");
    is(take(fd), 1, "once");
    is(take(fd), -EAGAIN, "no more");
    begun = now_ns(CLOCK_MONOTONIC);
    works(set(fd, TFD_TIMER_ABSTIME, now_ns(clock) + 5 * MS, 5 * MS), "again");
    is(poll(&p, 1, 1000), 1, "and again");
    usleep(22000);
    n = take(fd);
    begun = now_ns(CLOCK_MONOTONIC) - begun;
    ok(n >= 4 && n <= begun / (5 * MS), "what was missed is counted (%ld)", n);
    ok(left(fd) <= 5 * MS, "the next one comes");
    usleep(6000);
    works(set(fd, 0, 0, 0), "off");
    is(take(fd), -EAGAIN, "forgets what was there");
    works(set(fd, TFD_TIMER_ABSTIME, 1, 0), "long past");
    is(poll(&p, 1, 1000), 1, "is at once");
    works(close(fd), "closed");
}

static void *reads(void *fd)
{
    return (void *)take(*(int *)fd);
}

static void test_waiting(void)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, 0), ep = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLIN, .data.u32 = 7};
    pthread_t t;
    void *got;

    must(!pthread_create(&t, NULL, reads, &fd));
    usleep(2000);
    works(set(fd, 0, 5 * MS, 0), "set while somebody reads");
    pthread_join(t, &got);
    is((long)got, 1, "who gets it");
    must(!epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
    is(epoll_wait(ep, &e, 1, 0), 0, "nothing");
    works(set(fd, 0, 3 * MS, 0), "set");
    e.data.u32 = 0;
    is(epoll_wait(ep, &e, 1, 1000), 1, "epoll");
    is(e.data.u32, 7, "tells which");
    close(ep);
    close(fd);
}

static void test_timer_errors(void)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, 0);
    struct itimerspec t = {{0, 0}, {0, 1000000000}};
    char small[4];

    fails(timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0), EINVAL, "CPU time");
    fails(timerfd_create(99, 0), EINVAL, "clock 99");
    fails(timerfd_create(CLOCK_MONOTONIC, 1), EINVAL, "flags");
    fails(timerfd_settime(fd, 0, &t, NULL), EINVAL, "1e9 ns");
    fails(timerfd_settime(fd, 8, &t, NULL), EINVAL, "flags");
    fails(syscall(SYS_timerfd_settime, fd, 0, NULL, NULL), EFAULT, "no time");
    t.it_value.tv_nsec = 1;
    fails(timerfd_settime(99, 0, &t, NULL), EBADF, "no descriptor");
    fails(timerfd_settime(0, 0, &t, NULL), EINVAL, "no timerfd");
    fails(timerfd_gettime(0, &t), EINVAL, "nor this");
    fails(syscall(SYS_timerfd_gettime, fd, NULL), EFAULT, "to nowhere");
    fails(read(fd, small, sizeof(small)), EINVAL, "no room");
    fails(write(fd, small, 4), EINVAL, "it cannot be written");
    close(fd);
}

/* ---- signals ---- */

static sigset_t some(int a, int b)
{
    sigset_t s;

    sigemptyset(&s);
    sigaddset(&s, a);
    sigaddset(&s, b);
    return s;
}

static volatile int other_sends;

static void *sends(void *unused)
{
    usleep(5000);
    kill(getpid(), SIGUSR1);
    return unused;
}

static void test_signals(void)
{
    sigset_t s = some(SIGUSR1, SIGRTMIN + 1), old, t = some(SIGUSR2, SIGUSR2);
    struct signalfd_siginfo info[3];
    union sigval v = {.sival_int = 1234};
    pthread_t thread;
    int fd;

    sigprocmask(SIG_BLOCK, &s, &old);
    fd = signalfd(-1, &s, SFD_NONBLOCK);
    must(fd >= 0);
    is(readable(fd), 0, "no signal");
    fails(read(fd, info, sizeof(info)), EAGAIN, "to read");
    must(!kill(getpid(), SIGUSR1));
    is(readable(fd), 1, "one pending");
    is(read(fd, info, sizeof(info)), sizeof(info[0]), "read");
    is(info[0].ssi_signo, SIGUSR1, "its number");
    is(info[0].ssi_code, SI_USER, "its code");
    is(info[0].ssi_pid, getpid(), "its sender");
    is(readable(fd), 0, "it is taken");
    must(!sigqueue(getpid(), SIGRTMIN + 1, v));
    v.sival_int++;
    must(!sigqueue(getpid(), SIGRTMIN + 1, v));
    is(read(fd, info, sizeof(info)), 2 * sizeof(info[0]), "two at once");
    is(info[0].ssi_int, 1234, "in order");
    is(info[1].ssi_int, 1235, "with their values");
    is(info[1].ssi_code, SI_QUEUE, "and code");
    is(signalfd(fd, &t, 0), fd, "another set");
    must(!kill(getpid(), SIGUSR1));
    is(readable(fd), 0, "SIGUSR1 no longer");
    is(signalfd(fd, &s, 0), fd, "back");
    is(readable(fd), 1, "again");
    is(read(fd, info, sizeof(info)), sizeof(info[0]), "read");
    must(!fcntl(fd, F_SETFL, 0));
    must(!pthread_create(&thread, NULL, sends, NULL));
    is(read(fd, info, sizeof(info)), sizeof(info[0]), "a read waits");
    pthread_join(thread, NULL);
    fails(read(fd, info, 100), EINVAL, "no room");
    fails(signalfd(99, &s, 0), EBADF, "no descriptor");
    fails(signalfd(0, &s, 0), EINVAL, "no signalfd");
    fails(signalfd(-1, &s, 1), EINVAL, "flags");
    fails(syscall(SYS_signalfd4, -1, &s, 4, 0), EINVAL, "half a set");
    fails(syscall(SYS_signalfd4, -1, 8, 8, 0), EFAULT, "no set");
    close(fd);
    sigprocmask(SIG_SETMASK, &old, NULL);
}

static int exits(void *unused)
{
    (void)unused;
    return 5;
}

static void test_child(void)
{
    sigset_t s = some(SIGCHLD, SIGCHLD), old;
    struct epoll_event e = {.events = EPOLLIN};
    struct signalfd_siginfo info;
    int fd, ep = epoll_create1(0);

    sigprocmask(SIG_BLOCK, &s, &old);
    fd = signalfd(-1, &s, 0);
    must(!epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
    is(epoll_wait(ep, &e, 1, 0), 0, "no child");
    is(in_child(exits, NULL), 5, "one ended");
    is(epoll_wait(ep, &e, 1, 1000), 1, "epoll sees its signal");
    is(read(fd, &info, sizeof(info)), sizeof(info), "read");
    is(info.ssi_signo, SIGCHLD, "SIGCHLD");
    is(info.ssi_code, CLD_EXITED, "it ended");
    is(info.ssi_status, 5, "with its status");
    close(fd);
    close(ep);
    sigprocmask(SIG_SETMASK, &old, NULL);
}

int main(void)
{
    test_timer(CLOCK_MONOTONIC);
    test_timer(CLOCK_REALTIME);
    test_waiting();
    test_timer_errors();
    test_signals();
    test_child();
    return done_testing();
}
