/*
 * pidfd_send_signal(2): kill(2) whose receiver cannot be mistaken for another
 * with the same number later.
 */
#define _GNU_SOURCE
#include "probe.h"

#include <fcntl.h>

#define THREAD        1
#define THREAD_GROUP  2
#define PROCESS_GROUP 4

static long pidfd_open(pid_t pid)
{
    return syscall(434, pid, 0);
}

static long send(int fd, int sig, siginfo_t *info, unsigned flags)
{
    return syscall(424, fd, sig, info, flags);
}

static volatile int got, got_code, got_value;
static volatile pid_t got_pid;

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)context;
    got = number;
    got_code = info->si_code;
    got_pid = info->si_pid;
    got_value = info->si_value.sival_int;
}

static void test_self(int me)
{
    siginfo_t info = {.si_signo = SIGUSR1, .si_code = SI_QUEUE};

    info.si_value.sival_int = 42;
    works(send(me, SIGUSR1, NULL, 0), "to myself");
    is(got, SIGUSR1, "it comes");
    is(got_code, SI_USER, "as from kill");
    is(got_pid, getpid(), "from me");
    works(send(me, SIGUSR1, &info, THREAD_GROUP), "with words of my own");
    is(got_code, SI_QUEUE, "which come");
    is(got_value, 42, "all of them");
    works(send(me, SIGUSR1, NULL, THREAD), "to the thread");
    is(got_code, SI_TKILL, "as from tgkill");
    works(send(me, 0, NULL, 0), "signal 0 asks");
}

static void test_errors(int me)
{
    siginfo_t info = {.si_signo = SIGUSR2, .si_code = SI_QUEUE};

    fails(send(-1, 0, NULL, 0), EBADF, "no descriptor");
    fails(send(0, 0, NULL, 0), EBADF, "no descriptor of a task");
    fails(send(me, 65, NULL, 0), EINVAL, "no signal");
    fails(send(me, 0, NULL, 8), EINVAL, "no such flag");
    fails(send(me, 0, NULL, THREAD | THREAD_GROUP), EINVAL, "two at once");
    fails(send(me, SIGUSR1, &info, 0), EINVAL, "another number inside");
    fails(send(me, SIGUSR1, (siginfo_t *)8, 0), EFAULT, "no structure");
}

static void test_child(void)
{
    siginfo_t info = {.si_signo = SIGTERM, .si_code = SI_USER};
    pid_t pid = fork();
    int fd;

    must(pid >= 0);
    if (!pid)
        for (;;)
            pause();
    must(!setpgid(pid, pid));
    fd = (int)pidfd_open(pid);
    must(fd >= 0);
    fails(send(fd, SIGTERM, &info, 0), EPERM, "as if kill had sent it");
    works(send(fd, SIGTERM, NULL, PROCESS_GROUP), "to its group");
    is(wait_status(pid), 1000 + SIGTERM, "it dies of it");
    fails(send(fd, 0, NULL, 0), ESRCH, "now it is gone");
    fails(send(fd, SIGTERM, NULL, PROCESS_GROUP), ESRCH, "and its group");
    close(fd);
}

int main(void)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO};
    int me = (int)pidfd_open(getpid());

    must(me >= 0);
    action.sa_sigaction = on_signal;
    must(!sigaction(SIGUSR1, &action, NULL));
    test_self(me);
    test_errors(me);
    test_child();
    return done_testing();
}
