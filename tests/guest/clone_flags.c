/*
 * What clone(2)'s flags share and what they do not: signal actions, the
 * address space, descriptors, for tasks and for threads; close_range(2) that
 * parts a thread's descriptors; execve(2) by one that is not the leader.
 * And prctl(2): subreapers and the rest that libraries ask for.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>

#include "probe.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static volatile int shared_word;
static volatile long *seen;

static void one(int number)
{
    (void)number;
    shared_word = 1;
}

static int handler_is(void (*handler)(int))
{
    struct sigaction action;

    must(!sigaction(SIGUSR1, NULL, &action));
    return action.sa_handler == handler;
}

/* A task that shares what FLAGS say; its exit status. */
static int cloned(int (*fn)(void *), int flags, void *arg)
{
    char *stack = map_pages(16);
    int pid = clone(fn, stack + 16 * PAGE, flags | SIGCHLD, arg), status;

    must(pid > 0);
    status = wait_status(pid);
    munmap(stack, 16 * PAGE);
    return status;
}

static int sets_handler(void *unused)
{
    (void)unused;
    shared_word = 7;
    return signal(SIGUSR1, one) == SIG_ERR;
}

static int closes(void *fd)
{
    return close(*(int *)fd);
}

static void test_sharing(void)
{
    int fd = eventfd(0, 0);

    signal(SIGUSR1, SIG_DFL);
    is(cloned(sets_handler, CLONE_VM | CLONE_SIGHAND, NULL), 0, "SIGHAND");
    ok(handler_is(one), "the handler it set is ours");
    is(shared_word, 7, "and the memory");
    signal(SIGUSR1, SIG_DFL);
    is(cloned(sets_handler, CLONE_VM, NULL), 0, "VM alone");
    ok(handler_is(SIG_DFL), "handlers are its own");
    shared_word = 0;
    is(cloned(sets_handler, 0, NULL), 0, "neither");
    is(shared_word, 0, "memory is its own");
    is(cloned(closes, 0, &fd), 0, "a copy of the descriptors");
    ok(fcntl(fd, F_GETFD) >= 0, "ours is open");
    is(cloned(closes, CLONE_FILES, &fd), 0, "FILES");
    fails(fcntl(fd, F_GETFD), EBADF, "ours is closed");
    is(cloned(sets_handler, CLONE_PTRACE | CLONE_UNTRACED | CLONE_IO, NULL), 0,
       "flags without a meaning here");
}

static int waits_and_sees(void *unused)
{
    (void)unused;
    while (!shared_word)
        usleep(1000);
    return !handler_is(one);
}

/* Ours changes while it runs. */
static void test_sharing_back(void)
{
    char *stack = map_pages(16);
    int pid;

    shared_word = 0;
    signal(SIGUSR1, SIG_DFL);
    pid = clone(waits_and_sees, stack + 16 * PAGE,
                CLONE_VM | CLONE_SIGHAND | SIGCHLD, NULL);
    must(pid > 0);
    signal(SIGUSR1, one);
    shared_word = 1;
    is(wait_status(pid), 0, "it sees the handler we set");
    signal(SIGUSR1, SIG_DFL);
}

static void test_errors(void)
{
    fails(syscall(SYS_clone, CLONE_SIGHAND, 0, 0, 0, 0), EINVAL,
          "SIGHAND without VM");
    fails(syscall(SYS_clone, CLONE_THREAD | CLONE_VM, 0, 0, 0, 0), EINVAL,
          "THREAD without SIGHAND");
}

/* ---- threads' descriptors ---- */

static volatile int step, fd_kept;

static void *parts(void *unused)
{
    int r = syscall(SYS_close_range, fd_kept, fd_kept, CLOSE_RANGE_UNSHARE);

    seen[0] = r ? -errno : fcntl(fd_kept, F_GETFD);
    step = 1;
    while (step != 2)
        usleep(1000);
    seen[1] = fcntl(fd_kept, F_GETFD);
    return unused;
}

static void test_thread_files(void)
{
    pthread_t t;
    int fd;

    fd_kept = eventfd(0, 0);
    must(!pthread_create(&t, NULL, parts, NULL));
    while (step != 1)
        usleep(1000);
    is(seen[0], -1, "a thread closes a descriptor of its own table");
    ok(fcntl(fd_kept, F_GETFD) >= 0, "ours is open");
    fd = eventfd(0, 0);
    ok(fd >= 0 && fd != fd_kept, "a new one");
    step = 2;
    pthread_join(t, NULL);
    is(seen[1], -1, "is not the thread's");
    close(fd);
    close(fd_kept);
}

/* ---- subreapers ---- */

static int orphan_has_reaper(void *unused)
{
    pid_t me = getpid(), pid;

    (void)unused;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid = fork();
    if (!pid) {
        if (!fork()) {
            while (getppid() != me)
                usleep(1000);
            _exit(42);
        }
        _exit(0);
    }
    if (wait_status(pid))
        return 1;
    pid = wait(NULL);
    return pid > 0 ? 0 : 2;
}

static int not_inherited(void *unused)
{
    int is_one = 7;
    pid_t pid;

    (void)unused;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid = fork();
    if (!pid) {
        prctl(PR_GET_CHILD_SUBREAPER, &is_one);
        _exit(is_one);
    }
    return wait_status(pid) != 0;
}

static void test_prctl(void)
{
    char name[16] = "", *address = NULL;
    int value = -1;

    is(in_child(orphan_has_reaper, NULL), 0, "a subreaper gets orphans");
    works(prctl(PR_GET_CHILD_SUBREAPER, &value), "asked");
    is(value, 0, "we are none");
    is(prctl(PR_GET_DUMPABLE), 1, "dumpable");
    works(prctl(PR_SET_DUMPABLE, 0), "not");
    is(prctl(PR_GET_DUMPABLE), 0, "any more");
    fails(prctl(PR_SET_DUMPABLE, 2), EINVAL, "2 is for the kernel");
    works(prctl(PR_SET_DUMPABLE, 1), "back");
    is(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0, "no_new_privs is off");
    fails(prctl(PR_SET_NO_NEW_PRIVS, 2, 0, 0, 0), EINVAL, "2 is nothing");
    works(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "on");
    is(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1, "is on");
    is(prctl(PR_GET_TIMERSLACK), 50000, "timer slack");
    works(prctl(PR_GET_TID_ADDRESS, &address), "the tid's address");
    ok(address != NULL, "libc set one");
    works(prctl(PR_SET_NAME, "a very long name that is cut"), "a name");
    works(prctl(PR_GET_NAME, name), "read");
    ok(!strcmp(name, "a very long nam"), "15 letters of it");
    works(prctl(PR_GET_TSC, &value), "PR_GET_TSC");
    is(value, PR_TSC_ENABLE, "it may be read");
    fails(prctl(9999), EINVAL, "option 9999");
}

/* ---- waitid of a pidfd, SIGCHLD's times ---- */

static volatile long user_ticks = -1;

static void child_ended(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    user_ticks = info->si_utime + info->si_stime;
}

static int burns(void *unused)
{
    struct timespec t;
    volatile int i;

    (void)unused;
    do {
        for (i = 0; i < 20000; i++)
            ;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    } while (t.tv_nsec < 60000000);
    return 9;
}

static void test_wait(void)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_RESTART};
    siginfo_t info = {0};
    pid_t pid;
    int fd;

    action.sa_sigaction = child_ended;
    must(!sigaction(SIGCHLD, &action, NULL));
    pid = fork();
    if (!pid)
        _exit(burns(NULL));
    fd = syscall(SYS_pidfd_open, pid, 0);
    must(fd >= 0);
    works(waitid(P_PIDFD, fd, &info, WEXITED | WNOWAIT), "waitid by pidfd");
    is(info.si_pid, pid, "finds it");
    is(info.si_status, 9, "and its status");
    works(waitid(P_PIDFD, fd, &info, WEXITED), "again, for good");
    fails(waitid(P_PIDFD, fd, &info, WEXITED), ECHILD, "gone");
    fails(waitid(P_PIDFD, 0, &info, WEXITED), EBADF, "no pidfd");
    ok(user_ticks >= 0 && user_ticks < 12, "SIGCHLD tells its CPU time (%ld)",
       user_ticks);
    close(fd);
    signal(SIGCHLD, SIG_DFL);
}

int main(void)
{
    seen = map_shared(1);
    test_sharing();
    test_sharing_back();
    test_errors();
    test_thread_files();
    is(in_child(not_inherited, NULL), 0, "a child is no subreaper");
    test_prctl();
    test_wait();
    return done_testing();
}
