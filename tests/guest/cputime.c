/*
 * CPU time: the user's and the system's are told apart, in getrusage(2),
 * times(2), wait4(2), the CPU-time clocks, and by ITIMER_VIRTUAL and
 * ITIMER_PROF; sleeping costs none.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>

#include "probe.h"

#define ROUND 40000 /* us */

static long us(struct timeval t)
{
    return t.tv_sec * 1000000 + t.tv_usec;
}

static long clock_us(clockid_t clock)
{
    struct timespec t = {0};

    must(!syscall(SYS_clock_gettime, clock, &t));
    return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static long used(int who, int system)
{
    struct rusage ru;

    must(!getrusage(who, &ru));
    return us(system ? ru.ru_stime : ru.ru_utime);
}

/* CPU time in user mode; one look at the clock among a lot of work. */
static void burn_user(long length)
{
    long end = clock_us(CLOCK_THREAD_CPUTIME_ID) + length;
    volatile int i;

    while (clock_us(CLOCK_THREAD_CPUTIME_ID) < end)
        for (i = 0; i < 20000; i++)
            ;
}

/* And in the kernel, which has random bytes to make. */
static void burn_system(long length)
{
    long end = clock_us(CLOCK_THREAD_CPUTIME_ID) + length;
    static char bytes[16384];

    while (clock_us(CLOCK_THREAD_CPUTIME_ID) < end)
        must(getrandom(bytes, sizeof(bytes), 0) == sizeof(bytes));
}

static void test_rusage(void)
{
    long user = used(RUSAGE_SELF, 0), system = used(RUSAGE_SELF, 1), u, s;

    burn_user(ROUND);
    u = used(RUSAGE_SELF, 0) - user;
    s = used(RUSAGE_SELF, 1) - system;
    diag("user work: %ld us user, %ld us system", u, s);
    ok(u >= ROUND / 2 && s <= ROUND / 4, "work in user mode");
    user = used(RUSAGE_SELF, 0);
    system = used(RUSAGE_SELF, 1);
    burn_system(2 * ROUND);
    u = used(RUSAGE_SELF, 0) - user;
    s = used(RUSAGE_SELF, 1) - system;
    diag("system work: %ld us user, %ld us system", u, s);
    ok(s >= ROUND && u <= ROUND, "work in the kernel");
}

static void test_idle(void)
{
    long before = clock_us(CLOCK_PROCESS_CPUTIME_ID);
    struct rusage a, b;

    must(!getrusage(RUSAGE_SELF, &a));
    for (int i = 0; i < 5; i++)
        usleep(10000);
    must(!getrusage(RUSAGE_SELF, &b));
    ok(clock_us(CLOCK_PROCESS_CPUTIME_ID) - before < 25000, "sleep is free");
    ok(b.ru_nvcsw - a.ru_nvcsw >= 5, "each is a voluntary switch");
}

static void test_thread(void)
{
    long u = used(RUSAGE_THREAD, 0), s = used(RUSAGE_THREAD, 1);
    long task = used(RUSAGE_SELF, 0) + used(RUSAGE_SELF, 1);
    long clock = clock_us(CLOCK_PROCESS_CPUTIME_ID);

    ok(u > 0 && s > 0 && u + s <= task + 20000, "this thread is the task");
    ok(clock - task < 20000 && task - clock < 20000, "as its clock says");
}

static int works_hard(void *unused)
{
    (void)unused;
    burn_user(ROUND);
    return 0;
}

static void test_children(void)
{
    long u = used(RUSAGE_CHILDREN, 0), s = used(RUSAGE_CHILDREN, 1);
    struct rusage ru;
    struct tms tms;
    int status;
    pid_t pid = fork();

    must(pid >= 0);
    if (!pid)
        _exit(works_hard(NULL));
    must(wait4(pid, &status, 0, &ru) == pid);
    u = used(RUSAGE_CHILDREN, 0) - u;
    s = used(RUSAGE_CHILDREN, 1) - s;
    ok(us(ru.ru_utime) >= ROUND / 2, "wait4 tells a child's user time");
    ok(us(ru.ru_stime) <= ROUND / 3, "and its system time");
    is(us(ru.ru_utime), u, "getrusage adds up the same");
    is(us(ru.ru_stime), s, "of both");
    must(times(&tms) != -1);
    ok(tms.tms_cutime >= ROUND / 2 / 10000, "times: children's");
    ok(tms.tms_utime + tms.tms_stime > 0, "and our own");
}

static void test_clock_kinds(void)
{
    int task = ~getpid() * 8, thread = ~(int)syscall(SYS_gettid) * 8 | 4;
    long prof, virt;

    prof = clock_us(task | 0);
    virt = clock_us(task | 1);
    ok(virt > 0 && virt < prof, "a clock of user time alone");
    ok(clock_us(task | 2) >= virt, "and of all of it");
    prof = clock_us(thread | 0);
    virt = clock_us(thread | 1);
    ok(virt > 0 && virt < prof, "both for a thread");
}

/* ---- the timers ---- */

static volatile int virtual_count, prof_count;

static void note(int number)
{
    if (number == SIGVTALRM)
        virtual_count++;
    else
        prof_count++;
}

static void set(int which, long value)
{
    struct itimerval t = {{0, 0}, {0, value}};

    must(!setitimer(which, &t, NULL));
}

static void test_itimers(void)
{
    struct itimerval left;

    must(signal(SIGVTALRM, note) != SIG_ERR);
    must(signal(SIGPROF, note) != SIG_ERR);
    set(ITIMER_VIRTUAL, ROUND);
    set(ITIMER_PROF, ROUND);
    for (int i = 0; i < 40 && !prof_count; i++)
        burn_system(ROUND / 2);
    is(prof_count, 1, "ITIMER_PROF counts the kernel's work");
    is(virtual_count, 0, "ITIMER_VIRTUAL does not");
    must(!getitimer(ITIMER_VIRTUAL, &left));
    ok(us(left.it_value) > ROUND / 4, "most of it is left");
    for (int i = 0; i < 40 && !virtual_count; i++)
        burn_user(ROUND / 2);
    is(virtual_count, 1, "it counts the user's");
    is(prof_count, 1, "the other was for once");
}

static void *burns(void *unused)
{
    burn_user(ROUND);
    return unused;
}

/* The task's time is that of all its threads. */
static void test_threads(void)
{
    pthread_t t[2];

    virtual_count = 0;
    set(ITIMER_VIRTUAL, ROUND + ROUND / 4);
    for (int i = 0; i < 2; i++)
        must(!pthread_create(&t[i], NULL, burns, NULL));
    for (int i = 0; i < 2; i++)
        pthread_join(t[i], NULL);
    is(virtual_count, 1, "threads work together");
}

int main(void)
{
    test_rusage();
    test_idle();
    test_thread();
    test_children();
    test_clock_kinds();
    test_itimers();
    test_threads();
    return done_testing();
}
