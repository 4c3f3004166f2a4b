/*
 * Stopping and continuing tasks: what the signals do, what the parent is told
 * by wait and by SIGCHLD, groups, and the call a stop interrupts.
 */
#define _GNU_SOURCE
#include "probe.h"

#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <time.h>

static volatile int count, last_code, last_status;
static volatile pid_t last_pid;
static volatile long *shared;

static void note(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    last_code = info->si_code;
    last_status = info->si_status;
    last_pid = info->si_pid;
    count++;
}

static void handle(int number, int flags)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO | flags};

    action.sa_sigaction = note;
    must(!sigaction(number, &action, NULL));
    count = last_code = 0;
}

static void nap(long ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    nanosleep(&t, NULL);
}

static void *spin(void *unused)
{
    for (;;)
        shared[0]++;
    return unused;
}

/* Two threads, one busy and one asleep; in a group that is not orphaned. */
static pid_t start_child(void)
{
    pthread_t thread;
    pid_t pid;

    shared[0] = 0;
    pid = fork();
    must(pid >= 0);
    if (pid) {
        setpgid(pid, pid);
        return pid;
    }
    setpgid(0, 0);
    must(!pthread_create(&thread, NULL, spin, NULL));
    for (;;)
        pause();
}

static void wait_running(void)
{
    long seen = shared[0];

    while (shared[0] == seen)
        sched_yield();
}

static int still(void)
{
    long seen = shared[0];

    nap(30);
    return shared[0] == seen;
}

static void test_stop(pid_t pid)
{
    int status;

    wait_running();
    is(waitpid(pid, &status, WUNTRACED | WNOHANG), 0, "nothing to report");
    works(kill(pid, SIGSTOP), "SIGSTOP");
    is(waitpid(pid, &status, WUNTRACED), pid, "WUNTRACED reports the stop");
    is(status, SIGSTOP << 8 | 0x7f, "with the signal");
    ok(still(), "all its threads stand still");
    is(waitpid(pid, &status, WUNTRACED | WNOHANG), 0, "reported once");
    is(count, 1, "one SIGCHLD");
    is(last_code, CLD_STOPPED, "that says CLD_STOPPED");
    is(last_status, SIGSTOP, "and by which signal");
    is(last_pid, pid, "and who");
    kill(pid, SIGUSR1); /* stays pending: its action is to end */
    ok(still(), "another signal does not wake it");
    count = 0;
}

static void test_continue(pid_t pid)
{
    int status;

    signal(SIGUSR1, SIG_DFL);
    works(kill(pid, SIGCONT), "SIGCONT");
    is(waitpid(pid, &status, WCONTINUED), pid, "WCONTINUED reports it");
    if (WIFCONTINUED(status))
        ok(waitpid(pid, &status, 0) == pid, "then the pending signal comes");
    else
        ok(1, "the pending signal was faster");
    is(status, SIGUSR1, "which ends it");
    is(last_code, CLD_KILLED, "SIGCHLD says CLD_KILLED");
    is(last_status, SIGUSR1, "with the signal");
}

static void test_waitid(void)
{
    pid_t pid = start_child();
    siginfo_t info = {0};

    wait_running();
    kill(pid, SIGTSTP);
    works(waitid(P_PID, pid, &info, WSTOPPED | WNOWAIT), "waitid, WNOWAIT");
    is(info.si_code, CLD_STOPPED, "CLD_STOPPED");
    is(info.si_status, SIGTSTP, "by SIGTSTP");
    is(info.si_signo, SIGCHLD, "as a SIGCHLD");
    memset(&info, 0, sizeof(info));
    works(waitid(P_PID, pid, &info, WSTOPPED), "WNOWAIT left it");
    is(info.si_pid, pid, "with the pid");
    info.si_pid = 1;
    works(waitid(P_PID, pid, &info, WSTOPPED | WNOHANG), "now it is taken");
    is(info.si_pid, 0, "nobody there");
    kill(pid, SIGCONT);
    works(waitid(P_PID, pid, &info, WCONTINUED | WNOWAIT), "continued");
    is(info.si_code, CLD_CONTINUED, "CLD_CONTINUED");
    is(info.si_status, SIGCONT, "by SIGCONT");
    works(waitid(P_PID, pid, &info, WCONTINUED), "once more");
    wait_running();
    ok(1, "it runs");
    kill(pid, SIGTTIN);
    is(waitpid(pid, NULL, WUNTRACED), pid, "SIGTTIN stops");
    works(kill(pid, SIGKILL), "SIGKILL of a stopped task");
    works(waitid(P_PID, pid, &info, WEXITED), "ends it");
    ok(info.si_code == CLD_KILLED && info.si_status == SIGKILL, "CLD_KILLED");
    fails(waitid(P_PID, pid, &info, WSTOPPED), ECHILD, "then it is gone");
}

static void test_quiet(void)
{
    pid_t pid;
    int status;

    handle(SIGCHLD, SA_NOCLDSTOP | SA_RESTART);
    pid = start_child();
    wait_running();
    kill(pid, SIGSTOP);
    is(waitpid(pid, &status, WUNTRACED), pid, "stopped");
    kill(pid, SIGCONT);
    is(waitpid(pid, &status, WCONTINUED), pid, "and continued");
    is(status, 0xffff, "as wait tells it");
    is(count, 0, "SA_NOCLDSTOP: no SIGCHLD");
    kill(pid, SIGKILL);
    is(waitpid(pid, &status, 0), pid, "it ends");
    is(count, 1, "that is a SIGCHLD");
}

static int pending_of(int number)
{
    sigset_t set;

    sigpending(&set);
    return sigismember(&set, number);
}

static int cancelling(void *unused)
{
    sigset_t set;

    (void)unused;
    sigemptyset(&set);
    sigaddset(&set, SIGTSTP);
    sigaddset(&set, SIGCONT);
    must(!sigprocmask(SIG_BLOCK, &set, NULL));
    handle(SIGCONT, 0);
    kill(getpid(), SIGTSTP);
    if (!pending_of(SIGTSTP))
        return 1;
    kill(getpid(), SIGCONT);
    if (pending_of(SIGTSTP) || !pending_of(SIGCONT))
        return 2;
    kill(getpid(), SIGTTOU);
    syscall(SYS_tkill, getpid(), SIGTSTP);
    if (pending_of(SIGCONT) || !pending_of(SIGTSTP))
        return 3;
    signal(SIGTSTP, SIG_IGN);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    return count; /* 0: no SIGCONT was left */
}

/* In a group of its own that has a parent in another, or TTOU is ignored. */
static void test_cancel(void)
{
    pid_t pid = fork();
    int status;

    if (!pid) {
        signal(SIGTTOU, SIG_IGN);
        _exit(cancelling(NULL));
    }
    is(waitpid(pid, &status, 0), pid, "stop and continue, both blocked");
    is(status, 0, "each takes the other away");
}

static void test_caught(void)
{
    pid_t pid = fork();
    int status;

    if (!pid) {
        handle(SIGCONT, 0);
        handle(SIGTSTP, 0);
        raise(SIGTSTP);
        if (count != 1)
            _exit(1);
        raise(SIGSTOP);
        _exit(count == 2 ? 0 : 2);
    }
    is(waitpid(pid, &status, WUNTRACED), pid, "a handler of SIGTSTP runs");
    ok(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP, "SIGSTOP has none");
    kill(pid, SIGCONT);
    is(waitpid(pid, &status, 0), pid, "goes on and ends");
    is(status, 0, "and a handler of SIGCONT runs first");
}

/* A group without a parent elsewhere in the session cannot be stopped from
 * the terminal, since nobody would continue it. */
static void test_orphaned(void)
{
    pid_t pid = fork();
    int status;

    if (!pid) {
        setsid();
        raise(SIGTSTP);
        raise(SIGTTIN);
        raise(SIGTTOU);
        raise(SIGSTOP);
        _exit(0);
    }
    is(waitpid(pid, &status, WUNTRACED), pid, "an orphaned group");
    is(status, SIGSTOP << 8 | 0x7f, "is stopped by SIGSTOP only");
    kill(pid, SIGCONT);
    is(waitpid(pid, &status, 0), pid, "and goes on");
    is(status, 0, "to its end");
}

static void test_group(void)
{
    pid_t pids[3];
    int status;

    for (int i = 0; i < 3; i++) {
        pids[i] = fork();
        if (!pids[i]) {
            setpgid(0, i ? pids[0] : 0);
            for (;;)
                pause();
        }
        setpgid(pids[i], pids[0]);
    }
    works(kill(-pids[0], SIGSTOP), "a group is stopped");
    for (int i = 0; i < 3; i++)
        is(waitpid(-pids[0], &status, WUNTRACED) > 0 && WIFSTOPPED(status), 1,
           "each of it");
    is(waitpid(-pids[0], &status, WUNTRACED | WNOHANG), 0, "no more");
    kill(-pids[0], SIGCONT);
    for (int i = 0; i < 3; i++)
        is(waitpid(-pids[0], &status, WCONTINUED) > 0 && WIFCONTINUED(status),
           1, "each goes on");
    kill(-pids[0], SIGKILL);
    for (int i = 0; i < 3; i++)
        is(waitpid(-pids[0], &status, 0) > 0 && status == SIGKILL, 1,
           "each is killed");
    fails(waitpid(-pids[0], &status, 0), ECHILD, "the group is empty");
}

static int no_zombies(void *unused)
{
    (void)unused;
    handle(SIGCHLD, SA_NOCLDWAIT);
    for (int i = 0; i < 3; i++)
        if (!fork())
            _exit(i);
    errno = 0;
    while (wait(NULL) == -1 && errno == EINTR)
        errno = 0;
    return errno == ECHILD && count > 0 ? 0 : 1;
}

/* The thread that dies tells its child, unless the child executes. */
static int parent_death(void *unused)
{
    int signal_number = 0;
    sigset_t set;
    pid_t middle;

    (void)unused;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    must(!sigprocmask(SIG_BLOCK, &set, NULL));
    if (prctl(PR_SET_PDEATHSIG, 65) != -1 || errno != EINVAL)
        return 1;
    must(!prctl(PR_GET_PDEATHSIG, &signal_number));
    if (signal_number)
        return 2;
    shared[1] = shared[2] = 0;
    middle = fork();
    if (!middle) {
        if (!fork()) {
            siginfo_t info;

            prctl(PR_SET_PDEATHSIG, SIGUSR1);
            prctl(PR_GET_PDEATHSIG, &signal_number);
            shared[2] = signal_number;
            shared[1] = sigwaitinfo(&set, &info);
            _exit(0);
        }
        while (!shared[2])
            sched_yield();
        _exit(0);
    }
    waitpid(middle, NULL, 0);
    while (!shared[1])
        sched_yield();
    return shared[1] == SIGUSR1 && shared[2] == SIGUSR1 ? 0 : 3;
}

/* A stopped member of a group that becomes orphaned: SIGHUP and SIGCONT. */
static int left_behind(void *unused)
{
    pid_t middle;

    (void)unused;
    shared[1] = shared[2] = 0;
    middle = fork();
    if (!middle) {
        pid_t pid = fork();

        if (!pid) {
            setpgid(0, 0);
            handle(SIGHUP, 0);
            raise(SIGSTOP);
            shared[1] = count + 1;
            _exit(0);
        }
        waitpid(pid, NULL, WUNTRACED);
        _exit(0);
    }
    waitpid(middle, NULL, 0);
    for (int i = 0; i < 2000 && !shared[1]; i++)
        nap(1);
    return shared[1] == 2 ? 0 : 1;
}

int main(void)
{
    pid_t pid;

    alarm(50);
    shared = map_shared(1);
    handle(SIGCHLD, SA_RESTART);
    pid = start_child();
    test_stop(pid);
    test_continue(pid);
    test_waitid();
    test_quiet();
    signal(SIGCHLD, SIG_DFL);
    test_cancel();
    test_caught();
    test_orphaned();
    test_group();
    is(in_child(no_zombies, NULL), 0, "SA_NOCLDWAIT leaves no zombies");
    is(in_child(parent_death, NULL), 0, "PR_SET_PDEATHSIG");
    is(in_child(left_behind, NULL), 0, "an orphaned, stopped group goes on");
    return done_testing();
}
