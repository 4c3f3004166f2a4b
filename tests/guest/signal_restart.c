/*
 * What becomes of a call that a signal breaks off, see signal(7): with a
 * handler EINTR or, given SA_RESTART, the call again; with a stop and a
 * continue, no handler, all go on, and none sleeps longer than it was told.
 */
#define _GNU_SOURCE
#include "probe.h"

#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/select.h>
#include <time.h>

enum {
    WAIT_MS = 120
};

struct results {
    volatile pid_t tid;
    volatile int done;
    volatile long result;
    volatile int error;
    volatile long ms;
    volatile int handled;
    volatile unsigned word;
};

static struct results *shared;

static long now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct timespec ms_time(long ms)
{
    return (struct timespec){ms / 1000, ms % 1000 * 1000000};
}

static void nap(long ms)
{
    struct timespec t = ms_time(ms);

    while (nanosleep(&t, &t) < 0)
        ;
}

static void hit(int number)
{
    (void)number;
    shared->handled++;
}

/* ---- the calls, each for WAIT_MS or until the parent acts ---- */

static long do_nanosleep(void)
{
    struct timespec t = ms_time(WAIT_MS);

    return syscall(SYS_nanosleep, &t, NULL);
}

static long do_clock_relative(void)
{
    struct timespec t = ms_time(WAIT_MS), left;

    return syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &t, &left);
}

static long do_clock_absolute(void)
{
    struct timespec t = ms_time(now_ms() + WAIT_MS);

    return syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &t,
                   NULL);
}

static long do_poll(void)
{
    return syscall(SYS_poll, NULL, 0, WAIT_MS);
}

static long do_ppoll(void)
{
    struct timespec t = ms_time(WAIT_MS);

    return syscall(SYS_ppoll, NULL, 0, &t, NULL, 8);
}

static long do_select(void)
{
    struct timeval t = {.tv_usec = WAIT_MS * 1000};

    return syscall(SYS_select, 0, NULL, NULL, NULL, &t);
}

static long do_futex(void)
{
    return syscall(SYS_futex, &shared->word, FUTEX_WAIT, 0, NULL, NULL, 0);
}

static long do_futex_timed(void)
{
    struct timespec t = ms_time(WAIT_MS);

    return syscall(SYS_futex, &shared->word, FUTEX_WAIT, 0, &t, NULL, 0);
}

static long do_futex_absolute(void)
{
    struct timespec t = ms_time(now_ms() + WAIT_MS);

    return syscall(SYS_futex, &shared->word, FUTEX_WAIT_BITSET, 0, &t, NULL, 1);
}

static long do_pause(void)
{
    return syscall(SYS_pause);
}

static long do_sigsuspend(void)
{
    sigset_t none;

    sigemptyset(&none);
    return sigsuspend(&none);
}

static long do_sigtimedwait(void)
{
    struct timespec t = ms_time(WAIT_MS);
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    /* The library's function would go on waiting. */
    return syscall(SYS_rt_sigtimedwait, &set, NULL, &t, 8);
}

static pid_t child;

/* For a child that ends after WAIT_MS. */
static long do_wait4(void)
{
    return syscall(SYS_wait4, child, NULL, 0, NULL) == child ? 0 : -1;
}

static long do_waitid(void)
{
    return syscall(SYS_waitid, P_PID, child, NULL, WEXITED, NULL);
}

enum {
    ENDS,  /* by itself: the result is `whole` */
    WOKEN, /* by a futex wake: 0 */
    NEVER  /* only a handler ends it */
};

static const struct wait {
    const char *name;
    long (*call)(void);
    int end, needs_child;
    long whole;     /* what it returns undisturbed: 0 or -errno */
    int restarts;   /* with SA_RESTART */
    int stop_error; /* what a stop and continue make of it */
} waits[] = {
    {"nanosleep", do_nanosleep, ENDS, 0, 0, 0, 0},
    {"clock_nanosleep", do_clock_relative, ENDS, 0, 0, 0, 0},
    {"clock_nanosleep, absolute", do_clock_absolute, ENDS, 0, 0, 0, 0},
    {"poll", do_poll, ENDS, 0, 0, 0, 0},
    {"ppoll", do_ppoll, ENDS, 0, 0, 0, 0},
    {"select", do_select, ENDS, 0, 0, 0, 0},
    {"futex", do_futex, WOKEN, 0, 0, 1, 0},
    {"futex with a timeout", do_futex_timed, ENDS, 0, -ETIMEDOUT, 0,
     -ETIMEDOUT},
    {"futex with a deadline", do_futex_absolute, ENDS, 0, -ETIMEDOUT, 0,
     -ETIMEDOUT},
    {"pause", do_pause, NEVER, 0, 0, 0, 0},
    {"sigsuspend", do_sigsuspend, NEVER, 0, 0, 0, 0},
    {"sigtimedwait", do_sigtimedwait, ENDS, 0, -EAGAIN, 0, -EINTR},
    {"wait4", do_wait4, ENDS, 1, 0, 1, 0},
    {"waitid", do_waitid, ENDS, 1, 0, 1, 0},
};

/* The task under test. */
static void run_wait(const struct wait *w, int flags)
{
    struct sigaction action = {.sa_handler = hit, .sa_flags = flags};
    long begun, result;

    sigaction(SIGUSR1, &action, NULL);
    if (w->needs_child) {
        child = fork();
        if (!child) {
            nap(WAIT_MS);
            _exit(0);
        }
    }
    begun = now_ms();
    shared->tid = gettid();
    result = w->call();
    shared->error = errno;
    shared->result = result;
    shared->ms = now_ms() - begun;
    shared->done = 1;
    _exit(0);
}

static pid_t start(const struct wait *w, int flags)
{
    pid_t pid;

    memset(shared, 0, sizeof(*shared));
    pid = fork();
    must(pid >= 0);
    if (!pid)
        run_wait(w, flags);
    while (!shared->tid)
        sched_yield();
    nap(20); /* now it waits */
    return pid;
}

static void finish(const struct wait *w, pid_t pid)
{
    if (w->end == WOKEN)
        while (!shared->done) {
            syscall(SYS_futex, &shared->word, FUTEX_WAKE, 1, NULL, NULL, 0);
            sched_yield();
        }
    if (w->end == NEVER) {
        kill(pid, SIGUSR1);
        while (!shared->done)
            sched_yield();
    }
    wait_status(pid);
}

static int is_result(long want)
{
    return want < 0 ? shared->result == -1 && shared->error == -want
                    : shared->result == want;
}

static void tell(const char *name)
{
    diag("%s: result %ld, errno %d, %ld ms, %d handled", name, shared->result,
         shared->error, shared->ms, shared->handled);
}

/* Each case is tried again, a few times, when it goes wrong: a host that takes
 * the processor away lets times pass that the machine cannot help. What is
 * wrong is wrong every time. */
#define TRIES 8

static int handler_once(const struct wait *w, int flags)
{
    int again = flags && w->restarts, waits_on;
    pid_t pid = start(w, flags);

    kill(pid, SIGUSR1);
    nap(20);
    waits_on = !shared->done;
    finish(w, pid);
    return is_result(again ? w->whole : -EINTR) && shared->handled == 1 &&
           (!again || w->end != WOKEN || waits_on);
}

static void test_handler(const struct wait *w, int flags)
{
    int good = 0;

    for (int i = 0; i < TRIES && !good; i++)
        good = handler_once(w, flags);
    if (!ok(good, "%s, handler%s", w->name, flags ? " with SA_RESTART" : ""))
        tell(w->name);
}

/* What sleeps goes on where it was, not from the beginning. Some calls count
 * the time that they stood still, some do not. */
static int stop_once(const struct wait *w)
{
    pid_t pid = start(w, 0);
    int status, waits_on;

    kill(pid, SIGSTOP);
    must(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
    nap(30);
    kill(pid, SIGCONT);
    nap(30);
    waits_on = !shared->done;
    finish(w, pid);
    if (w->end == NEVER)
        return waits_on && is_result(-EINTR);
    if (!is_result(w->stop_error))
        return 0;
    if (w->end != ENDS)
        return waits_on;
    return w->stop_error == -EINTR ||
           (shared->ms >= WAIT_MS - 5 && shared->ms < WAIT_MS + 45);
}

static void test_stop(const struct wait *w)
{
    int good = 0;

    for (int i = 0; i < TRIES && !good; i++)
        good = stop_once(w);
    if (!ok(good, "%s over a stop", w->name))
        tell(w->name);
}

static void test_vfork(void)
{
    pid_t pid;

    memset(shared, 0, sizeof(*shared));
    pid = fork();
    if (!pid) {
        signal(SIGUSR1, hit);
        pid = vfork();
        if (!pid) {
            shared->tid = getppid();
            nap(60);
            shared->done = shared->handled + 1;
            _exit(0);
        }
        _exit(shared->handled == 1 ? 0 : 2);
    }
    while (!shared->tid)
        sched_yield();
    kill(shared->tid, SIGUSR1);
    is(wait_status(pid), 0, "a vfork parent runs its handler in the end");
    is(shared->done, 1, "not before the child is done");
}

/* restart_syscall with nothing to restart. */
static void test_restart_call(void)
{
    fails(syscall(219), EINTR, "restart_syscall out of the blue");
}

static void test_killed(const struct wait *w)
{
    pid_t pid = start(w, 0);

    kill(pid, SIGKILL);
    is(wait_status(pid), 1000 + SIGKILL, "%s is killed", w->name);
}

int main(void)
{
    alarm(50);
    shared = map_shared(1);
    for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        test_handler(&waits[i], 0);
        test_handler(&waits[i], SA_RESTART);
        test_stop(&waits[i]);
        test_killed(&waits[i]);
    }
    test_vfork();
    test_restart_call();
    return done_testing();
}
