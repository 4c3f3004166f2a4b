/*
 * wait4(2) and waitid(2): whom they wait for, by number, group and kind of
 * child, what they leave behind, what is wrong to ask; and the identifiers of
 * processes, groups and sessions: setpgid(2), getpgid(2), setsid(2), getsid(2).
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>

#include "probe.h"

#ifndef __WNOTHREAD
#define __WNOTHREAD 0x20000000
#define __WALL      0x40000000
#define __WCLONE    0x80000000
#endif

#define NOBODY 4000000 /* a number that no task has */

static pid_t exits(int status)
{
    pid_t pid = fork();

    must(pid >= 0);
    if (!pid)
        _exit(status);
    return pid;
}

static pid_t sleeps(void)
{
    pid_t pid = fork();

    must(pid >= 0);
    if (!pid)
        for (;;)
            pause();
    return pid;
}

/* Raw: the C library's wait4() and waitid() are the calls, but for a usage. */
static long wait_4(pid_t pid, int *status, long options)
{
    long r = syscall(SYS_wait4, pid, status, options, NULL);

    return r < 0 ? -errno : r;
}

static long wait_id(int type, long id, siginfo_t *info, long options)
{
    long r = syscall(SYS_waitid, type, id, info, options, NULL);

    return r < 0 ? -errno : r;
}

/* Until it is a zombie, which it stays. */
static void let_end(pid_t pid)
{
    siginfo_t info;

    must(!waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
}

static void test_whom(void)
{
    pid_t group = exits(1), other = exits(2), own = exits(3);
    siginfo_t info;
    int status;

    /* Zombies may still be moved. */
    must(!setpgid(group, group));
    must(!setpgid(other, group));
    let_end(group);
    let_end(other);
    let_end(own);
    is(wait_4(-NOBODY, &status, 0), -ECHILD, "no child in that group");
    is(wait_id(P_PGID, NOBODY, &info, WEXITED), -ECHILD, "nor for waitid");
    is(wait_4(0, &status, WNOHANG), own, "our own group");
    is(status, 3 << 8, "has that one");
    is(wait_4(0, &status, WNOHANG), -ECHILD, "and no other");
    is(wait_id(P_PGID, 0, &info, WEXITED), -ECHILD, "nor for waitid");
    is(wait_id(P_PGID, group, &info, WEXITED | WNOWAIT), 0, "the other group");
    ok(info.si_pid == group || info.si_pid == other, "has them");
    is(wait_4(other, &status, 0), other, "one by number");
    is(status, 2 << 8, "with its status");
    is(wait_4(-group, &status, 0), group, "one by group");
    is(wait_4(-1, &status, 0), -ECHILD, "all are gone");
}

/* WNOHANG with nobody ready; what the calls write and what they do not. */
static void test_written(void)
{
    pid_t pid = sleeps();
    siginfo_t info;
    int status = 77;

    memset(&info, 0x55, sizeof(info));
    is(wait_id(P_ALL, 0, &info, WEXITED | WNOHANG), 0, "waitid: nobody yet");
    is(info.si_pid, 0, "si_pid says so");
    is(info.si_signo, 0, "and si_signo");
    is(wait_4(pid, &status, WNOHANG), 0, "wait4: nobody yet");
    is(status, 77, "nothing is written");
    is(wait_id(P_PID, pid, NULL, WEXITED | WNOHANG), 0, "nowhere to write");
    must(!kill(pid, SIGTERM));
    is(wait_id(P_PID, pid, &info, WEXITED | WNOWAIT), 0, "it ends");
    is(info.si_code, CLD_KILLED, "killed");
    is(info.si_status, SIGTERM, "by that signal");
    is(info.si_signo, SIGCHLD, "a SIGCHLD");
    is(info.si_uid, getuid(), "its user");
    is(wait_4(pid, NULL, 0), pid, "no status wanted");
    pid = exits(200);
    is(wait_id(P_PID, pid, &info, WEXITED), 0, "another");
    is(info.si_code, CLD_EXITED, "has ended");
    is(info.si_status, 200, "with that status");
    is(wait_id(P_PID, pid, &info, WEXITED), -ECHILD, "once");
}

static void test_wrong(void)
{
    pid_t pid = sleeps();
    siginfo_t info;
    int status;

    is(wait_4(pid, &status, 0x100), -EINVAL, "an unknown option");
    is(wait_4(pid, &status, WEXITED), -EINVAL, "one of waitid's");
    is(wait_4((pid_t)0x80000000, &status, 0), -ESRCH, "the lowest number");
    is(wait_id(P_PID, pid, &info, 0), -EINVAL, "to wait for nothing");
    is(wait_id(P_PID, pid, &info, WNOHANG), -EINVAL, "nor without waiting");
    is(wait_id(P_PID, pid, &info, WEXITED | 0x100), -EINVAL, "unknown");
    is(wait_id(9, pid, &info, WEXITED), -EINVAL, "an unknown type");
    is(wait_id(P_PID, 0, &info, WEXITED), -EINVAL, "number 0");
    is(wait_id(P_PID, -1, &info, WEXITED), -EINVAL, "number -1");
    is(wait_id(P_PGID, -1, &info, WEXITED), -EINVAL, "group -1");
    is(wait_id(3, -1, &info, WEXITED), -EINVAL, "descriptor -1");
    is(wait_id(3, 77, &info, WEXITED), -EBADF, "a closed descriptor");
    is(wait_id(3, 1, &info, WEXITED), -EBADF, "one of no process");
    is(wait_id(P_PID, getpid(), &info, WEXITED), -ECHILD, "oneself");
    is(wait_id(P_PID, NOBODY, &info, WEXITED), -ECHILD, "nobody");
    kill(pid, SIGKILL);
    is(wait_4(pid, &status, 0), pid, "the child is left");
}

/* A child that says nothing, or another signal, when it ends. */
static pid_t clone_with(int signal_at_end)
{
    pid_t pid = syscall(SYS_clone, signal_at_end, 0, 0, 0, 0);

    must(pid >= 0);
    if (!pid)
        _exit(9);
    return pid;
}

static void test_kinds(void)
{
    pid_t plain = exits(1), quiet = clone_with(0), other = clone_with(SIGURG);
    int status;

    is(wait_4(quiet, &status, 0), -ECHILD, "a clone child is another kind");
    is(wait_4(plain, &status, __WCLONE), -ECHILD, "a plain one is, too");
    is(wait_4(quiet, &status, __WCLONE), quiet, "__WCLONE finds it");
    is(status, 9 << 8, "with its status");
    is(wait_4(other, &status, __WALL), other, "__WALL finds any");
    is(wait_4(plain, &status, __WALL), plain, "and the plain one");
    quiet = clone_with(0);
    is(wait_4(-1, &status, __WCLONE), quiet, "any of that kind");
    is(wait_4(-1, &status, __WALL), -ECHILD, "none is left");
}

static volatile pid_t of_thread;

static void *forks(void *release)
{
    of_thread = exits(4);
    while (!*(volatile int *)release)
        usleep(500);
    return NULL;
}

static void test_threads(void)
{
    volatile int release = 0;
    pthread_t thread;
    int status;

    must(!pthread_create(&thread, NULL, forks, (void *)&release));
    while (!of_thread)
        usleep(500);
    let_end(of_thread);
    is(wait_4(of_thread, &status, __WNOTHREAD), -ECHILD,
       "__WNOTHREAD: another thread's child");
    is(wait_4(of_thread, &status, 0), of_thread, "which is the task's, though");
    release = 1;
    pthread_join(thread, NULL);
}

static long result(long r)
{
    return r < 0 ? -errno : r;
}

/* In a session of its own; which step was wrong. */
static int leads(void *unused)
{
    pid_t child, me = getpid();

    (void)unused;
    if (setsid() != me || getsid(0) != me || getpgid(0) != me ||
        getpgrp() != me)
        return 1;
    if (result(setsid()) != -EPERM) /* leads a group already */
        return 2;
    if (result(setpgid(0, 0)) != -EPERM) /* leads a session */
        return 3;
    child = sleeps();
    if (getsid(child) != me || getpgid(child) != me)
        return 4;
    if (setpgid(child, 0) || getpgid(child) != child || getsid(child) != me)
        return 5;
    if (result(setpgid(child, NOBODY)) != -EPERM) /* no such group */
        return 6;
    if (setpgid(child, me) || getpgid(child) != me)
        return 7;
    kill(child, SIGKILL);
    return wait_status(child) == 1000 + SIGKILL ? 0 : 8;
}

static void test_groups(void)
{
    pid_t pid;

    is(in_child(leads, NULL), 0, "a session, its leader and a child");
    is(result(getpgid(-1)), -ESRCH, "group of -1");
    is(result(getpgid(NOBODY)), -ESRCH, "of nobody");
    is(result(getsid(NOBODY)), -ESRCH, "session of nobody");
    is(getpgid(getpid()), getpgrp(), "our group");
    is(result(setpgid(-1, 0)), -EINVAL, "-1 cannot move");
    is(result(setpgid(0, -1)), -EINVAL, "nor to -1");
    is(result(setpgid(NOBODY, 0)), -ESRCH, "nobody cannot");
    is(result(setpgid(getppid(), 0)), -ESRCH, "a parent is no child");
    pid = sleeps();
    is(result(setpgid(pid, pid)), 0, "a child can");
    is(result(setpgid(pid, getppid() + NOBODY)), -EPERM, "not to no group");
    is(kill(-pid, 0), 0, "its group is there");
    is(kill(-pid, SIGKILL), 0, "and is killed");
    is(wait_status(pid), 1000 + SIGKILL, "with it");
    is(result(kill(-pid, 0)), -ESRCH, "then the group is gone");
}

int main(void)
{
    test_whom();
    test_written();
    test_wrong();
    test_kinds();
    test_threads();
    test_groups();
    return done_testing();
}
