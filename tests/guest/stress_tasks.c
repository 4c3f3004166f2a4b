/*
 * Tasks and threads that do to each other, in an order drawn from a seeded
 * generator, whatever kernel objects allow: clone with all kinds of sharing,
 * signals, timers, descriptors in epoll sets, priorities, CPUs, futexes, and
 * sudden ends. Nothing must hang; that all the memory comes back is checked by
 * the kernel when the program ends. Arguments: iterations, seed.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>

#include "probe.h"

#define TASKS   6
#define THREADS 8
#define NAP_US  300
#define STACK   (16 * PAGE)

struct worker {
    unsigned seed;
    int steps;
};

/* Shared by all tasks. */
static struct {
    volatile int pids[TASKS];
    int words[4];
    volatile long done;
} * shared;

static int iterations = 25;
static unsigned first_seed = 1;

static unsigned below(struct worker *w, unsigned n)
{
    w->seed = w->seed * 1664525 + 1013904223;
    return (w->seed >> 8) % n;
}

static void nap(long us)
{
    struct timespec t = {0, us * 1000};

    nanosleep(&t, NULL);
}

static void note(int number)
{
    (void)number;
}

/* Raw calls: it may be killed, and libc's locks are the others' as well. */
static int short_life(void *w)
{
    struct worker mine = *(struct worker *)w;

    switch (below(&mine, 4)) {
    case 0:
        nap(NAP_US);
        break;
    case 1:
        syscall(SYS_close_range, 3, ~0u,
                below(&mine, 2) ? CLOSE_RANGE_UNSHARE : 0);
        break;
    case 2:
        sigaction(SIGUSR2, &(struct sigaction){.sa_handler = note}, NULL);
        break;
    default:
        if (!syscall(SYS_fork))
            syscall(SYS_exit, 0);
    }
    return 0;
}

/* A task with some kind of sharing; it is waited for, or killed first. */
static void step_clone(struct worker *w)
{
    static const int kinds[] = {
        0,
        CLONE_VM,
        CLONE_VM | CLONE_SIGHAND,
        CLONE_VM | CLONE_SIGHAND | CLONE_FILES,
        CLONE_VFORK,
        CLONE_VM | CLONE_VFORK,
        CLONE_FILES,
    };
    char *stack = map_pages(STACK / PAGE);
    int flags = kinds[below(w, sizeof(kinds) / sizeof(kinds[0]))], status, pid;

    /* With the memory shared a table of its own keeps ours safe. */
    pid = clone(short_life, stack + STACK, (flags & ~CLONE_FILES) | SIGCHLD, w);
    if (pid > 0) {
        if (!below(w, 3))
            kill(pid, below(w, 2) ? SIGKILL : SIGSTOP);
        if (below(w, 2))
            kill(pid, SIGCONT);
        else
            kill(pid, SIGKILL);
        while (waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
            ;
    }
    munmap(stack, STACK);
}

static void *thread_life(void *w)
{
    struct worker mine = *(struct worker *)w;

    if (below(&mine, 2))
        syscall(SYS_close_range, 3, ~0u, CLOSE_RANGE_UNSHARE);
    if (below(&mine, 2))
        nap(NAP_US);
    return NULL;
}

static void step_thread(struct worker *w)
{
    pthread_t t;

    if (!pthread_create(&t, NULL, thread_life, w))
        pthread_join(t, NULL);
}

/* Somebody anywhere gets something that does not kill. */
static void step_signal(struct worker *w)
{
    static const int numbers[] = {SIGUSR1, SIGALRM, SIGCHLD, SIGCONT, 40, 41};
    int pid = shared->pids[below(w, TASKS)];
    union sigval value = {.sival_int = 1};

    if (pid > 1)
        sigqueue(pid, numbers[below(w, 6)], value);
}

static void step_itimers(struct worker *w)
{
    struct itimerval t = {{0, 700}, {0, 1 + below(w, 2000)}}, off = {0};
    int which = below(w, 3);

    setitimer(which, &t, NULL);
    nap(NAP_US);
    setitimer(which, &off, NULL);
}

static void step_timers(struct worker *w)
{
    struct itimerspec t = {{0, 200000}, {0, 1 + below(w, 500000)}};
    struct sigevent e = {.sigev_notify =
                             below(w, 2) ? SIGEV_SIGNAL : SIGEV_NONE,
                         .sigev_signo = below(w, 2) ? SIGUSR1 : 42};
    timer_t id;

    if (timer_create(below(w, 4), &e, &id))
        return;
    timer_settime(id, 0, &t, NULL);
    nap(NAP_US);
    if (below(w, 8)) /* else it ends with the task */
        timer_delete(id);
}

/* A few descriptors in sets, sets in sets, closed in any order. */
static void step_sets(struct worker *w)
{
    struct itimerspec t = {{0, 100000}, {0, 1 + below(w, 300000)}};
    struct epoll_event e = {.events = EPOLLIN};
    int fds[6];
    sigset_t set;

    sigfillset(&set);
    fds[0] = eventfd(1, EFD_NONBLOCK);
    fds[1] = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    fds[2] = signalfd(-1, &set, SFD_NONBLOCK);
    for (int i = 3; i < 6; i++)
        fds[i] = epoll_create1(0);
    for (int i = 0; i < 8; i++)
        epoll_ctl(fds[3 + below(w, 3)], EPOLL_CTL_ADD, fds[below(w, 6)], &e);
    timerfd_settime(fds[1], 0, &t, NULL);
    epoll_wait(fds[3 + below(w, 3)], &e, 1, 1);
    for (int i = below(w, 6), n = 0; n < 6; n++, i = (i + 5) % 6)
        close(fds[i]);
}

static void step_schedule(struct worker *w)
{
    struct sched_param p = {.sched_priority = 1 + below(w, 30)};
    unsigned long mask = 1ul << below(w, 4) | 1;

    switch (below(w, 3)) {
    case 0:
        syscall(SYS_sched_setscheduler, 0, below(w, 2) ? SCHED_FIFO : SCHED_RR,
                &p);
        break;
    case 1:
        setpriority(PRIO_PROCESS, 0, below(w, 40) - 20);
        break;
    default:
        syscall(SYS_sched_setaffinity, 0, sizeof(mask), &mask);
    }
    sched_yield();
    p.sched_priority = 0;
    mask = ~0ul;
    syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &p);
    syscall(SYS_sched_setaffinity, 0, sizeof(mask), &mask);
}

static void step_futex(struct worker *w)
{
    struct timespec t = {0, NAP_US * 1000};
    int *word = &shared->words[below(w, 4)];

    switch (below(w, 3)) {
    case 0:
        syscall(SYS_futex, word, FUTEX_WAIT, 0, &t);
        break;
    case 1:
        syscall(SYS_futex, word, FUTEX_REQUEUE, 1, INT_MAX,
                &shared->words[below(w, 4)], 0);
        break;
    default:
        syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX);
    }
}

static void *work(void *arg)
{
    static void (*const steps[])(struct worker *) = {
        step_clone,  step_thread, step_signal,   step_itimers,
        step_timers, step_sets,   step_schedule, step_futex,
    };
    struct worker *w = arg;

    for (int i = 0; i < iterations; i++)
        steps[below(w, sizeof(steps) / sizeof(steps[0]))](w);
    __atomic_fetch_add(&shared->done, 1, __ATOMIC_RELAXED);
    return NULL;
}

static int task(unsigned seed, int suicidal)
{
    struct worker w[THREADS];
    pthread_t t[THREADS];

    for (int i = 0; i < THREADS; i++) {
        w[i] = (struct worker){.seed = seed * 977 + i};
        must(!pthread_create(&t[i], NULL, work, &w[i]));
    }
    if (suicidal) { /* in the midst of it */
        nap(2000 + below(&w[0], 20000));
        _exit(0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    return 0;
}

int main(int argc, char **argv)
{
    pid_t pids[TASKS];
    int good = 0;

    if (argc > 1)
        iterations = atoi(argv[1]);
    if (argc > 2)
        first_seed = atoi(argv[2]);
    for (int n = 1; n <= 64; n++)
        if (n != SIGSEGV && n != SIGBUS)
            signal(n, note);
    shared = map_shared(1);
    for (int i = 0; i < TASKS; i++) {
        pids[i] = fork();
        must(pids[i] >= 0);
        if (!pids[i])
            _exit(task(first_seed * 100 + i, i % 2));
        shared->pids[i] = pids[i];
    }
    for (int i = 0; i < TASKS; i++) {
        int status = wait_status(pids[i]);

        good += status == 0;
        if (status)
            diag("task %d ended with %d", i, status);
        shared->pids[i] = 0;
    }
    is(good, TASKS, "every task came to its end");
    ok(shared->done >= TASKS / 2 * THREADS, "with all its steps done");
    return done_testing();
}
