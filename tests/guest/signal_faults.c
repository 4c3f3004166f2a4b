/*
 * Signals to threads that wait for a pager: one that faulted in user mode runs
 * its handler and faults again, one in a system call waits on, both stop and
 * continue; a read of the userfaultfd itself is interrupted.
 */
#define _GNU_SOURCE
#include "uffd_util.h"

#include <sys/uio.h>
#include <time.h>

static struct shared {
    volatile pid_t tid;
    volatile int handled, done;
    volatile long result;
} * shared;

static void hit(int number)
{
    (void)number;
    shared->handled++;
}

static void nap(long ms)
{
    struct timespec t = {0, ms * 1000000};

    nanosleep(&t, NULL);
}

static void handle(int flags)
{
    struct sigaction action = {.sa_handler = hit, .sa_flags = flags};

    must(!sigaction(SIGUSR1, &action, NULL));
}

static char *page;
static volatile enum way {
    IN_USER_MODE,
    IN_A_CALL, /* that copies to the page */
    PINNING,   /* it, for a copy from any address space */
} way;

/* 0, if all of it was read. */
static long read_as_another(void)
{
    char bytes[64];
    struct iovec to = {bytes, sizeof(bytes)}, from = {page, sizeof(bytes)};

    return process_vm_readv(getpid(), &to, 1, &from, 1, 0) -
           (long)sizeof(bytes);
}

static void *touch(void *unused)
{
    struct timespec *t = (struct timespec *)page;

    shared->tid = gettid();
    if (way == IN_A_CALL)
        shared->result = syscall(SYS_clock_gettime, CLOCK_MONOTONIC, t);
    else if (way == PINNING)
        shared->result = read_as_another();
    else
        shared->result = *(volatile char *)page;
    shared->done = 1;
    return unused;
}

static void signal_waiter(int fd, enum way faults, const char *name)
{
    pthread_t thread;

    way = faults;
    memset(shared, 0, sizeof(*shared));
    must(!pthread_create(&thread, NULL, touch, NULL));
    while (!shared->tid)
        sched_yield();
    nap(20);
    syscall(SYS_tgkill, getpid(), shared->tid, SIGUSR1);
    nap(20);
    is(shared->handled, way == IN_USER_MODE, "%s: the handler %s", name,
       way == IN_USER_MODE ? "runs" : "waits");
    for (int i = 0; i < 3; i++) { /* also when it is woken for nothing */
        must(!uffd_wake(fd, page, PAGE));
        nap(5);
    }
    ok(!shared->done, "%s: it waits on", name);
    must(!uffd_zero(fd, page, PAGE, NULL));
    pthread_join(thread, NULL);
    is(shared->handled, 1, "%s: it has run in the end", name);
    is(shared->result, 0, "%s: nothing failed", name);
    must(!madvise(page, PAGE, MADV_DONTNEED));
}

static void test_read(int flags)
{
    int fd = uffd_new(0), status;
    struct uffd_msg message;
    pid_t pid;

    memset(shared, 0, sizeof(*shared));
    pid = fork();
    if (!pid) {
        handle(flags);
        shared->tid = gettid();
        _exit(read(fd, &message, sizeof(message)) < 0 ? errno : 0);
    }
    while (!shared->tid)
        sched_yield();
    nap(20);
    kill(pid, SIGSTOP);
    must(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
    kill(pid, SIGCONT);
    nap(20);
    is(waitpid(pid, &status, WNOHANG), 0, "a stopped read goes on");
    kill(pid, SIGUSR1);
    nap(20);
    is(shared->handled, 1, "its handler runs");
    if (flags) {
        is(waitpid(pid, &status, WNOHANG), 0, "SA_RESTART: it reads on");
        kill(pid, SIGKILL);
        wait_status(pid);
    } else {
        is(wait_status(pid), EINTR, "and it ends with EINTR");
    }
    close(fd);
}

/* A child stops while one of its threads waits for a page. */
static int stops(void *unused)
{
    int fd = uffd_new(0);
    pthread_t thread;

    (void)unused;
    page = map_pages(1);
    must(!uffd_register(fd, page, PAGE));
    way = IN_USER_MODE;
    must(!pthread_create(&thread, NULL, touch, NULL));
    while (!shared->tid)
        sched_yield();
    nap(20);
    raise(SIGSTOP);
    must(!uffd_zero(fd, page, PAGE, NULL));
    pthread_join(thread, NULL);
    return shared->done ? 0 : 1;
}

static void test_stop(void)
{
    int status;
    pid_t pid;

    memset(shared, 0, sizeof(*shared));
    pid = fork();
    if (!pid)
        _exit(stops(NULL));
    is(waitpid(pid, &status, WUNTRACED), pid, "a task that waits for a page");
    ok(WIFSTOPPED(status), "stops");
    kill(pid, SIGCONT);
    is(wait_status(pid), 0, "and goes on");
}

int main(void)
{
    int fd = uffd_new(0);

    alarm(30);
    shared = map_shared(1);
    page = map_pages(1);
    must(!uffd_register(fd, page, PAGE));
    handle(0);
    signal_waiter(fd, IN_USER_MODE, "in user mode");
    signal_waiter(fd, IN_A_CALL, "in a system call");
    signal_waiter(fd, PINNING, "process_vm_readv");
    test_read(0);
    test_read(SA_RESTART);
    test_stop();
    return done_testing();
}
