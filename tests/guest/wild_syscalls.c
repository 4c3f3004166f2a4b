/*
 * Every system call with wild arguments, each number in a child of its own:
 * whatever the child gets for it (an error, a signal, an exit), its parent
 * goes on and has all its memory. Left out are numbers that a privileged
 * user would harm a Linux host with, or that do nothing but wait.
 */
#define _GNU_SOURCE
#include "probe.h"

#include <limits.h>

#define LAST 600

/* First and last number of each group left out. */
static const short left_out[][2] = {
    {7, 7},     /* poll: waits for ever */
    {15, 15},   /* rt_sigreturn: see below */
    {23, 23},   /* select */
    {29, 31},   /* shared memory objects outlive us */
    {34, 34},   /* pause */
    {37, 38},   /* alarms */
    {56, 58},   /* clone, fork, vfork: strays */
    {62, 62},   /* kill: everybody */
    {64, 71},   /* semaphores and message queues, like shared memory */
    {101, 101}, /* ptrace stops the child */
    {103, 103}, /* syslog clears the log */
    {130, 130}, /* rt_sigsuspend waits */
    {128, 129}, /* rt_sigtimedwait, rt_sigqueueinfo */
    {141, 144}, /* priorities of others */
    {153, 153}, /* vhangup */
    {155, 156}, /* pivot_root, sysctl */
    {159, 183}, /* clocks, accounting, mounts, reboot, modules, quota */
    {200, 203}, /* tkill, time, futex, affinity of others */
    {220, 222}, /* semtimedop, fadvise, timers */
    {227, 227}, /* clock_settime */
    {234, 234}, /* tgkill */
    {237, 240}, /* memory policies of others, message queues */
    {246, 251}, /* kexec, waitid, keys, I/O priorities */
    {256, 256}, /* migrate_pages */
    {270, 271}, /* pselect6, ppoll */
    {279, 279}, /* move_pages */
    {297, 298}, /* signals to others, performance counters */
    {302, 305}, /* limits of others, clock_adjtime */
    {306, 306}, /* syncfs */
    {310, 314}, /* memory of others, modules, scheduling of others */
    {320, 321}, /* kexec, bpf */
    {424, 424}, /* pidfd_send_signal */
    {425, 427}, /* io_uring */
    {435, 435}, /* clone3 */
    {440, 440}, /* process_madvise */
    {449, 449}, /* futex_waitv */
    {454, 456}, /* futexes again */
};

static char *scratch;
static char *guard;

static int is_left_out(int number)
{
    size_t groups = sizeof(left_out) / sizeof(left_out[0]);

    for (size_t i = 0; i < groups; i++)
        if (number >= left_out[i][0] && number <= left_out[i][1])
            return 1;
    return 0;
}

static unsigned random_state = 20240229;

static unsigned next_random(void)
{
    random_state = random_state * 1664525 + 1013904223;
    return random_state >> 16;
}

static long wild_value(unsigned choice)
{
    const long values[] = {
        -1,       0,        1,           0x7fffffff,
        -4096,    LONG_MIN, LONG_MAX,    (long)0xffff888000000000,
        1L << 47, 4096,     (long)guard, (long)guard + PAGE - 4,
    };

    return values[choice % (sizeof(values) / sizeof(values[0]))];
}

static void call_wildly(int number)
{
    for (unsigned i = 0; i < 12; i++) {
        long v = wild_value(i);

        syscall(number, v, v, v, v, v, v);
    }
    for (unsigned i = 0; i < 6; i++)
        syscall(number, wild_value(next_random()), wild_value(next_random()),
                wild_value(next_random()), wild_value(next_random()),
                wild_value(next_random()), wild_value(next_random()));
}

/* Without descriptors there is nothing to wait for, and none to write to. */
static int child(int number)
{
    for (int fd = 0; fd < 8; fd++)
        close(fd);
    memset(scratch, 'c', 2 * PAGE);
    call_wildly(number);
    return 0;
}

static int memory_intact(void)
{
    return all_bytes(scratch, 's', 2 * PAGE) && probe_read(guard) == 0 &&
           probe_read(guard + PAGE) == SEGV_MAPERR;
}

/* Returns whether the parent came through system call NUMBER unharmed. */
static int survive(int number)
{
    pid_t pid = fork();

    if (pid < 0)
        return 0;
    if (!pid)
        _exit(child(number));
    wait_status(pid);
    return memory_intact();
}

static void test_all(void)
{
    for (int first = 0; first <= LAST; first += 100) {
        int wrong = 0;

        for (int i = first; i < first + 100; i++) {
            next_random();
            if (is_left_out(i) || survive(i))
                continue;
            diag("system call %d", i);
            wrong++;
        }
        is(wrong, 0, "numbers %d to %d", first, first + 99);
    }
}

static void test_huge_numbers(void)
{
    long numbers[] = {1023, 4096, 0x3fffffff, 0x80000000, 0xffffffff, -2};

    for (int i = 0; i < 6; i++)
        fails(syscall(numbers[i], -1, -1, -1, -1, -1, -1), ENOSYS,
              "number %#lx is ENOSYS", numbers[i]);
}

/* Returns from a signal that never came, with SIZE bytes VALUE as frame. */
static int return_wildly(void *value)
{
    char *frame = map_pages(2);

    memset(frame, *(int *)value, 2 * PAGE);
    asm volatile("movq %0, %%rsp\n"
                 "syscall\n"
                 "ud2\n"
                 :
                 : "r"(frame + PAGE), "a"(SYS_rt_sigreturn)
                 : "memory");
    return 0;
}

static void test_sigreturn(void)
{
    int values[] = {0, 0xff, 0x41, 0x80};

    for (int i = 0; i < 4; i++)
        is(in_child(return_wildly, &values[i]), 1000 + SIGSEGV,
           "rt_sigreturn to a frame of bytes %#x", values[i]);
}

int main(void)
{
    scratch = map_pages(2);
    guard = map_pages(2);
    munmap(guard + PAGE, PAGE);
    mprotect(guard, PAGE, PROT_READ);
    memset(scratch, 's', 2 * PAGE);
    test_all();
    test_huge_numbers();
    test_sigreturn();
    return done_testing();
}
