/*
 * SIGKILL reaches a task in the waits that kill_waits.c does not name: for
 * descriptors of all kinds, for timers and by unusual clocks, in execve(2) for
 * its own threads, and while timers, limits and real-time priorities are on.
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <sys/timerfd.h>

#include "kill_wait.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static uint64_t number;

static void get(int fd)
{
    if (read(fd, &number, sizeof(number)) < 0)
        _exit(1);
}

static void wait_eventfd(void)
{
    get(eventfd(0, 0));
}

static void wait_eventfd_write(void)
{
    int fd = eventfd(0, 0);

    number = ~0ull - 1;
    must(write(fd, &number, sizeof(number)) == sizeof(number));
    number = 1;
    if (write(fd, &number, sizeof(number)) < 0)
        _exit(1);
}

static void wait_timerfd(void)
{
    struct itimerspec day = {{0, 0}, {86400, 0}};
    int fd = timerfd_create(CLOCK_MONOTONIC, 0);

    must(!timerfd_settime(fd, 0, &day, NULL));
    get(fd);
}

static void wait_signalfd(void)
{
    char info[128];
    sigset_t set;

    sigfillset(&set);
    sigprocmask(SIG_SETMASK, &set, NULL);
    if (read(signalfd(-1, &set, 0), info, sizeof(info)) < 0)
        _exit(1);
}

static int add(int ep, int fd)
{
    struct epoll_event e = {.events = EPOLLIN};

    must(!epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
    return ep;
}

static void wait_epoll(void)
{
    struct epoll_event e;

    epoll_wait(add(epoll_create1(0), eventfd(0, 0)), &e, 1, -1);
}

static void wait_epoll_nested(void)
{
    int inner = add(epoll_create1(0), eventfd(0, 0));
    struct epoll_event e;

    epoll_wait(add(epoll_create1(0), inner), &e, 1, 86400000);
}

static void wait_epoll_mask(void)
{
    struct epoll_event e;
    sigset_t all;

    sigfillset(&all);
    epoll_pwait(epoll_create1(0), &e, 1, -1, &all);
}

static void wait_ppoll(void)
{
    struct pollfd p[2] = {{eventfd(0, 0), POLLIN, 0},
                          {timerfd_create(CLOCK_REALTIME, 0), POLLIN, 0}};
    struct timespec day = {86400, 0};
    sigset_t all;

    sigfillset(&all);
    ppoll(p, 2, &day, &all);
}

static void wait_clock(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += 86400;
    clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL);
}

static void wait_cpu_clock(void)
{
    struct timespec day = {86400, 0};

    clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, 0, &day, NULL);
}

static int words[2];

static void *waits_on_word(void *unused)
{
    syscall(SYS_futex, &words[0], FUTEX_WAIT_PRIVATE, 0, NULL);
    return unused;
}

/* Moved to another word while it sleeps. */
static void wait_requeued(void)
{
    thread_start(waits_on_word, NULL);
    while (syscall(SYS_futex, &words[0], FUTEX_REQUEUE_PRIVATE, 0, 1, &words[1],
                   0) != 1)
        pass_time(1000000);
    waits_on_word(NULL);
}

static void wait_bitset(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += 86400;
    syscall(SYS_futex, &words[0],
            FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 0, &t, NULL, 4);
}

static int sleeping_child(void)
{
    int pid = fork();

    if (!pid)
        for (;;)
            pause();
    shared->grandchild = pid;
    return syscall(SYS_pidfd_open, pid, 0);
}

static void wait_pidfd(void)
{
    struct pollfd p = {sleeping_child(), POLLIN, 0};

    poll(&p, 1, -1);
}

static void wait_pidfd_id(void)
{
    siginfo_t info;

    waitid(P_PIDFD, sleeping_child(), &info, WEXITED);
}

static void wait_sigtimed(void)
{
    struct timespec day = {86400, 0};
    sigset_t set;

    sigfillset(&set);
    sigprocmask(SIG_SETMASK, &set, NULL);
    sigtimedwait(&set, NULL, &day);
}

/* All that can be on at once. */
static void arm_timers(void)
{
    struct itimerval soon = {{0, 500}, {0, 500}};
    struct itimerspec often = {{0, 300000}, {0, 300000}};
    int id;

    signal(SIGALRM, SIG_IGN);
    signal(SIGPROF, SIG_IGN);
    signal(SIGVTALRM, SIG_IGN);
    setitimer(ITIMER_REAL, &soon, NULL);
    setitimer(ITIMER_PROF, &soon, NULL);
    setitimer(ITIMER_VIRTUAL, &soon, NULL);
    for (int i = 0; i < 3; i++) {
        must(!syscall(SYS_timer_create, i, NULL, &id));
        must(!syscall(SYS_timer_settime, id, 0, &often, NULL));
    }
}

static void wait_timers(void)
{
    arm_timers();
    for (;;)
        pause();
}

static volatile int never;

static void run_timers(void)
{
    arm_timers();
    while (!never)
        ;
}

static void wait_real_time(void)
{
    struct sched_param p = {.sched_priority = 50};

    must(!syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &p));
    wait_timers();
}

static void *execs(void *unused)
{
    char *argv[] = {NULL};

    syscall(SYS_execve, "/nowhere", argv, argv);
    return unused;
}

/* One thread after another ends, others begin, none ever gets anywhere. */
static void run_threads(void)
{
    pthread_t t;

    while (!never) {
        must(!pthread_create(&t, NULL, execs, NULL));
        pthread_join(t, NULL);
    }
}

static void run_forks(void)
{
    while (!never) {
        int pid = fork();

        if (!pid)
            _exit(0);
        waitpid(pid, NULL, 0);
    }
}

static const struct {
    const char *name;
    void (*wait)(void);
} waits[] = {
    {"read of an eventfd", wait_eventfd},
    {"write of an eventfd", wait_eventfd_write},
    {"read of a timerfd", wait_timerfd},
    {"read of a signalfd", wait_signalfd},
    {"epoll_wait", wait_epoll},
    {"epoll_wait of a set in a set", wait_epoll_nested},
    {"epoll_pwait, all signals blocked", wait_epoll_mask},
    {"ppoll", wait_ppoll},
    {"clock_nanosleep to a time", wait_clock},
    {"clock_nanosleep of CPU time", wait_cpu_clock},
    {"a futex it was moved to", wait_requeued},
    {"futex with a bitset", wait_bitset},
    {"poll of a pidfd", wait_pidfd},
    {"waitid of a pidfd", wait_pidfd_id},
    {"sigtimedwait", wait_sigtimed},
    {"pause with all timers on", wait_timers},
    {"running with all timers on", run_timers},
    {"SCHED_FIFO", wait_real_time},
    {"making threads", run_threads},
    {"making tasks", run_forks},
};

int main(void)
{
    shared = map_shared(1);
    for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++)
        test_wait(waits[i].name, waits[i].wait);
    return done_testing();
}
