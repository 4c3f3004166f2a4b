/*
 * pidfd_open(2): a descriptor for a task, readable when the task has ended;
 * and process_madvise(2), which is told whom to advise by one.
 */
#include "mm_util.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

static long pidfd_open(pid_t pid, unsigned flags)
{
    return syscall(434, pid, flags);
}

static long advise(int fd, const struct iovec *vec, size_t count, int advice,
                   unsigned flags)
{
    return syscall(440, fd, vec, count, advice, flags);
}

static int ready(int fd, int timeout)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    return poll(&p, 1, timeout) == 1 ? p.revents : 0;
}

static pid_t waiting_child(int *end)
{
    pid_t pid;

    *end = eventfd(0, 0);
    must(*end >= 0);
    pid = fork();
    must(pid >= 0);
    if (!pid) {
        uint64_t n;

        _exit(read(*end, &n, 8) == 8 ? 3 : 4);
    }
    return pid;
}

static void let_go(int end)
{
    uint64_t one = 1;

    must(write(end, &one, 8) == 8);
}

static void test_poll(void)
{
    int end, fd;
    pid_t pid = waiting_child(&end);

    fd = (int)pidfd_open(pid, 0);
    ok(fd >= 0, "pidfd_open of a child");
    is(fcntl(fd, F_GETFD), FD_CLOEXEC, "closes on exec");
    is(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR, "is open for both");
    is(ready(fd, 0), 0, "not ready while it runs");
    let_go(end);
    is(ready(fd, -1), POLLIN, "ready when it has ended");
    is(wait_status(pid), 3, "it ended as it should");
    is(ready(fd, 0), POLLIN | POLLHUP, "after the wait nobody is left");
    fails(read(fd, &end, 4), EINVAL, "there is nothing to read");
    fails(pidfd_open(pid, 0), ESRCH, "nor to open");
    close(fd);
    close(end);
}

static void *open_me(void *result)
{
    *(long *)result = pidfd_open((pid_t)syscall(SYS_gettid), 0);
    return (void *)(long)errno;
}

static void test_refused(void)
{
    pthread_t thread;
    void *error;
    long fd;

    fails(pidfd_open(0, 0), EINVAL, "0 is nobody");
    fails(pidfd_open(-1, 0), EINVAL, "nor is -1");
    fails(pidfd_open(99999, 0), ESRCH, "nor is 99999");
    fails(pidfd_open(getpid(), 1), EINVAL, "an unknown flag");
    fails(pidfd_open(0, 1), EINVAL, "both");
    fd = pidfd_open(getpid(), O_NONBLOCK);
    ok(fd >= 0, "oneself, without waiting");
    is(fcntl((int)fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK, "as it says");
    close((int)fd);
    must(!pthread_create(&thread, NULL, open_me, &fd));
    must(!pthread_join(thread, &error));
    ok(fd == -1 && (long)error == EINVAL, "a thread is no task");
}

static void test_advise(void)
{
    char *at = map_at(hole(4), 4, RW);
    struct iovec vec[2] = {{at, PAGE}, {at + 2 * PAGE, 2 * PAGE}};
    int fd = (int)pidfd_open(getpid(), 0), end;
    pid_t pid;

    fill(at, 4, 1);
    is(advise(fd, vec, 2, MADV_COLD, 0), 3 * PAGE, "MADV_COLD of two ranges");
    is(advise(fd, vec, 2, MADV_PAGEOUT, 0), 3 * PAGE, "MADV_PAGEOUT");
    is(advise(fd, vec, 2, MADV_WILLNEED, 0), 3 * PAGE, "MADV_WILLNEED");
    is(advise(fd, vec, 0, MADV_COLD, 0), 0, "of none");
    ok(filled(at, 4, 1), "nobody lost anything");
    fails(advise(fd, vec, 2, MADV_DONTNEED, 0), EINVAL, "nobody loses any");
    fails(advise(fd, vec, 2, MADV_FREE, 0), EINVAL, "or may");
    fails(advise(fd, vec, 2, MADV_NORMAL, 0), EINVAL, "or is changed");
    fails(advise(fd, vec, 2, MADV_COLD, 1), EINVAL, "a flag");
    fails(advise(-1, vec, 2, MADV_COLD, 0), EBADF, "no descriptor");
    fails(advise(1, vec, 2, MADV_COLD, 0), EBADF, "none of a task");
    fails(advise(1, vec, 2, MADV_DONTNEED, 0), EBADF,
          "comes before the advice");
    fails(advise(-1, NULL, 2, MADV_COLD, 0), EFAULT, "the vector before both");
    fails(advise(fd, vec, 1025, MADV_COLD, 0), EINVAL, "too many");
    munmap(at + 3 * PAGE, PAGE);
    is(advise(fd, vec, 2, MADV_COLD, 0), PAGE, "up to one with a hole");
    fails(advise(fd, vec + 1, 1, MADV_COLD, 0), ENOMEM, "which is an error");
    vec[0].iov_base = at + 1;
    fails(advise(fd, vec, 2, MADV_COLD, 0), EINVAL, "within a page");
    close(fd);
    vec[0].iov_base = at;
    pid = waiting_child(&end);
    fd = (int)pidfd_open(pid, 0);
    is(advise(fd, vec, 1, MADV_COLD, 0), PAGE, "a child's memory");
    let_go(end);
    is(ready(fd, -1), POLLIN, "has it until it ends");
    fails(advise(fd, vec, 1, MADV_COLD, 0), ESRCH, "then it has none");
    is(wait_status(pid), 3, "waited for");
    fails(advise(fd, vec, 1, MADV_COLD, 0), ESRCH, "it is gone");
    fails(advise(fd, vec, 1, MADV_DONTNEED, 0), ESRCH, "for all advice");
    close(fd);
    munmap(at, 4 * PAGE);
}

#define PIDFD         0x1000UL
#define PARENT_SETTID 0x100000UL
#define DETACHED      0x400000UL

static long clone3(unsigned long flags, int *fd, int *tid)
{
    unsigned long args[8] = {flags, (unsigned long)fd, 0, (unsigned long)tid,
                             SIGCHLD};

    return syscall(435, args, sizeof(args));
}

/* A descriptor for a child, made together with it. */
static void test_clone(void)
{
    int fd = -1, tid = -1, end = eventfd(0, 0);
    pid_t pid = (pid_t)clone3(PIDFD | PARENT_SETTID, &fd, &tid);
    uint64_t n;

    if (!pid)
        _exit(read(end, &n, 8) == 8 && fcntl(fd, F_GETFD) == -1 ? 3 : 4);
    ok(pid > 0 && fd >= 0 && tid == pid, "clone3 with CLONE_PIDFD");
    is(fcntl(fd, F_GETFD), FD_CLOEXEC, "gives a descriptor");
    is(ready(fd, 0), 0, "not ready yet");
    let_go(end);
    is(ready(fd, -1), POLLIN, "ready when the child ends");
    is(wait_status(pid), 3, "the child does not have it");
    close(fd);
    pid = (pid_t)syscall(SYS_clone, PIDFD | SIGCHLD, 0, &fd, 0, 0);
    if (!pid)
        _exit(5);
    ok(pid > 0 && fd >= 0, "clone writes it to parent_tid");
    is(wait_status(pid), 5, "and a child there is");
    close(fd);
    fails(syscall(SYS_clone, PIDFD | PARENT_SETTID | SIGCHLD, 0, &fd, 0, 0),
          EINVAL, "which then can have nothing else");
    fails(syscall(SYS_clone, PIDFD | DETACHED | SIGCHLD, 0, &fd, 0, 0), EINVAL,
          "an old flag");
    fails(clone3(PIDFD | PARENT_SETTID, &fd, &fd), EINVAL,
          "clone3 with one place for both");
    fails(clone3(PIDFD, NULL, NULL), EFAULT, "or none");
    fd = dup(1);
    is(fd, end + 1, "nothing is left of that");
    close(fd);
    close(end);
}

int main(void)
{
    test_poll();
    test_refused();
    test_advise();
    test_clone();
    return done_testing();
}
