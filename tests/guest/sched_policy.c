/*
 * sched(7): SCHED_FIFO and SCHED_RR run before the others and by priority,
 * nice values shift shares, policies are inherited, and the calls that read
 * and set all this. Everything happens on one CPU.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <time.h>

#include "probe.h"

#ifndef SCHED_RESET_ON_FORK
#define SCHED_RESET_ON_FORK 0x40000000
#endif

struct attr {
    unsigned size, policy;
    unsigned long long flags;
    int nice;
    unsigned priority;
    unsigned long long runtime, deadline, period, more;
};

static int set_policy(int tid, int policy, int priority)
{
    struct sched_param p = {.sched_priority = priority};

    return syscall(SYS_sched_setscheduler, tid, policy, &p);
}

static int get_policy(int tid)
{
    return syscall(SYS_sched_getscheduler, tid);
}

static int get_priority(int tid)
{
    struct sched_param p = {.sched_priority = -1};

    must(!syscall(SYS_sched_getparam, tid, &p));
    return p.sched_priority;
}

static long now_us(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void burn(long us)
{
    long end = now_us(CLOCK_THREAD_CPUTIME_ID) + us;

    volatile int i;

    while (now_us(CLOCK_THREAD_CPUTIME_ID) < end)
        for (i = 0; i < 2000; i++)
            ;
}

static void test_calls(void)
{
    struct sched_param p = {.sched_priority = 7};
    struct timespec t = {-1, -1};

    is(get_policy(0), SCHED_OTHER, "SCHED_OTHER at first");
    is(get_priority(0), 0, "with priority 0");
    works(set_policy(0, SCHED_FIFO, 5), "SCHED_FIFO");
    is(get_policy(0), SCHED_FIFO, "is what it is");
    is(get_priority(0), 5, "with the priority");
    works(syscall(SYS_sched_setparam, 0, &p), "sched_setparam");
    is(get_priority(0), 7, "changes it");
    works(syscall(SYS_sched_rr_get_interval, 0, &t), "sched_rr_get_interval");
    is(t.tv_sec + t.tv_nsec, 0, "SCHED_FIFO has no turns");
    works(set_policy(0, SCHED_RR, 99), "SCHED_RR");
    works(syscall(SYS_sched_rr_get_interval, 0, &t), "its interval");
    is(t.tv_nsec, 100000000, "is 100 ms");
    works(set_policy(0, SCHED_BATCH, 0), "SCHED_BATCH");
    works(set_policy(0, SCHED_IDLE, 0), "SCHED_IDLE");
    works(set_policy(0, SCHED_OTHER, 0), "and back");
    is(sched_get_priority_max(SCHED_RR), 99, "priorities to 99");
    is(sched_get_priority_min(SCHED_FIFO), 1, "from 1");
    is(sched_get_priority_max(SCHED_OTHER), 0, "0 for the others");
    fails(sched_get_priority_max(77), EINVAL, "no policy");
}

static void test_errors(void)
{
    struct sched_param p = {.sched_priority = 1};

    fails(set_policy(0, SCHED_FIFO, 0), EINVAL, "FIFO needs a priority");
    fails(set_policy(0, SCHED_FIFO, 100), EINVAL, "not 100");
    fails(set_policy(0, SCHED_RR, -1), EINVAL, "nor -1");
    fails(set_policy(0, SCHED_OTHER, 1), EINVAL, "OTHER has none");
    fails(set_policy(0, 4, 0), EINVAL, "policy 4");
    fails(set_policy(4000000, SCHED_FIFO, 1), ESRCH, "no such thread");
    fails(set_policy(4000000, 77, 1), ESRCH, "nor policy");
    fails(syscall(SYS_sched_setparam, 0, &p), EINVAL, "priority for OTHER");
    fails(syscall(SYS_sched_setparam, 4000000, &p), ESRCH, "of nobody");
    fails(syscall(SYS_sched_getscheduler, -1), EINVAL, "tid -1");
    fails(syscall(SYS_sched_getparam, 0, NULL), EINVAL, "to nowhere");
}

static void test_attr(void)
{
    struct attr a = {.size = 48, .policy = SCHED_FIFO, .priority = 9}, b;

    works(syscall(SYS_sched_setattr, 0, &a, 0), "sched_setattr");
    works(syscall(SYS_sched_getattr, 0, &b, 48, 0), "sched_getattr");
    is(b.size, 48, "its size");
    is(b.policy, SCHED_FIFO, "policy");
    is(b.priority, 9, "priority");
    a.policy = SCHED_OTHER;
    a.priority = 0;
    a.nice = 4;
    a.flags = 1;
    works(syscall(SYS_sched_setattr, 0, &a, 0), "SCHED_OTHER, nice 4");
    is(get_policy(0), SCHED_OTHER | SCHED_RESET_ON_FORK, "reset on fork");
    is(getpriority(PRIO_PROCESS, 0), 4, "nice");
    memset(&b, 0, sizeof(b));
    works(syscall(SYS_sched_getattr, 0, &b, 48, 0), "read");
    is(b.nice, 4, "nice again");
    is(b.flags, 1, "flags again");
    a.nice = 0;
    a.flags = 0;
    works(syscall(SYS_sched_setattr, 0, &a, 0), "back");
    a.size = 20;
    fails(syscall(SYS_sched_setattr, 0, &a, 0), E2BIG, "too small");
    ok(a.size >= 48, "says what size it wants");
    fails(syscall(SYS_sched_setattr, 0, NULL, 0), EINVAL, "from nowhere");
    a.size = 48;
    fails(syscall(SYS_sched_setattr, 0, &a, 1), EINVAL, "flags");
    a.flags = 1ull << 40;
    fails(syscall(SYS_sched_setattr, 0, &a, 0), EINVAL, "their flags");
    fails(syscall(SYS_sched_getattr, 0, &a, 8, 0), EINVAL, "no room");
}

static int child_policy(void *unused)
{
    (void)unused;
    return get_policy(0) * 100 + get_priority(0);
}

static int child_nice(void *unused)
{
    (void)unused;
    return getpriority(PRIO_PROCESS, 0) + 50;
}

static void test_inherit(void)
{
    works(set_policy(0, SCHED_RR, 12), "a real-time parent");
    is(in_child(child_policy, NULL), 212, "has such children");
    works(set_policy(0, SCHED_RR | SCHED_RESET_ON_FORK, 12), "or not");
    is(in_child(child_policy, NULL), 0, "when it says so");
    works(set_policy(0, SCHED_OTHER, 0), "back");
    works(setpriority(PRIO_PROCESS, 0, 5), "nice 5");
    is(in_child(child_nice, NULL), 55, "is inherited");
    works(setpriority(PRIO_PROCESS, 0, -7), "nice -7");
    is(getpriority(PRIO_PROCESS, 0), -7, "root may");
    works(setpriority(PRIO_PROCESS, 0, 1000), "nice 1000");
    is(getpriority(PRIO_PROCESS, 0), 19, "is 19");
    works(setpriority(PRIO_PGRP, 0, 3), "the group");
    is(getpriority(PRIO_PROCESS, 0), 3, "is us");
    is(getpriority(PRIO_PGRP, 0), 3, "read by group");
    works(setpriority(PRIO_PROCESS, 0, 0), "back");
    fails(setpriority(9, 0, 0), EINVAL, "no kind");
    fails(getpriority(PRIO_PROCESS, 4000000), ESRCH, "nobody");
    is(syscall(SYS_getpriority, PRIO_PROCESS, 0), 20, "the call's own way");
}

/* ---- who runs ---- */

static volatile int order[8], order_count;

static pthread_t start(void *(*fn)(void *), void *arg, int policy, int priority)
{
    struct sched_param p = {.sched_priority = priority};
    pthread_attr_t attr;
    pthread_t t;

    pthread_attr_init(&attr);
    pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
    pthread_attr_setschedpolicy(&attr, policy);
    pthread_attr_setschedparam(&attr, &p);
    must(!pthread_create(&t, &attr, fn, arg));
    return t;
}

static void *note(void *arg)
{
    order[order_count++] = (int)(long)arg;
    return NULL;
}

static void test_priorities(void)
{
    static const int p[4] = {10, 30, 20, 30};
    pthread_t t[4];

    must(!set_policy(0, SCHED_FIFO, 50));
    for (int i = 0; i < 4; i++)
        t[i] = start(note, (void *)(long)(p[i] + i), SCHED_FIFO, p[i]);
    is(order_count, 0, "less important threads wait");
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    /* Who comes down from our priority is put before its new equals. */
    is(order[0], 33, "the most important first");
    is(order[1], 31, "and its equal");
    is(order[2], 22, "then the next");
    is(order[3], 10, "and the last");
    order_count = 0;
    t[0] = start(note, (void *)1, SCHED_FIFO, 60);
    is(order_count, 1, "a more important one runs at once");
    pthread_join(t[0], NULL);
    must(!set_policy(0, SCHED_OTHER, 0));
}

static volatile int woke, other_ran, stop;

static void *sleeper(void *unused)
{
    usleep(10000);
    woke = 1;
    return unused;
}

/* Spins until the sleeper preempted it. */
static void *spinner(void *unused)
{
    for (long i = 0; !woke && i < 2000000000; i++)
        ;
    order[order_count++] = 1;
    return unused;
}

static void *second(void *unused)
{
    order[order_count++] = 2;
    other_ran = 1;
    return unused;
}

static void test_preemption(void)
{
    pthread_t t[3];

    order_count = 0;
    must(!set_policy(0, SCHED_FIFO, 50));
    t[0] = start(sleeper, NULL, SCHED_FIFO, 40);
    t[1] = start(second, NULL, SCHED_FIFO, 10);
    t[2] = start(spinner, NULL, SCHED_FIFO, 10);
    for (int i = 0; i < 3; i++)
        pthread_join(t[i], NULL);
    is(woke, 1, "one that wakes up runs before a busy one");
    is(order[0], 1, "which goes on before its equals");
    is(order[1], 2, "and they after it");
    must(!set_policy(0, SCHED_OTHER, 0));
}

static void *until_other(void *unused)
{
    for (long i = 0; !other_ran && i < 2000000000; i++)
        ;
    return other_ran ? unused : (void *)1;
}

static void test_round_robin(void)
{
    void *late[1];
    pthread_t t[2];

    other_ran = order_count = 0;
    must(!set_policy(0, SCHED_FIFO, 50));
    t[0] = start(until_other, NULL, SCHED_RR, 10);
    t[1] = start(second, NULL, SCHED_RR, 10);
    pthread_join(t[0], late);
    pthread_join(t[1], NULL);
    is((long)late[0], 0, "SCHED_RR takes turns");
    must(!set_policy(0, SCHED_OTHER, 0));
}

static void *real_time(void *unused)
{
    burn(30000);
    other_ran = 1;
    return unused;
}

static void test_before_others(void)
{
    long worst = 0, last = now_us(CLOCK_MONOTONIC), now;
    pthread_t t;

    other_ran = 0;
    t = start(real_time, NULL, SCHED_FIFO, 1);
    while (!other_ran) {
        now = now_us(CLOCK_MONOTONIC);
        if (now - last > worst)
            worst = now - last;
        last = now;
        sched_yield();
    }
    now = now_us(CLOCK_MONOTONIC);
    worst = now - last > worst ? now - last : worst;
    ok(worst >= 29000, "real time runs until it is done (%ld us)", worst);
    pthread_join(t, NULL);
}

/* ---- shares ---- */

struct share {
    int nice;
    long used;
};

static void *busy(void *arg)
{
    struct share *s = arg;

    setpriority(PRIO_PROCESS, syscall(SYS_gettid), s->nice);
    while (!stop)
        ;
    s->used = now_us(CLOCK_THREAD_CPUTIME_ID);
    return NULL;
}

static void test_nice(void)
{
    struct share a = {0, 0}, b = {12, 0};
    pthread_t t[2];

    stop = 0;
    must(!pthread_create(&t[0], NULL, busy, &a));
    must(!pthread_create(&t[1], NULL, busy, &b));
    usleep(100000);
    stop = 1;
    pthread_join(t[0], NULL);
    pthread_join(t[1], NULL);
    diag("nice 0: %ld us, nice 12: %ld us", a.used, b.used);
    ok(b.used > 0 && a.used > 2 * b.used, "nice gives others the time");
}

int main(void)
{
    cpu_set_t one;

    CPU_ZERO(&one);
    CPU_SET(0, &one);
    must(!sched_setaffinity(0, sizeof(one), &one));
    test_calls();
    test_errors();
    test_attr();
    test_inherit();
    test_priorities();
    test_preemption();
    test_round_robin();
    test_before_others();
    test_nice();
    return done_testing();
}
