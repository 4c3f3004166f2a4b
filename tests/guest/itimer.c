/*
 * Interval timers and alarm: they come when they should and not before,
 * repeat, tell what is left, are not inherited.
 */
#define _GNU_SOURCE
#include "probe.h"

#include <sched.h>
#include <sys/time.h>
#include <time.h>

static volatile int count, last, last_code;

static void note(int number, siginfo_t *info, void *context)
{
    (void)context;
    last = number;
    last_code = info->si_code;
    count++;
}

static void handle(int number)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO};

    action.sa_sigaction = note;
    must(!sigaction(number, &action, NULL));
    count = 0;
}

static long now_us(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int set(int which, long us, long interval)
{
    struct itimerval t = {{interval / 1000000, interval % 1000000},
                          {us / 1000000, us % 1000000}};

    return setitimer(which, &t, NULL);
}

static long left(int which)
{
    struct itimerval t;

    must(!getitimer(which, &t));
    return t.it_value.tv_sec * 1000000 + t.it_value.tv_usec;
}

/* Sets it for 30 ms and waits: how long it took, in us. The signal is blocked
 * up to the wait, which it must not miss. */
static long once(void)
{
    long begun = now_us(CLOCK_MONOTONIC), n;
    sigset_t its, old, none;

    sigemptyset(&none);
    sigemptyset(&its);
    sigaddset(&its, SIGALRM);
    must(!sigprocmask(SIG_BLOCK, &its, &old));
    works(set(ITIMER_REAL, 30000, 0), "setitimer");
    n = left(ITIMER_REAL);
    ok(n <= 30000 && n >= 30000 - (now_us(CLOCK_MONOTONIC) - begun),
       "getitimer");
    fails(sigsuspend(&none), EINTR, "SIGALRM ends a wait");
    begun = now_us(CLOCK_MONOTONIC) - begun;
    must(!sigprocmask(SIG_SETMASK, &old, NULL));
    return begun;
}

static void test_once(void)
{
    long us;

    handle(SIGALRM);
    us = once();
    ok(us >= 30000, "not too soon");
    for (int i = 0; i < 5 && us >= 300000; i++)
        us = once(); /* a host that is busy */
    ok(us < 300000, "nor late");
    is(last, SIGALRM, "it is SIGALRM");
    is(last_code, SI_KERNEL, "from the kernel");
    is(left(ITIMER_REAL), 0, "then nothing is left");
    count = 0;
    set(ITIMER_REAL, 10000, 0);
    while (!count)
        ;
    is(count, 1, "a busy task gets it too");
}

static void test_repeat(void)
{
    struct itimerval old, none = {{0, 0}, {0, 0}};
    long begun = now_us(CLOCK_MONOTONIC);

    handle(SIGALRM);
    works(set(ITIMER_REAL, 5000, 5000), "an interval");
    while (count < 5)
        usleep(500);
    ok(now_us(CLOCK_MONOTONIC) - begun >= 25000, "five of them");
    works(setitimer(ITIMER_REAL, &none, &old), "and off");
    is(old.it_interval.tv_usec, 5000, "what it was");
    ok(old.it_value.tv_usec > 0 && old.it_value.tv_usec <= 5000, "and left");
    count = 0;
    usleep(15000);
    is(count, 0, "off is off");
}

static void test_alarm(void)
{
    is(syscall(SYS_alarm, 100), 0, "alarm");
    is(syscall(SYS_alarm, 50), 100, "tells the seconds that were left");
    ok(left(ITIMER_REAL) > 49000000, "it is the real-time timer");
    is(syscall(SYS_alarm, 0), 50, "off");
    is(left(ITIMER_REAL), 0, "nothing left");
}

static int inherits(void *unused)
{
    (void)unused;
    return left(ITIMER_REAL) != 0;
}

static void test_fork(void)
{
    set(ITIMER_REAL, 20000000, 0);
    is(in_child(inherits, NULL), 0, "a child does not inherit it");
    ok(left(ITIMER_REAL) > 0, "its parent keeps it");
    set(ITIMER_REAL, 0, 0);
}

static int dies(void *unused)
{
    (void)unused;
    signal(SIGALRM, SIG_DFL);
    set(ITIMER_REAL, 5000, 0);
    while (pause())
        ;
    return 0;
}

/* A sleep that costs hardly any CPU time: tried again when the host took the
 * processor away meanwhile, which counts as work. */
static int sleeps(int which)
{
    for (int i = 0; i < 20; i++) {
        long begun = now_us(CLOCK_PROCESS_CPUTIME_ID);

        count = 0;
        must(!set(which, 30000, 0));
        usleep(60000);
        if (now_us(CLOCK_PROCESS_CPUTIME_ID) - begun < 15000)
            return !count;
    }
    return 0;
}

static void test_cpu(int which, int number, const char *name)
{
    long begun;

    handle(number);
    ok(sleeps(which), "%s does not run asleep", name);
    count = 0;
    begun = now_us(CLOCK_PROCESS_CPUTIME_ID);
    works(set(which, 30000, 0), "%s", name);
    while (!count)
        ;
    is(last, number, "%s comes", name);
    ok(now_us(CLOCK_PROCESS_CPUTIME_ID) - begun >= 20000,
       "%s after that much CPU time", name);
}

static void test_arguments(void)
{
    struct itimerval bad = {{0, 0}, {0, 1000000}};

    fails(getitimer(3, &bad), EINVAL, "no such timer");
    fails(setitimer(3, &bad, NULL), EINVAL, "no such timer to set");
    bad.it_value.tv_usec = 1000000;
    fails(setitimer(ITIMER_REAL, &bad, NULL), EINVAL, "a million us");
    bad.it_value.tv_usec = -1;
    fails(setitimer(ITIMER_REAL, &bad, NULL), EINVAL, "-1 us");
    bad.it_value.tv_usec = 0;
    bad.it_interval.tv_sec = -1;
    fails(setitimer(ITIMER_REAL, &bad, NULL), EINVAL, "an interval of -1 s");
    fails(syscall(SYS_getitimer, 0, NULL), EFAULT, "getitimer to nowhere");
    fails(syscall(SYS_setitimer, 0, 8, NULL), EFAULT, "setitimer from nowhere");
}

int main(void)
{
    test_arguments();
    test_once();
    test_repeat();
    test_alarm();
    test_fork();
    is(in_child(dies, NULL), 1000 + SIGALRM, "SIGALRM ends a task");
    test_cpu(ITIMER_PROF, SIGPROF, "ITIMER_PROF");
    test_cpu(ITIMER_VIRTUAL, SIGVTALRM, "ITIMER_VIRTUAL");
    return done_testing();
}
