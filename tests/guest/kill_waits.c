/*
 * SIGKILL reaches a task in every kind of wait: each child goes to sleep in
 * one of them and must be dead of the signal soon after it was sent. The
 * first word of a shared page says that a child is about to wait.
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <sys/select.h>
#include <sys/uio.h>

#include "kill_wait.h"

static char *missing; /* registered with a pager that does nothing */
static int pager;

static void wait_futex(void)
{
    syscall(SYS_futex, &shared->word, FUTEX_WAIT, 0, NULL);
}

static void wait_futex_until(void)
{
    struct timespec day = {86400, 0};

    syscall(SYS_futex, &shared->word, FUTEX_WAIT_PRIVATE, 0, &day);
}

static void wait_sleep(void)
{
    struct timespec day = {86400, 0};

    nanosleep(&day, NULL);
}

static void wait_poll(void)
{
    poll(NULL, 0, -1);
}

static void wait_poll_pager(void)
{
    struct pollfd entry = {.fd = pager, .events = POLLIN};

    poll(&entry, 1, -1);
}

static void wait_select(void)
{
    struct timeval day = {86400, 0};

    select(0, NULL, NULL, NULL, &day);
}

/* Where there is no input to come, read(2) ends at once. */
static void wait_input(void)
{
    char byte;

    while (read(0, &byte, 1) > 0)
        ;
    pause();
}

static void wait_message(void)
{
    int fd = uffd_new(0);
    struct uffd_msg message;

    if (read(fd, &message, sizeof(message)) < 0)
        _exit(1);
}

static int child_of_child(void)
{
    int pid = fork();

    if (!pid)
        for (;;)
            pause();
    shared->grandchild = pid;
    return pid;
}

static void wait_child(void)
{
    wait4(child_of_child(), NULL, 0, NULL);
}

static void wait_child_id(void)
{
    siginfo_t info;

    child_of_child();
    waitid(P_ALL, 0, &info, WEXITED);
}

static void wait_suspended(void)
{
    sigset_t all;

    sigfillset(&all);
    sigsuspend(&all);
}

static void wait_signal(void)
{
    sigset_t set;

    sigfillset(&set);
    sigwaitinfo(&set, NULL);
}

/* All signals blocked and handled: still SIGKILL. */
static void wait_blocked(void)
{
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    wait_sleep();
}

static void register_missing(void)
{
    pager = uffd_new(0);
    missing = map_pages(4);
    must(!uffd_register(pager, missing, 4 * PAGE));
    leave_hope();
}

static void wait_fault(void)
{
    register_missing();
    shared->waiting = 1;
    (void)*(volatile char *)missing;
}

static void wait_fault_in_call(void)
{
    register_missing();
    nanosleep((struct timespec *)missing, NULL);
}

static void wait_fault_in_write(void)
{
    struct iovec vector = {missing, 8};

    register_missing();
    vector.iov_base = missing;
    writev(2, &vector, 1);
}

static void wait_fault_in_futex(void)
{
    register_missing();
    syscall(SYS_futex, missing, FUTEX_WAIT, 0, NULL);
}

/* A fill whose source is itself missing. */
static void wait_fault_in_copy(void)
{
    char *target = map_pages(1);

    register_missing();
    must(!uffd_register(pager, target, PAGE));
    uffd_copy(pager, target, missing, PAGE);
}

static void *touch(void *argument)
{
    (void)*(volatile char *)argument;
    return NULL;
}

/* Eight threads in eight waits, the pages' among them. */
static void wait_threads(void)
{
    register_missing();
    for (int i = 0; i < 4; i++)
        thread_start(touch, missing + i * PAGE);
    thread_start((void *(*)(void *))wait_sleep, NULL);
    thread_start((void *(*)(void *))wait_futex, NULL);
    thread_start((void *(*)(void *))wait_suspended, NULL);
    wait_poll();
}

/* The leader has ended, another thread waits. */
static void wait_without_leader(void)
{
    thread_start((void *(*)(void *))wait_sleep, NULL);
    pthread_exit(NULL);
}

static void wait_vfork(void)
{
    if (!vfork()) {
        shared->grandchild = getpid();
        for (;;)
            pause();
    }
}

static void wait_stopped(void)
{
    raise(SIGSTOP);
    wait_sleep();
}

static void wait_running(void)
{
    for (;;)
        ;
}

static const struct {
    const char *name;
    void (*wait)(void);
} waits[] = {
    {"futex", wait_futex},
    {"futex with a timeout", wait_futex_until},
    {"nanosleep", wait_sleep},
    {"poll", wait_poll},
    {"poll of a userfaultfd", wait_poll_pager},
    {"select", wait_select},
    {"read of standard input", wait_input},
    {"read of a userfaultfd", wait_message},
    {"wait4", wait_child},
    {"waitid", wait_child_id},
    {"sigsuspend", wait_suspended},
    {"sigwaitinfo", wait_signal},
    {"nanosleep, all signals blocked", wait_blocked},
    {"userfault in user mode", wait_fault},
    {"userfault in a call's argument", wait_fault_in_call},
    {"userfault in writev", wait_fault_in_write},
    {"userfault in a futex word", wait_fault_in_futex},
    {"userfault in UFFDIO_COPY's source", wait_fault_in_copy},
    {"eight threads in many waits", wait_threads},
    {"a thread whose leader has ended", wait_without_leader},
    {"vfork", wait_vfork},
    {"stopped", wait_stopped},
    {"running", wait_running},
};

int main(void)
{
    shared = map_shared(1);
    pager = uffd_new(O_NONBLOCK);
    for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++)
        test_wait(waits[i].name, waits[i].wait);
    return done_testing();
}
