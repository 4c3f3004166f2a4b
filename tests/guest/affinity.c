/*
 * sched_setaffinity(2), sched_getaffinity(2) and getcpu(2) agree: a thread
 * runs where it is told to, at once, also when others tell it to move.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>

#include "probe.h"

#define ROUNDS 20

static int cpus;
static volatile int tid, stop, there;

static int set_cpus(int who, unsigned long mask)
{
    return syscall(SYS_sched_setaffinity, who, sizeof(mask), &mask);
}

static unsigned long get_cpus(int who)
{
    unsigned long mask[16] = {0};

    must(syscall(SYS_sched_getaffinity, who, sizeof(mask), mask) > 0);
    return mask[0];
}

static unsigned cpu_now(void)
{
    unsigned cpu = ~0u, node = ~0u;

    must(!syscall(SYS_getcpu, &cpu, &node, NULL));
    must(node == 0);
    return cpu;
}

static void test_each(unsigned long all)
{
    int wrong = 0;

    for (int i = 0; i < cpus; i++) {
        wrong += set_cpus(0, 1ul << i) != 0;
        wrong += get_cpus(0) != 1ul << i;
        wrong += cpu_now() != (unsigned)i;
        sched_yield();
        wrong += cpu_now() != (unsigned)i;
    }
    is(wrong, 0, "on each CPU in turn");
    works(set_cpus(0, ~0ul), "more CPUs than there are");
    is(get_cpus(0), all, "means all there are");
}

static void test_errors(void)
{
    unsigned long mask = 0;

    fails(set_cpus(0, 0), EINVAL, "no CPU at all");
    fails(set_cpus(-1, 1), ESRCH, "no such thread");
    fails(syscall(SYS_sched_setaffinity, 0, 8, NULL), EFAULT, "no mask");
    fails(syscall(SYS_sched_getaffinity, 0, 8, NULL), EFAULT, "no room");
    fails(syscall(SYS_sched_getaffinity, 0, 4, &mask), EINVAL, "half a word");
}

static int inherited(void *argument)
{
    return get_cpus(0) != *(unsigned long *)argument ||
           cpu_now() != (unsigned)cpus - 1;
}

static void test_inherit(void)
{
    unsigned long last = 1ul << (cpus - 1);

    must(!set_cpus(0, last));
    is(in_child(inherited, &last), 0, "a child inherits the mask");
    must(!set_cpus(0, ~0ul));
}

static void *roam(void *argument)
{
    tid = syscall(SYS_gettid);
    while (!stop) {
        there = cpu_now();
        __builtin_ia32_pause();
    }
    return argument;
}

/* The other thread runs all the time; soon it must be where we send it. */
static void test_other(void)
{
    pthread_t thread;
    int wrong = 0;

    must(!pthread_create(&thread, NULL, roam, NULL));
    while (!tid)
        sched_yield();
    for (int i = 0; i < ROUNDS; i++) {
        int to = i % cpus;

        wrong += set_cpus(tid, 1ul << to) != 0;
        there = -1;
        while (there != to)
            sched_yield();
        wrong += get_cpus(tid) != 1ul << to;
    }
    stop = 1;
    pthread_join(thread, NULL);
    is(wrong, 0, "another thread moves when told");
}

/* Twice as many threads as CPUs, each on its CPU whatever happens there. */
static void *stay(void *argument)
{
    unsigned at = (long)argument % cpus;
    struct timespec nap = {0, 100000};
    long wrong = set_cpus(0, 1ul << at) != 0;

    for (int i = 0; i < ROUNDS; i++) {
        nanosleep(&nap, NULL);
        wrong += cpu_now() != at;
        sched_yield();
        wrong += cpu_now() != at;
        free(malloc(100000));
        wrong += cpu_now() != at;
    }
    return (void *)wrong;
}

static void test_many(void)
{
    pthread_t threads[32];
    long wrong = 0;
    void *result;

    for (long i = 0; i < 2 * cpus; i++)
        must(!pthread_create(&threads[i], NULL, stay, (void *)i));
    for (int i = 0; i < 2 * cpus; i++) {
        pthread_join(threads[i], &result);
        wrong += (long)result;
    }
    is(wrong, 0, "%s", "waking up, threads stay on their CPUs");
}

int main(void)
{
    unsigned long all = get_cpus(0);

    while (cpus < 16 && all >> cpus & 1)
        cpus++;
    must(cpus > 0);
    test_each(all);
    test_errors();
    test_inherit();
    test_other();
    test_many();
    return done_testing();
}
