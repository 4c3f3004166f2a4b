/*
 * fork(2), exit, wait4(2) and kill(2) of tasks: statuses, flags, errors,
 * orphans, and many children at once.
 */
#define _GNU_SOURCE
#include "probe.h"

#include <sched.h>
#include <sys/resource.h>

static int return_it(void *value)
{
    return *(int *)value;
}

static pid_t spawn(int (*work)(void *), void *argument)
{
    pid_t pid = fork();

    must(pid >= 0);
    if (!pid)
        _exit(work(argument));
    return pid;
}

static int wait_forever(void *unused)
{
    (void)unused;
    for (;;)
        sched_yield();
    return 0;
}

static void test_exit_codes(void)
{
    int codes[] = {0, 1, 42, 255, 256 + 3};
    int wants[] = {0, 1, 42, 255, 3};

    for (int i = 0; i < 5; i++)
        is(in_child(return_it, &codes[i]), wants[i], "exit with %d", codes[i]);
}

static int compare_ids(void *parent)
{
    return getppid() != *(pid_t *)parent || getpid() == *(pid_t *)parent ||
           syscall(SYS_gettid) != getpid();
}

static void test_ids(void)
{
    pid_t self = getpid();

    is(in_child(compare_ids, &self), 0,
       "a child has its own pid and knows "
       "its parent's");
    is(getpid(), self, "the parent's stays");
}

static void test_no_child(void)
{
    int status;

    fails(wait4(-1, &status, 0, NULL), ECHILD, "wait4 without a child");
    fails(wait4(-1, &status, WNOHANG, NULL), ECHILD, "with WNOHANG too");
    fails(wait4(getpid(), &status, 0, NULL), ECHILD, "oneself is no child");
    fails(wait4(getppid(), &status, 0, NULL), ECHILD, "nor is the parent");
    fails(wait4(-1, &status, 0x40, NULL), EINVAL, "an unknown flag");
}

static void test_no_hang(void)
{
    int status = 0;
    int zero = 0;
    pid_t pid = spawn(wait_forever, NULL);
    pid_t other = spawn(return_it, &zero);

    is(waitpid(pid, &status, WNOHANG), 0, "WNOHANG: none has ended");
    is(waitpid(other, NULL, 0), other, "one of two, and no status wanted");
    is(waitpid(-1, &status, WNOHANG), 0, "the other has not ended");
    works(kill(pid, SIGKILL), "kill");
    is(waitpid(-1, &status, 0), pid, "now it has");
    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "of SIGKILL");
    fails(waitpid(pid, &status, 0), ECHILD, "it is waited for once");
    fails(kill(pid, SIGKILL), ESRCH, "and is no more");
}

static void test_signals_kill(void)
{
    int signals[] = {SIGTERM, SIGKILL, SIGHUP, SIGUSR1};

    for (int i = 0; i < 4; i++) {
        pid_t pid = spawn(wait_forever, NULL);

        must(!kill(pid, signals[i]));
        is(wait_status(pid), 1000 + signals[i], "killed by signal %d",
           signals[i]);
    }
}

static void test_kill_errors(void)
{
    works(kill(getpid(), 0), "signal 0 only asks");
    fails(kill(getpid(), 65), EINVAL, "there are 64 signals");
    fails(kill(getpid(), -1), EINVAL, "and none is negative");
    fails(kill(0x3fffffff, 0), ESRCH, "no such task");
    fails(syscall(SYS_tgkill, getpid(), 0x3fffffff, 0), ESRCH,
          "no such thread");
    fails(syscall(SYS_tgkill, getpid(), -1, 0), EINVAL, "no thread is -1");
    works(syscall(SYS_tgkill, getpid(), getpid(), 0), "this one is there");
}

/* Waiting for one child leaves the others to be waited for. */
static void test_many(void)
{
    enum {
        COUNT = 24
    };
    pid_t pids[COUNT];
    int seen[COUNT] = {0};
    int wrong = 0;
    int status;
    pid_t pid;

    for (int i = 0; i < COUNT; i++)
        pids[i] = spawn(return_it, &i);
    must(waitpid(pids[COUNT / 2], &status, 0) == pids[COUNT / 2]);
    is(WEXITSTATUS(status), COUNT / 2, "one child among 24");
    seen[COUNT / 2] = 1;
    while ((pid = waitpid(-1, &status, 0)) > 0) {
        for (int i = 0; i < COUNT; i++)
            if (pids[i] == pid) {
                seen[i]++;
                wrong += WEXITSTATUS(status) != i;
            }
    }
    for (int i = 0; i < COUNT; i++)
        wrong += seen[i] != 1;
    is(wrong, 0, "the others, each once with its own status");
    fails(waitpid(-1, &status, 0), ECHILD, "then there is none");
}

struct family {
    volatile pid_t middle;
    volatile pid_t new_parent;
};

static int orphan(void *argument)
{
    struct family *family = argument;

    while (getppid() == family->middle)
        sched_yield();
    family->new_parent = getppid();
    return 0;
}

static int leave_orphan(void *argument)
{
    struct family *family = argument;

    family->middle = getpid();
    spawn(orphan, family);
    return 5;
}

static void test_orphan(void)
{
    struct family *family = map_shared(1);

    is(in_child(leave_orphan, family), 5, "a parent leaves before its child");
    while (!family->new_parent)
        sched_yield();
    ok(family->new_parent != family->middle, "the orphan gets a new parent");
    fails(waitpid(-1, NULL, 0), ECHILD, "which is not its grandparent");
    munmap(family, PAGE);
}

static void test_usage(void)
{
    struct rusage usage;
    int status;
    int code = 9;
    pid_t pid = spawn(return_it, &code);

    memset(&usage, 0xff, sizeof(usage));
    is(wait4(pid, &status, 0, &usage), pid, "wait4 with a usage");
    ok(usage.ru_utime.tv_sec >= 0 && usage.ru_utime.tv_sec < 10 &&
           usage.ru_minflt >= 0,
       "which is filled");
}

static int vfork_value;

static void test_vfork(void)
{
    pid_t pid = vfork();
    int status;

    if (!pid) {
        vfork_value = 6;
        _exit(4);
    }
    must(pid > 0);
    is(vfork_value, 6, "vfork shares memory and lets the child go first");
    must(waitpid(pid, &status, 0) == pid);
    is(WEXITSTATUS(status), 4, "and its child ends like another");
}

/* Without CLONE_VM but with both ids asked for. */
static void test_clone_ids(void)
{
    pid_t *ids = map_shared(1);
    long pid =
        syscall(SYS_clone, SIGCHLD | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID,
                0, &ids[0], &ids[1], 0);

    if (!pid)
        _exit(ids[1] == getpid() ? 0 : 1);
    must(pid > 0);
    is(ids[0], pid, "CLONE_PARENT_SETTID stores the child's id");
    is(wait_status(pid), 0, "CLONE_CHILD_SETTID does so in the child");
    fails(syscall(SYS_clone, CLONE_THREAD, 0, 0, 0, 0), EINVAL,
          "CLONE_THREAD needs CLONE_SIGHAND");
    fails(syscall(SYS_clone, CLONE_SIGHAND, 0, 0, 0, 0), EINVAL,
          "CLONE_SIGHAND needs CLONE_VM");
    munmap(ids, PAGE);
}

int main(void)
{
    test_no_child();
    test_exit_codes();
    test_ids();
    test_no_hang();
    test_signals_kill();
    test_kill_errors();
    test_many();
    test_orphan();
    test_usage();
    test_vfork();
    test_clone_ids();
    return done_testing();
}
