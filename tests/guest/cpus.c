/*
 * Which CPU, which policy, barriers on others, CPU-time clocks of others, and
 * the descriptor and limit calls' finer rules.
 */
#define _GNU_SOURCE
#include "tap.h"

#include <fcntl.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>

static long membarrier(int command, unsigned flags)
{
    return syscall(SYS_membarrier, command, flags, 0);
}

static void test_membarrier(void)
{
    long all = membarrier(MEMBARRIER_CMD_QUERY, 0);
    int wanted = MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_PRIVATE_EXPEDITED |
                 MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED;

    is(all & wanted, wanted, "the commands there are");
    works(membarrier(MEMBARRIER_CMD_GLOBAL, 0), "all CPUs");
    fails(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0), EPERM,
          "ours, not registered");
    fails(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0), EPERM,
          "nor for instructions");
    works(membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0),
          "registered");
    works(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0), "ours");
    fails(membarrier(MEMBARRIER_CMD_QUERY, 1), EINVAL, "a flag");
    fails(membarrier(1 << 20, 0), EINVAL, "an unknown command");
    fails(membarrier(-1, 0), EINVAL, "a negative one");
}

static volatile int x, y, seen_by_slow, seen_by_fast, turn;

/* Dekker's store-load, the fast half without a barrier of its own. */
static void *fast_side(void *argument)
{
    for (int i = 1; i <= 2000; i++) {
        while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) < i)
            sched_yield();
        x = 1;
        asm volatile("" ::: "memory");
        seen_by_fast = y;
        __atomic_store_n(&turn, -i, __ATOMIC_RELEASE);
    }
    return argument;
}

static void test_dekker(void)
{
    pthread_t thread;
    int both_missed = 0;

    must(!pthread_create(&thread, NULL, fast_side, NULL));
    for (int i = 1; i <= 2000; i++) {
        x = y = 0;
        __atomic_store_n(&turn, i, __ATOMIC_SEQ_CST);
        y = 1;
        membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0);
        seen_by_slow = x;
        while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) != -i)
            sched_yield();
        both_missed += !seen_by_slow && !seen_by_fast;
    }
    pthread_join(thread, NULL);
    is(both_missed, 0, "one side sees the other's store, 2000 times");
}

static void test_affinity(void)
{
    cpu_set_t all, one;
    unsigned cpu = 99, node = 99, last = 0;

    CPU_ZERO(&all);
    must(!sched_getaffinity(0, sizeof(all), &all));
    for (unsigned i = 0; i < 64; i++) {
        if (!CPU_ISSET(i, &all))
            continue;
        CPU_ZERO(&one);
        CPU_SET(i, &one);
        must(!sched_setaffinity(0, sizeof(one), &one));
        must(!syscall(SYS_getcpu, &cpu, &node, NULL));
        last = i;
        if (cpu != i)
            break;
    }
    is(cpu, last, "each allowed CPU takes us at once");
    is(node, 0, "there is one node");
    works(sched_setaffinity(0, sizeof(all), &all), "all again");
    CPU_ZERO(&one);
    fails(sched_setaffinity(0, sizeof(one), &one), EINVAL, "no CPU");
    fails(sched_setaffinity(4000000, sizeof(all), &all), ESRCH, "no thread");
    fails(syscall(SYS_getcpu, -4096l, NULL, NULL), EFAULT, "nowhere to");
}

static void test_policy(void)
{
    struct sched_param param = {0};
    struct timespec interval;

    works(syscall(SYS_sched_getscheduler, 0), "the policy is SCHED_OTHER");
    works(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &param), "stays so");
    param.sched_priority = 1;
    fails(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &param), EINVAL,
          "it has no priorities");
    fails(syscall(SYS_sched_setscheduler, 0, 99, &param), EINVAL, "policy 99");
    fails(syscall(SYS_sched_setscheduler, 0, -1, &param), EINVAL, "policy -1");
    fails(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, NULL), EINVAL,
          "no parameters");
    fails(syscall(SYS_sched_setscheduler, -5, SCHED_OTHER, &param), EINVAL,
          "thread -5");
    param.sched_priority = 0;
    fails(syscall(SYS_sched_setscheduler, 4000000, SCHED_OTHER, &param), ESRCH,
          "no such thread");
    works(syscall(SYS_sched_setparam, 0, &param), "sched_setparam");
    works(syscall(SYS_sched_rr_get_interval, 0, &interval), "the time slice");
    is(sched_get_priority_max(SCHED_FIFO), 99, "the highest priority");
}

static void spin(void)
{
    for (volatile int i = 0; i < 2000000; i++)
        ;
}

static long to_ns(struct timespec ts)
{
    return ts.tv_sec * 1000000000l + ts.tv_nsec;
}

/* As clock_getcpuclockid(3) makes them: kinds 0 to 3, 4 more for a thread. */
static clockid_t cpu_clock(pid_t id, int kind)
{
    return (int)(~(unsigned)id << 3) | kind;
}

static void test_cpu_clocks(void)
{
    struct timespec before, after, own;
    clockid_t clock;
    pid_t child = fork();

    must(child >= 0);
    if (!child) {
        spin();
        for (;;)
            pause();
    }
    works(clock_getcpuclockid(child, &clock), "a child's clock");
    do {
        usleep(2000);
        must(!clock_gettime(clock, &before));
    } while (!to_ns(before));
    ok(to_ns(before) > 0, "it runs");
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    fails(clock_gettime(clock, &after), EINVAL, "a dead child's");
    must(!clock_getcpuclockid(0, &clock));
    clock_gettime(clock, &before);
    spin();
    clock_gettime(clock, &after);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
    ok(to_ns(after) > to_ns(before), "our own");
    ok(to_ns(own) >= to_ns(after), "is CLOCK_PROCESS_CPUTIME_ID");
    must(!pthread_getcpuclockid(pthread_self(), &clock));
    works(clock_gettime(clock, &after), "a thread's");
    works(clock_gettime(cpu_clock(getpid(), 2), &after), "by pid");
    fails(clock_gettime(cpu_clock(1, 6), &after), EINVAL,
          "a thread of another task");
    fails(clock_gettime(cpu_clock(getpid(), 3), &after), EINVAL, "kind 3");
    works(clock_getres(cpu_clock(getpid(), 2), &after), "its resolution");
}

static void test_setting_clocks(void)
{
    struct timeval bad = {0, 1000000};
    struct tms tms;

    fails(settimeofday(&bad, NULL), EINVAL, "a second too much");
    fails(syscall(SYS_settimeofday, -4096l, NULL), EFAULT, "from nowhere");
    ok(times(&tms) != (clock_t)-1, "times");
}

static void test_limits(void)
{
    struct rlimit was, limit;
    int fd;

    must(!getrlimit(RLIMIT_NOFILE, &was));
    limit = (struct rlimit){20, 10};
    fails(setrlimit(RLIMIT_NOFILE, &limit), EINVAL, "soft above hard");
    fails(syscall(SYS_prlimit64, 0, 99, NULL, &limit), EINVAL, "no resource");
    fails(syscall(SYS_prlimit64, 4000000, 0, NULL, &limit), ESRCH, "no task");
    limit = (struct rlimit){8, was.rlim_max};
    works(setrlimit(RLIMIT_NOFILE, &limit), "eight descriptors");
    fails(fcntl(0, F_DUPFD, 8), EINVAL, "F_DUPFD from the limit on");
    fails(dup2(0, 8), EBADF, "dup2 to the limit");
    fails(syscall(SYS_dup3, 0, 8, 0), EBADF, "dup3 too");
    while ((fd = dup(0)) >= 0)
        ;
    is(errno, EMFILE, "dup fills the table up");
    for (fd = 3; fd < 8; fd++)
        close(fd);
    works(setrlimit(RLIMIT_NOFILE, &was), "as before");
}

static int sibling(void *argument)
{
    (void)argument;
    return syscall(SYS_close_range, 10, 20, 1u << 1) ? 1 : 0;
}

static void test_descriptors(void)
{
    static char stack[65536] __attribute__((aligned(16)));
    int status, fd = eventfd(0, 0);
    pid_t pid;

    must(fd >= 0 && dup2(fd, 10) == 10 && dup2(fd, 20) == 20);
    fails(syscall(SYS_dup3, fd, fd, 0), EINVAL, "dup3 to itself");
    fails(syscall(SYS_dup3, fd, 11, O_NONBLOCK), EINVAL, "with another flag");
    is(fcntl(fd, F_DUPFD_CLOEXEC, 15), 15, "F_DUPFD_CLOEXEC");
    is(fcntl(15, F_GETFD), FD_CLOEXEC, "sets it");
    works(syscall(SYS_close_range, 10, 15, 1u << 2), "CLOSE_RANGE_CLOEXEC");
    is(fcntl(10, F_GETFD), FD_CLOEXEC, "in range");
    is(fcntl(20, F_GETFD), 0, "not in range");
    fails(syscall(SYS_close_range, 10, 9, 0), EINVAL, "backwards");
    fails(syscall(SYS_close_range, 10, 11, 8), EINVAL, "an unknown flag");
    pid = clone(sibling, stack + sizeof(stack),
                CLONE_VM | CLONE_FILES | SIGCHLD, NULL);
    must(pid > 0 && waitpid(pid, &status, 0) == pid);
    is(status, 0, "CLOSE_RANGE_UNSHARE in a task that shares ours");
    ok(fcntl(10, F_GETFD) >= 0 && fcntl(20, F_GETFD) >= 0,
       "does not close ours");
    works(syscall(SYS_close_range, 3, ~0u, 0), "all of them");
    fails(fcntl(20, F_GETFD), EBADF, "are gone");
}

static void test_random(void)
{
    static unsigned char bytes[65536];
    int ones = 0;

    is(syscall(SYS_getrandom, bytes, sizeof(bytes), 0), (long)sizeof(bytes),
       "64 KiB of random bytes");
    for (size_t i = 0; i < sizeof(bytes); i++)
        ones += __builtin_popcount(bytes[i]);
    /* Four standard deviations of 512 Kibit around one half. */
    ok(ones > 262144 - 1448 && ones < 262144 + 1448,
       "half of the bits are set");
    ok(memcmp(bytes, bytes + 32768, 32768) != 0, "the halves differ");
}

int main(void)
{
    test_membarrier();
    test_dekker();
    test_affinity();
    test_policy();
    test_cpu_clocks();
    test_setting_clocks();
    test_limits();
    test_descriptors();
    test_random();
    return done_testing();
}
