/*
 * Benchmarks of tasks and threads: their making and their talking.
 */
#include "bench.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define ROUNDS   200
#define FORKS    40
#define RESIDENT 256

/* With 256 resident pages, 1 MiB, to share and to tear down again. */
static void bench_fork(struct samples *samples)
{
    char *pages = map_pages(RESIDENT);

    for (int i = 0; i < FORKS; i++) {
        uint64_t start;
        pid_t pid;

        /* Written after each fork: all are resident and the parent's own. */
        for (int page = 0; page < RESIDENT; page++)
            touch_write(pages + page * PAGE);
        start = ticks();
        pid = fork();
        must(pid >= 0, "fork");
        if (!pid)
            _exit(0);
        must(waitpid(pid, NULL, 0) == pid, "waitpid");
        add_sample(samples, start);
    }
    munmap(pages, RESIDENT * PAGE);
}

static void bench_clock(struct samples *samples)
{
    struct timespec t;

    for (int i = 0; i < ROUNDS; i++) {
        uint64_t start = ticks();

        clock_gettime(CLOCK_MONOTONIC, &t);
        add_sample(samples, start);
    }
}

static void *nothing(void *argument)
{
    return argument;
}

static void bench_thread(struct samples *samples)
{
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t start = ticks();
        pthread_t thread;

        must(!pthread_create(&thread, NULL, nothing, NULL), "pthread_create");
        pthread_join(thread, NULL);
        add_sample(samples, start);
    }
}

static int turn; /* whose turn it is: 0 or 1 */

static void futex(int operation, int value)
{
    syscall(SYS_futex, &turn, operation, value, NULL, NULL, 0);
}

static void wait_turn(int mine)
{
    while (__atomic_load_n(&turn, __ATOMIC_SEQ_CST) != mine)
        futex(FUTEX_WAIT_PRIVATE, !mine);
}

static void pass_turn(int mine)
{
    __atomic_store_n(&turn, !mine, __ATOMIC_SEQ_CST);
    futex(FUTEX_WAKE_PRIVATE, 1);
}

static void *pong(void *unused)
{
    for (int i = 0; i < ROUNDS; i++) {
        wait_turn(1);
        pass_turn(1);
    }
    return unused;
}

/* There and back: two wakes, two waits, two switches. */
static void bench_ping_pong(struct samples *samples)
{
    pthread_t thread;

    turn = 0;
    must(!pthread_create(&thread, NULL, pong, NULL), "pthread_create");
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t start = ticks();

        pass_turn(0);
        wait_turn(0);
        add_sample(samples, start);
    }
    pthread_join(thread, NULL);
}

static void bench_yield(struct samples *samples)
{
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t start = ticks();

        sched_yield();
        add_sample(samples, start);
    }
}

static void handle(int number)
{
    (void)number;
}

/* A signal to oneself: the call, the handler, the way back. */
static void bench_signal(struct samples *samples)
{
    struct sigaction action = {.sa_handler = handle};
    pid_t pid = getpid();

    must(!sigaction(SIGUSR1, &action, NULL), "sigaction");
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t start = ticks();

        /* The kernel's thread id of the only thread is the task's. */
        syscall(SYS_tgkill, pid, pid, SIGUSR1);
        add_sample(samples, start);
    }
}

const struct benchmark task_benchmarks[] = {
    {"signal-round-trip", bench_signal},
    {"sched-yield-alone", bench_yield},
    {"futex-ping-pong", bench_ping_pong},
    {"pthread-create-join", bench_thread},
    {"fork-exit-wait", bench_fork},
    {"clock-gettime", bench_clock},
    {NULL, NULL},
};
