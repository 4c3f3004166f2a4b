/*
 * timer_create(2) and its kin, through the raw calls: once and again, what is
 * left, what was missed, to a thread, to nobody, of CPU time; and
 * clock_nanosleep(2) on every kind of clock.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <time.h>

#include "probe.h"

#define MS 1000000l

struct event {
    union sigval value;
    int signo, notify, tid, pad[11];
};

static volatile int count, last_signo, last_code, last_overrun, last_value,
    last_tid, last_id, first_overrun;

static void note(int number, siginfo_t *info, void *context)
{
    (void)context;
    last_signo = number;
    last_code = info->si_code;
    last_overrun = info->si_overrun;
    if (!count)
        first_overrun = last_overrun;
    last_id = info->si_timerid;
    last_value = info->si_value.sival_int;
    last_tid = syscall(SYS_gettid);
    count++;
}

static void handle(int number)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO};

    action.sa_sigaction = note;
    must(!sigaction(number, &action, NULL));
    count = 0;
}

static long now_ns(clockid_t clock)
{
    struct timespec t;

    must(!clock_gettime(clock, &t));
    return t.tv_sec * 1000000000 + t.tv_nsec;
}

static struct timespec spec(long ns)
{
    return (struct timespec){ns / 1000000000, ns % 1000000000};
}

static int set(int id, int flags, long value, long interval)
{
    struct itimerspec t = {spec(interval), spec(value)};

    return syscall(SYS_timer_settime, id, flags, &t, NULL);
}

static long left(int id, long *interval)
{
    struct itimerspec t;

    must(!syscall(SYS_timer_gettime, id, &t));
    if (interval)
        *interval = t.it_interval.tv_sec * 1000000000 + t.it_interval.tv_nsec;
    return t.it_value.tv_sec * 1000000000 + t.it_value.tv_nsec;
}

static int create(clockid_t clock, int notify, int signo, int value)
{
    struct event e = {.signo = signo, .notify = notify, .tid = gettid()};
    int id = -1;

    e.value.sival_int = value;
    must(!syscall(SYS_timer_create, clock, &e, &id));
    return id;
}

/* What is left of so much that was set at begun: a machine that stands still
 * now and then must not matter. */
static int plausible(long is_left, long set_to, long begun)
{
    long gone = now_ns(CLOCK_MONOTONIC) - begun;

    return is_left <= set_to && is_left >= set_to - gone && is_left >= 0;
}

/* Until so many signals have come. Not pause(): the last may come before. */
static void wait_for(int signals)
{
    while (count < signals)
        usleep(500);
}

static void test_once(clockid_t clock, const char *name)
{
    int id = create(clock, SIGEV_SIGNAL, SIGRTMIN + 3, 77);
    long begun = now_ns(CLOCK_MONOTONIC), interval;

    handle(SIGRTMIN + 3);
    is(left(id, &interval), 0, "%s: off at first", name);
    works(set(id, 0, 40 * MS, 0), "%s: set", name);
    ok(plausible(left(id, &interval), 40 * MS, begun), "runs");
    wait_for(1);
    ok(now_ns(CLOCK_MONOTONIC) - begun >= 40 * MS, "not too soon");
    is(last_signo, SIGRTMIN + 3, "its signal");
    is(last_code, SI_TIMER, "is a timer's");
    is(last_value, 77, "with its value");
    is(last_id, id, "and number");
    is(last_overrun, 0, "nothing missed");
    is(left(id, &interval), 0, "it is over");
    works(set(id, TIMER_ABSTIME, now_ns(clock) + 5 * MS, 0), "up to a time");
    wait_for(2);
    works(set(id, TIMER_ABSTIME, 1, 0), "a time long past");
    wait_for(3);
    works(syscall(SYS_timer_delete, id), "deleted");
}

/* With its signal blocked for a while. More signals may come right after. */
static void test_missed(int id, const sigset_t *its_signal)
{
    long begun = now_ns(CLOCK_MONOTONIC), unblocked, end, is_left;
    sigset_t old;

    sigprocmask(SIG_BLOCK, its_signal, &old);
    count = 0;
    usleep(42000);
    is_left = left(id, NULL);
    unblocked = now_ns(CLOCK_MONOTONIC);
    sigprocmask(SIG_SETMASK, &old, NULL);
    sigprocmask(SIG_BLOCK, its_signal, NULL);
    end = now_ns(CLOCK_MONOTONIC);
    ok(is_left > 0 && is_left <= 5 * MS, "goes on while blocked");
    ok(count >= 1 && count <= (end - unblocked) / (5 * MS) + 2,
       "one signal for all that was missed (%d)", count);
    ok(first_overrun >= 5 && first_overrun <= (end - begun) / (5 * MS) + 2,
       "it says how much (%d)", first_overrun);
    is(syscall(SYS_timer_getoverrun, id), last_overrun, "as timer_getoverrun");
    sigprocmask(SIG_SETMASK, &old, NULL);
}

static void test_repeat(void)
{
    int id = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1, 5);
    long interval, begun = now_ns(CLOCK_MONOTONIC);
    sigset_t set_, old;

    handle(SIGUSR1);
    works(set(id, 0, 3 * MS, 5 * MS), "periodic");
    wait_for(4);
    ok(now_ns(CLOCK_MONOTONIC) - begun >= 18 * MS, "four of them");
    ok(left(id, &interval) <= 5 * MS, "the next is near");
    is(interval, 5 * MS, "the period");
    sigemptyset(&set_);
    sigaddset(&set_, SIGUSR1);
    test_missed(id, &set_);
    works(set(id, 0, 0, 0), "off");
    count = 0;
    usleep(12000);
    is(count, 0, "is off");
    sigprocmask(SIG_BLOCK, &set_, &old);
    works(set(id, 0, 1, 1), "every nanosecond");
    usleep(3000);
    works(set(id, 0, 0, 0), "off again");
    sigprocmask(SIG_SETMASK, &old, NULL);
    is(count, 1, "does not keep us from running");
    works(syscall(SYS_timer_delete, id), "deleted");
}

static void test_ignored(void)
{
    int id = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR2, 0);

    signal(SIGUSR2, SIG_IGN);
    works(set(id, 0, 2 * MS, 2 * MS), "its signal is ignored");
    usleep(10000);
    handle(SIGUSR2);
    wait_for(1);
    ok(count >= 1, "it goes on when it no longer is");
    works(syscall(SYS_timer_delete, id), "deleted");
}

static void test_none(void)
{
    int id = create(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0);
    long interval, begun = now_ns(CLOCK_MONOTONIC);

    works(set(id, 0, 40 * MS, 0), "to nobody");
    ok(plausible(left(id, NULL), 40 * MS, begun), "runs");
    usleep(42000);
    is(left(id, NULL), 0, "and ends");
    works(set(id, 0, 2 * MS, 10 * MS), "periodic");
    usleep(5000);
    ok(left(id, &interval) > 0 && left(id, &interval) <= 10 * MS, "again");
    works(syscall(SYS_timer_delete, id), "deleted");
}

static volatile int target, done;

static void *waits(void *unused)
{
    target = gettid();
    while (!done)
        usleep(1000);
    return unused;
}

static void test_thread(void)
{
    struct event e = {.signo = SIGRTMIN + 4, .notify = SIGEV_THREAD_ID};
    pthread_t t;
    int id;

    handle(SIGRTMIN + 4);
    must(!pthread_create(&t, NULL, waits, NULL));
    while (!target)
        usleep(1000);
    e.tid = target;
    works(syscall(SYS_timer_create, CLOCK_MONOTONIC, &e, &id), "to a thread");
    works(set(id, 0, 2 * MS, 0), "set");
    while (!count)
        usleep(1000);
    is(last_tid, target, "that thread takes it");
    done = 1;
    pthread_join(t, NULL);
    works(syscall(SYS_timer_delete, id), "deleted");
    e.tid = 4000000;
    fails(syscall(SYS_timer_create, CLOCK_MONOTONIC, &e, &id), EINVAL,
          "no such thread");
}

/* A sleep that costs hardly any CPU time, with the timer set: tried again when
 * the host took the processor away meanwhile, which counts as work. */
static int sleeps(int id, clockid_t clock)
{
    for (int i = 0; i < 20; i++) {
        long begun, gone, is_left;

        count = 0;
        begun = now_ns(clock);
        must(!set(id, 0, 20 * MS, 0));
        usleep(40000);
        is_left = left(id, NULL);
        gone = now_ns(clock) - begun;
        if (gone < 10 * MS)
            return !count && is_left > 10 * MS && is_left <= 20 * MS;
    }
    return 0;
}

static void test_cpu(clockid_t clock, const char *name)
{
    int id = create(clock, SIGEV_SIGNAL, SIGRTMIN + 5, 0);
    long begun;

    handle(SIGRTMIN + 5);
    ok(sleeps(id, clock), "%s: not asleep", name);
    count = 0;
    begun = now_ns(clock);
    works(set(id, 0, 20 * MS, 0), "%s: set", name);
    while (!count)
        ;
    ok(now_ns(clock) - begun >= 20 * MS, "%s: that much CPU time", name);
    works(syscall(SYS_timer_delete, id), "deleted");
}

static int inherits(void *id)
{
    struct itimerspec t;

    return syscall(SYS_timer_gettime, *(int *)id, &t) != -1 || errno != EINVAL;
}

static void test_errors(void)
{
    struct itimerspec bad = {{0, 0}, {0, 1000000000}};
    struct event e = {.signo = SIGUSR1, .notify = 3};
    int id = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1, 0);

    is(in_child(inherits, &id), 0, "a child does not inherit it");
    fails(syscall(SYS_timer_settime, id, 0, &bad, NULL), EINVAL, "1e9 ns");
    bad.it_value.tv_nsec = 0;
    bad.it_interval.tv_sec = -1;
    fails(syscall(SYS_timer_settime, id, 0, &bad, NULL), EINVAL, "-1 s");
    fails(syscall(SYS_timer_settime, id, 0, NULL, NULL), EINVAL, "no time");
    fails(syscall(SYS_timer_settime, id, 0, 8, NULL), EFAULT, "from nowhere");
    fails(syscall(SYS_timer_gettime, id, NULL), EFAULT, "to nowhere");
    works(syscall(SYS_timer_delete, id), "deleted");
    fails(syscall(SYS_timer_delete, id), EINVAL, "once only");
    fails(syscall(SYS_timer_gettime, id, &bad), EINVAL, "gone");
    fails(syscall(SYS_timer_getoverrun, id), EINVAL, "gone");
    fails(set(id, 0, 1, 0), EINVAL, "gone");
    fails(syscall(SYS_timer_create, CLOCK_MONOTONIC, &e, &id), EINVAL,
          "no way to notify");
    e.notify = SIGEV_SIGNAL;
    e.signo = 0;
    fails(syscall(SYS_timer_create, CLOCK_MONOTONIC, &e, &id), EINVAL,
          "no signal");
    e.signo = 65;
    fails(syscall(SYS_timer_create, CLOCK_MONOTONIC, &e, &id), EINVAL,
          "signal 65");
    e.signo = SIGUSR1;
    fails(syscall(SYS_timer_create, 77, &e, &id), EINVAL, "clock 77");
    fails(syscall(SYS_timer_create, CLOCK_MONOTONIC_COARSE, &e, &id),
          EOPNOTSUPP, "a coarse clock");
    fails(syscall(SYS_timer_create, CLOCK_MONOTONIC, 8, &id), EFAULT, "event");
    fails(syscall(SYS_timer_create, CLOCK_MONOTONIC, &e, NULL), EFAULT, "id");
    works(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &id), "no event");
    handle(SIGALRM);
    works(set(id, 0, MS, 0), "means");
    while (!count)
        usleep(1000);
    is(last_value, id, "SIGALRM with the number");
}

static volatile int stop;

static void *burns(void *unused)
{
    while (!stop)
        ;
    return unused;
}

static void test_nanosleep(void)
{
    static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC,
                                       CLOCK_BOOTTIME, CLOCK_TAI};
    struct timespec t = {0, 3 * MS};
    long begun, cpu;
    pthread_t thread;

    for (int i = 0; i < 4; i++) {
        begun = now_ns(CLOCK_MONOTONIC);
        t = spec(3 * MS);
        is(clock_nanosleep(clocks[i], 0, &t, NULL), 0, "a while");
        t = spec(now_ns(clocks[i]) + 3 * MS);
        is(clock_nanosleep(clocks[i], TIMER_ABSTIME, &t, NULL), 0, "until");
        ok(now_ns(CLOCK_MONOTONIC) - begun >= 6 * MS, "clock %d", clocks[i]);
    }
    must(!pthread_create(&thread, NULL, burns, NULL));
    cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    t = spec(10 * MS);
    is(clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, 0, &t, NULL), 0,
       "until others have worked");
    ok(now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu >= 10 * MS, "that much");
    stop = 1;
    pthread_join(thread, NULL);
    fails(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC_COARSE, 0, &t, NULL),
          EOPNOTSUPP, "a coarse clock");
    fails(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC_RAW, 0, &t, NULL),
          EOPNOTSUPP, "a raw clock");
    fails(syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &t, NULL),
          EOPNOTSUPP, "one's own CPU time");
    fails(syscall(SYS_clock_nanosleep, 55, 0, &t, NULL), EINVAL, "clock 55");
}

int main(void)
{
    test_once(CLOCK_MONOTONIC, "CLOCK_MONOTONIC");
    test_once(CLOCK_REALTIME, "CLOCK_REALTIME");
    test_repeat();
    test_ignored();
    test_none();
    test_thread();
    test_cpu(CLOCK_PROCESS_CPUTIME_ID, "process time");
    test_cpu(CLOCK_THREAD_CPUTIME_ID, "thread time");
    test_errors();
    test_nanosleep();
    return done_testing();
}
