/*
 * Signals and waits: waiting for them synchronously, queueing one's own
 * information, groups, restarting, masks while polling, kills in waits.
 */
#define _GNU_SOURCE
#include "probe.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/select.h>
#include <time.h>
#include <linux/futex.h>

static volatile int count;
static volatile long last_value;

static void note(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    count++;
    last_value = info->si_value.sival_int;
}

static void handle(int number, int flags)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO | flags};

    action.sa_sigaction = note;
    must(!sigaction(number, &action, NULL));
    count = 0;
}

static void block(int how, int number)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, number);
    must(!sigprocmask(how, &set, NULL));
}

static void test_timedwait(void)
{
    struct timespec none = {0}, some = {.tv_nsec = 2000000};
    siginfo_t info;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGCHLD);
    must(!sigprocmask(SIG_BLOCK, &set, NULL));
    fails(sigtimedwait(&set, &info, &none), EAGAIN, "sigtimedwait, not at all");
    fails(sigtimedwait(&set, &info, &some), EAGAIN, "sigtimedwait for 2 ms");
    kill(getpid(), SIGUSR1);
    is(sigtimedwait(&set, &info, &none), SIGUSR1, "takes what is pending");
    is(info.si_code, SI_USER, "with its origin");
    is(info.si_pid, getpid(), "and sender");
    if (!fork())
        _exit(5);
    is(sigtimedwait(&set, &info, NULL), SIGCHLD,
       "waits for a signal that is ignored by default");
    is(info.si_status, 5, "and tells the status");
    while (wait(NULL) < 0)
        ;
    must(!sigprocmask(SIG_UNBLOCK, &set, NULL));
}

static void test_queue(void)
{
    siginfo_t info = {.si_code = SI_QUEUE};

    handle(SIGUSR1, 0);
    info.si_value.sival_int = 4711;
    works(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &info),
          "rt_sigqueueinfo");
    ok(count == 1 && last_value == 4711, "hands over the value");
    info.si_code = SI_USER;
    fails(syscall(SYS_rt_sigqueueinfo, getppid(), 0, &info), EPERM,
          "nobody claims to be kill");
    signal(SIGUSR1, SIG_DFL);
}

static void test_kill_arguments(void)
{
    works(kill(getpid(), 0), "signal 0 is no signal");
    fails(kill(getpid(), 65), EINVAL, "65 neither");
    fails(kill(30000, SIGTERM), ESRCH, "nobody there");
    fails(kill(30000, 65), ESRCH, "that comes first");
    fails(syscall(SYS_tkill, 0, 0), EINVAL, "tkill of 0");
    fails(syscall(SYS_tgkill, getpid(), -1, 0), EINVAL, "tgkill of -1");
    fails(syscall(SYS_tgkill, 30000, getpid(), 0), ESRCH, "another group");
}

static int sleeper(void *unused)
{
    (void)unused;
    for (;;)
        pause();
    return 0;
}

static void test_group(void)
{
    pid_t first = fork(), second;

    if (!first) {
        setpgid(0, 0);
        _exit(sleeper(NULL));
    }
    setpgid(first, first);
    second = fork();
    if (!second) {
        setpgid(0, first);
        _exit(sleeper(NULL));
    }
    setpgid(second, first);
    works(kill(-first, SIGTERM), "kill of a group");
    is(wait_status(first), 1000 + SIGTERM, "ends its first");
    is(wait_status(second), 1000 + SIGTERM, "and its second");
    fails(kill(-first, SIGTERM), ESRCH, "the group is gone");
}

static volatile int word;
static pthread_t main_thread;

static void *poke(void *unused)
{
    struct timespec nap = {.tv_nsec = 3000000};

    nanosleep(&nap, NULL);
    pthread_kill(main_thread, SIGUSR1);
    nanosleep(&nap, NULL);
    word = 1;
    syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    return unused;
}

static void test_restart(void)
{
    pthread_t thread;
    long r;

    main_thread = pthread_self();
    word = 0;
    handle(SIGUSR1, SA_RESTART);
    must(!pthread_create(&thread, NULL, poke, NULL));
    r = syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    ok(r == 0 || errno == EAGAIN, "a futex wait goes on after SA_RESTART");
    is(count, 1, "the handler ran");
    pthread_join(thread, NULL);
    word = 0;
    handle(SIGUSR1, 0);
    must(!pthread_create(&thread, NULL, poke, NULL));
    r = syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    ok(r == -1 && errno == EINTR, "and ends with EINTR without");
    pthread_join(thread, NULL);
    handle(SIGUSR1, SA_RESTART);
    must(!pthread_create(&thread, NULL, poke, NULL));
    fails(poll(NULL, 0, -1), EINTR, "poll never goes on");
    pthread_join(thread, NULL);
    must(!pthread_create(&thread, NULL, poke, NULL));
    fails(pause(), EINTR, "nor does pause");
    pthread_join(thread, NULL);
}

static void test_ppoll(void)
{
    struct timespec some = {.tv_nsec = 2000000};
    sigset_t none, now;

    sigemptyset(&none);
    handle(SIGUSR1, 0);
    block(SIG_BLOCK, SIGUSR1);
    kill(getpid(), SIGUSR1);
    fails(ppoll(NULL, 0, NULL, &none), EINTR, "ppoll with another mask");
    is(count, 1, "the handler ran");
    sigprocmask(SIG_BLOCK, NULL, &now);
    is(sigismember(&now, SIGUSR1), 1, "the mask is as before");
    kill(getpid(), SIGUSR1);
    fails(pselect(0, NULL, NULL, NULL, NULL, &none), EINTR, "pselect as well");
    is(count, 2, "the handler ran");
    is(ppoll(NULL, 0, &some, &none), 0, "without a signal: time is over");
    sigprocmask(SIG_BLOCK, NULL, &now);
    is(sigismember(&now, SIGUSR1), 1, "the mask is as before");
    block(SIG_UNBLOCK, SIGUSR1);
}

static int child_dies_in(void *argument)
{
    struct timespec long_time = {.tv_sec = 1000};
    sigset_t set;

    sigfillset(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    switch ((long)argument) {
    case 0:
        for (;;)
            nanosleep(&long_time, NULL);
    case 1:
        poll(NULL, 0, -1);
        return 1;
    case 2:
        pause();
        return 1;
    case 3:
        sigwaitinfo(&set, NULL);
        return 1;
    case 4:
        for (;;)
            ;
    default:
        if (!fork())
            for (;;)
                pause();
        wait(NULL);
        return 1;
    }
}

static void test_kill9(void)
{
    struct timespec nap = {.tv_nsec = 3000000};
    pid_t pid;

    for (long i = 0; i < 5; i++) {
        pid = fork();
        if (!pid)
            _exit(child_dies_in((void *)i));
        nanosleep(&nap, NULL);
        kill(pid, SIGKILL);
        is(wait_status(pid), 1000 + SIGKILL, "kill -9 in wait %ld", i);
    }
}

static void *kill_thread(void *unused)
{
    (void)unused;
    for (;;)
        pause();
    return NULL;
}

/* A fatal signal taken by one thread ends all, in whatever wait. */
static int threads_die(void *unused)
{
    pthread_t thread;

    (void)unused;
    for (int i = 0; i < 4; i++)
        pthread_create(&thread, NULL, kill_thread, NULL);
    sched_yield();
    pthread_kill(thread, SIGTERM);
    pause();
    return 0;
}

static void test_threads_die(void)
{
    is(in_child(threads_die, NULL), 1000 + SIGTERM,
       "a fatal signal to one thread ends the task");
}

static char small_stack[64] __attribute__((aligned(16)));

static int no_stack_for_frame(void *unused)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO};

    (void)unused;
    (void)small_stack;
    action.sa_sigaction = note;
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
    asm volatile("movq $64, %%rsp\n"
                 "syscall\n"
                 "ud2\n"
                 :
                 : "a"(SYS_kill), "D"(getpid()), "S"(SIGUSR1)
                 : "memory", "rcx", "r11");
    return 0;
}

static void test_no_stack(void)
{
    is(in_child(no_stack_for_frame, NULL), 1000 + SIGSEGV,
       "no stack for the frame: SIGSEGV kills");
}

static char *alt;
static volatile int handled_on_alt;

static void overflow_handler(int number, siginfo_t *info, void *context)
{
    char here;

    (void)number;
    (void)info;
    (void)context;
    handled_on_alt = &here >= alt && &here < alt + 8 * PAGE;
    _exit(handled_on_alt ? 9 : 8);
}

static int recurse(int depth)
{
    volatile char room[4096];

    room[0] = depth;
    return (depth < 1 << 20 ? recurse(depth + 1) : 0) + room[0];
}

static int overflow(void *unused)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK};
    stack_t ss = {.ss_size = 8 * PAGE};

    (void)unused;
    ss.ss_sp = alt = map_pages(8);
    sigaltstack(&ss, NULL);
    action.sa_sigaction = overflow_handler;
    sigaction(SIGSEGV, &action, NULL);
    return recurse(0);
}

static void test_overflow(void)
{
    is(in_child(overflow, NULL), 9,
       "a stack overflow is handled on the alternate stack");
}

int main(void)
{
    test_timedwait();
    test_queue();
    test_kill_arguments();
    test_group();
    test_restart();
    test_ppoll();
    test_kill9();
    test_threads_die();
    test_no_stack();
    test_overflow();
    return done_testing();
}
