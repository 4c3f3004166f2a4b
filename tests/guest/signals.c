/*
 * Signals other than SIGSEGV: handlers, masks, pending ones, SIGCHLD,
 * alternate stacks, interrupted calls, signals to one thread.
 */
#define _GNU_SOURCE
#include "probe.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

static volatile int count;
static volatile int last;
static volatile int last_code;
static volatile pid_t last_pid;

static void note(int number, siginfo_t *info, void *context)
{
    (void)context;
    count++;
    last = number;
    last_code = info->si_code;
    last_pid = info->si_pid;
}

static void handle(int number, int flags)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO | flags};

    action.sa_sigaction = note;
    must(!sigaction(number, &action, NULL));
    count = 0;
    last = 0;
}

static void block(int how, int number)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, number);
    must(!sigprocmask(how, &set, NULL));
}

static void test_handler(void)
{
    handle(SIGUSR1, 0);
    works(kill(getpid(), SIGUSR1), "kill of oneself");
    is(count, 1, "the handler has run when kill returns");
    is(last, SIGUSR1, "with the number");
    is(last_code, SI_USER, "si_code is SI_USER");
    is(last_pid, getpid(), "si_pid is the sender");
    works(raise(SIGUSR1), "raise");
    is(last_code, SI_TKILL, "comes from tkill");
    signal(SIGUSR1, SIG_IGN);
    kill(getpid(), SIGUSR1);
    is(count, 2, "an ignored signal does nothing");
    handle(SIGUSR1, SA_RESETHAND);
    kill(getpid(), SIGUSR1);
    ok(count == 1 && signal(SIGUSR1, SIG_DFL) == SIG_DFL,
       "SA_RESETHAND: one time only");
}

static void test_mask(void)
{
    sigset_t pending;

    handle(SIGUSR2, 0);
    block(SIG_BLOCK, SIGUSR2);
    kill(getpid(), SIGUSR2);
    kill(getpid(), SIGUSR2);
    is(count, 0, "a blocked signal waits");
    must(!sigpending(&pending));
    ok(sigismember(&pending, SIGUSR2) == 1 &&
           sigismember(&pending, SIGUSR1) == 0,
       "sigpending tells which");
    block(SIG_UNBLOCK, SIGUSR2);
    is(count, 1, "two of a kind are one when unblocked");
    must(!sigpending(&pending));
    is(sigismember(&pending, SIGUSR2), 0, "then none is pending");
}

static void test_arguments(void)
{
    struct sigaction action = {.sa_flags = 0};
    unsigned long set = 0;

    fails(sigaction(SIGKILL, &action, NULL), EINVAL, "SIGKILL has no handler");
    fails(sigaction(SIGSTOP, &action, NULL), EINVAL, "nor has SIGSTOP");
    fails(syscall(SYS_rt_sigaction, 65, NULL, NULL, 8), EINVAL, "nor 65");
    fails(syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 4), EINVAL,
          "a signal set has eight bytes");
    fails(syscall(SYS_rt_sigprocmask, 9, &set, NULL, 8), EINVAL,
          "an unknown way to change the mask");
    works(syscall(SYS_rt_sigprocmask, 9, NULL, &set, 8),
          "which does not matter without a set");
    set = -1UL;
    works(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &set, NULL, 8), "all off");
    works(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &set, 8), "asked");
    is(set & (1UL << (SIGKILL - 1) | 1UL << (SIGSTOP - 1)), 0,
       "SIGKILL and SIGSTOP cannot be blocked");
    set = 0;
    works(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &set, NULL, 8), "all on");
}

static volatile int depth;
static volatile int deepest;
static volatile int runs;

static void nest(int number)
{
    depth++;
    if (depth > deepest)
        deepest = depth;
    if (++runs < 3)
        raise(number);
    depth--;
}

static void test_nesting(void)
{
    struct sigaction action = {.sa_handler = nest};

    must(!sigaction(SIGUSR1, &action, NULL));
    raise(SIGUSR1);
    is(runs, 3, "a handler that raises its own signal runs again");
    is(deepest, 1, "after it has returned");
    action.sa_flags = SA_NODEFER;
    must(!sigaction(SIGUSR1, &action, NULL));
    runs = 0;
    raise(SIGUSR1);
    is(deepest, 3, "with SA_NODEFER within itself");
    signal(SIGUSR1, SIG_DFL);
}

static int exit_at_once(void *unused)
{
    (void)unused;
    return 0;
}

static void test_child(void)
{
    handle(SIGCHLD, 0);
    is(in_child(exit_at_once, NULL), 0, "a child ends");
    is(count, 1, "SIGCHLD comes");
    is(last_code, CLD_EXITED, "and says that it exited");
    signal(SIGCHLD, SIG_DFL);
}

static char *alt_stack;
static volatile int on_alt;

static void where(int number)
{
    char here;

    (void)number;
    on_alt = &here >= alt_stack && &here < alt_stack + 4 * PAGE;
}

static void test_alternate(void)
{
    struct sigaction action = {.sa_handler = where, .sa_flags = SA_ONSTACK};
    stack_t alt = {.ss_size = 4 * PAGE};
    stack_t old;

    alt_stack = map_pages(4);
    alt.ss_sp = alt_stack;
    works(sigaltstack(&alt, &old), "sigaltstack");
    is(old.ss_flags, SS_DISABLE, "there was none");
    must(!sigaction(SIGUSR1, &action, NULL));
    raise(SIGUSR1);
    ok(on_alt, "the handler runs there");
    alt.ss_size = 16;
    fails(syscall(SYS_sigaltstack, &alt, NULL), ENOMEM, "16 bytes are few");
    alt.ss_flags = SS_DISABLE;
    works(sigaltstack(&alt, NULL), "it goes away");
    raise(SIGUSR1);
    ok(!on_alt, "and the handler is on the main stack");
    munmap(alt_stack, 4 * PAGE);
}

/* Sends SIGUSR1 until told to stop: the parent sleeps sooner or later. */
static int pester(void *stop)
{
    while (!*(volatile int *)stop) {
        kill(getppid(), SIGUSR1);
        sched_yield();
    }
    return 0;
}

static void test_interrupts(void)
{
    struct timespec long_time = {.tv_sec = 1000};
    struct timespec rest = {0};
    volatile int *stop = map_shared(1);
    pid_t pid;

    handle(SIGUSR1, 0);
    pid = fork();
    must(pid >= 0);
    if (!pid)
        _exit(pester((void *)stop));
    fails(nanosleep(&long_time, &rest), EINTR, "a signal ends nanosleep");
    ok(rest.tv_sec > 900 && rest.tv_sec <= 1000, "and the rest is told");
    handle(SIGUSR1, SA_RESTART);
    fails(nanosleep(&long_time, NULL), EINTR, "also with SA_RESTART");
    *stop = 1;
    is(wait_status(pid), 0, "the sender ends");
    signal(SIGUSR1, SIG_DFL);
    munmap((void *)stop, PAGE);
}

static void test_suspend(void)
{
    sigset_t none;

    sigemptyset(&none);
    block(SIG_BLOCK, SIGUSR2);
    handle(SIGUSR2, 0);
    kill(getpid(), SIGUSR2);
    fails(sigsuspend(&none), EINTR, "sigsuspend");
    is(count, 1, "takes what was blocked");
    kill(getpid(), SIGUSR2);
    is(count, 1, "and blocks it again");
    block(SIG_UNBLOCK, SIGUSR2);
    is(count, 2, "as before");
}

static volatile pid_t handler_thread;
static volatile int thread_stop;

static void who(int number)
{
    (void)number;
    handler_thread = syscall(SYS_gettid);
}

static volatile pid_t thread_id;

static void *wait_for_stop(void *unused)
{
    thread_id = syscall(SYS_gettid);
    while (!thread_stop)
        sched_yield();
    return unused;
}

static void test_thread(void)
{
    pthread_t thread;

    signal(SIGUSR1, who);
    must(!pthread_create(&thread, NULL, wait_for_stop, NULL));
    while (!thread_id)
        sched_yield();
    works(pthread_kill(thread, SIGUSR1), "a signal to a thread");
    while (!handler_thread)
        sched_yield();
    is(handler_thread, thread_id, "is handled by that thread");
    block(SIG_BLOCK, SIGUSR1);
    handler_thread = 0;
    kill(getpid(), SIGUSR1);
    while (!handler_thread)
        sched_yield();
    is(handler_thread, thread_id, "one to the task by one that takes it");
    thread_stop = 1;
    pthread_join(thread, NULL);
    block(SIG_UNBLOCK, SIGUSR1);
}

int main(void)
{
    test_handler();
    test_mask();
    test_arguments();
    test_nesting();
    test_child();
    test_alternate();
    test_interrupts();
    test_suspend();
    test_thread();
    return done_testing();
}
