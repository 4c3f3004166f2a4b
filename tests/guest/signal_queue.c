/*
 * What is pending, and in which order it comes: real-time signals queue with
 * what they carry, the others do not; the bound on the queue; signals that a
 * thread leaves behind when it ends.
 */
#define _GNU_SOURCE
#include "probe.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <time.h>

#define MANY 100

static int order[MANY * 2], values[MANY * 2], codes[MANY * 2];
static volatile int count;

static void note(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (count >= MANY * 2)
        return;
    order[count] = number;
    codes[count] = info->si_code;
    values[count++] = info->si_value.sival_int;
}

/* Handler for all; nothing else interrupts it. */
static void handle(int number)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO};

    action.sa_sigaction = note;
    sigfillset(&action.sa_mask);
    must(!sigaction(number, &action, NULL));
}

static sigset_t set_of(int first, int second)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, first);
    if (second)
        sigaddset(&set, second);
    return set;
}

static int queue(pid_t pid, int number, int value)
{
    siginfo_t info = {.si_code = SI_QUEUE};

    info.si_value.sival_int = value;
    return syscall(SYS_rt_sigqueueinfo, pid, number, &info);
}

static int queue_thread(pid_t pid, pid_t tid, int number, int value)
{
    siginfo_t info = {.si_code = SI_QUEUE};

    info.si_value.sival_int = value;
    return syscall(SYS_rt_tgsigqueueinfo, pid, tid, number, &info);
}

static void test_order(void)
{
    int low = SIGRTMIN, high = SIGRTMIN + 5, good = 1;
    sigset_t set = set_of(low, high), pending;

    handle(low);
    handle(high);
    must(!sigprocmask(SIG_BLOCK, &set, NULL));
    for (int i = 0; i < MANY; i++)
        good &= !queue(getpid(), i % 2 ? low : high, i);
    ok(good, "real-time signals are queued");
    must(!sigpending(&pending));
    ok(sigismember(&pending, low) && sigismember(&pending, high),
       "both are pending");
    must(!sigprocmask(SIG_UNBLOCK, &set, NULL));
    is(count, MANY, "each comes");
    for (int i = 0; i < MANY; i++) {
        good &= order[i] == (i < MANY / 2 ? low : high);
        good &= values[i] == i % (MANY / 2) * 2 + (i < MANY / 2);
    }
    ok(good, "the lower number first, each in the order sent");
    ok(codes[0] == SI_QUEUE, "si_code is SI_QUEUE");
    must(!sigpending(&pending));
    ok(!sigismember(&pending, low), "then none is pending");
}

static void test_standard(void)
{
    sigset_t set = set_of(SIGUSR1, SIGUSR2);

    handle(SIGUSR1);
    count = 0;
    must(!sigprocmask(SIG_BLOCK, &set, NULL));
    queue(getpid(), SIGUSR1, 1);
    queue(getpid(), SIGUSR1, 2);
    must(!sigprocmask(SIG_UNBLOCK, &set, NULL));
    ok(count == 1 && values[0] == 1, "of a standard signal the first counts");
}

static void test_thread_first(void)
{
    int number = SIGRTMIN + 1;
    sigset_t set = set_of(number, 0);

    handle(number);
    count = 0;
    must(!sigprocmask(SIG_BLOCK, &set, NULL));
    queue(getpid(), number, 1);
    works(queue_thread(getpid(), gettid(), number, 2), "rt_tgsigqueueinfo");
    must(!sigprocmask(SIG_UNBLOCK, &set, NULL));
    ok(count == 2 && values[0] == 2 && values[1] == 1,
       "a thread's own come before the task's");
}

static void test_wait(void)
{
    int number = SIGRTMIN + 2;
    struct timespec none = {0};
    sigset_t set = set_of(number, SIGUSR2);
    siginfo_t info;

    must(!sigprocmask(SIG_BLOCK, &set, NULL));
    for (int i = 0; i < 3; i++)
        queue(getpid(), number, i);
    kill(getpid(), SIGUSR2);
    is(sigtimedwait(&set, &info, &none), SIGUSR2, "the lowest first");
    for (int i = 0; i < 3; i++) {
        is(sigtimedwait(&set, &info, &none), number, "sigtimedwait: one each");
        is(info.si_value.sival_int, i, "with its value");
    }
    fails(sigtimedwait(&set, &info, &none), EAGAIN, "then no more");
    must(!sigprocmask(SIG_UNBLOCK, &set, NULL));
}

static void test_arguments(void)
{
    siginfo_t info = {.si_code = SI_QUEUE};
    pid_t me = getpid(), parent = getppid();

    fails(syscall(SYS_rt_tgsigqueueinfo, me, 0, SIGUSR1, &info), EINVAL,
          "tid 0");
    fails(syscall(SYS_rt_tgsigqueueinfo, -1, me, SIGUSR1, &info), EINVAL,
          "tgid -1");
    fails(syscall(SYS_rt_tgsigqueueinfo, me, 30000, SIGUSR1, &info), ESRCH,
          "no such thread");
    fails(syscall(SYS_rt_tgsigqueueinfo, me, me, 65, &info), EINVAL,
          "no such signal");
    fails(syscall(SYS_rt_sigqueueinfo, me, SIGUSR1, NULL), EFAULT,
          "no information");
    info.si_code = SI_TKILL;
    fails(syscall(SYS_rt_sigqueueinfo, parent, 0, &info), EPERM,
          "nobody claims to be tkill");
    works(syscall(SYS_rt_sigqueueinfo, me, 0, &info), "but to oneself");
    info.si_code = 77;
    fails(syscall(SYS_rt_tgsigqueueinfo, parent, parent, 0, &info), EPERM,
          "nor to be the kernel");
}

static int queue_bounded(void *unused)
{
    struct rlimit none = {0, 0};
    int number = SIGRTMIN + 3;
    sigset_t set = set_of(number, SIGUSR1);

    (void)unused;
    must(!sigprocmask(SIG_BLOCK, &set, NULL));
    must(!setrlimit(RLIMIT_SIGPENDING, &none));
    if (queue(getpid(), number, 1) != -1 || errno != EAGAIN)
        return 1;
    if (syscall(SYS_tkill, getpid(), number) != -1 || errno != EAGAIN)
        return 2;
    if (kill(getpid(), number))
        return 3;
    if (queue(getpid(), SIGUSR1, 1))
        return 4;
    return 0;
}

static void test_bound(void)
{
    struct rlimit limit;

    must(!getrlimit(RLIMIT_SIGPENDING, &limit));
    ok(limit.rlim_cur >= 256 && limit.rlim_cur < 1 << 22,
       "RLIMIT_SIGPENDING is a number");
    is(in_child(queue_bounded, NULL), 0,
       "beyond it EAGAIN, but kill and standard signals go through");
}

static int exec_keeps(void *unused)
{
    int number = SIGRTMIN + 4;
    sigset_t set = set_of(number, 0), pending;
    pid_t child;
    int status;

    (void)unused;
    must(!sigprocmask(SIG_BLOCK, &set, NULL));
    for (int i = 0; i < MANY; i++)
        queue(getpid(), number, i);
    child = fork();
    if (!child) {
        sigpending(&pending);
        _exit(sigismember(&pending, number));
    }
    must(waitpid(child, &status, 0) == child);
    return status; /* ends with 100 signals queued */
}

static pid_t volatile holder;
static volatile int go, got;

static void *leave(void *unused)
{
    holder = gettid();
    while (!go)
        sched_yield();
    return unused;
}

static void take(int number)
{
    got = number;
}

/* The thread that was chosen for it ends: somebody else takes the signal. */
static void *ends_in_a_handler(void *unused)
{
    sigset_t set = set_of(SIGUSR2, 0);

    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    leave(unused);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    return unused;
}

static void test_handed_over(void)
{
    sigset_t set = set_of(SIGUSR2, 0);
    struct timespec second = {.tv_sec = 5};
    pthread_t thread;

    signal(SIGUSR2, take);
    must(!sigprocmask(SIG_BLOCK, &set, NULL));
    for (int i = 0; i < 20; i++) {
        holder = go = got = 0;
        must(!pthread_create(&thread, NULL, ends_in_a_handler, NULL));
        while (!holder)
            sched_yield();
        go = i % 2;
        kill(getpid(), SIGUSR2);
        go = 1;
        if (!got && i % 4 == 3) {
            must(!sigprocmask(SIG_UNBLOCK, &set, NULL));
            while (!got)
                sched_yield();
            must(!sigprocmask(SIG_BLOCK, &set, NULL));
        }
        pthread_join(thread, NULL);
        if (!got && sigtimedwait(&set, NULL, &second) != SIGUSR2)
            break;
        got = 1;
    }
    is(got, 1, "a signal is not lost with the thread it was meant for");
    must(!sigprocmask(SIG_UNBLOCK, &set, NULL));
}

int main(void)
{
    test_order();
    test_standard();
    test_thread_first();
    test_wait();
    test_arguments();
    test_bound();
    is(in_child(exec_keeps, NULL), 0, "a child has nothing pending");
    test_handed_over();
    return done_testing();
}
