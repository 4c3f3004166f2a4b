/* eventfd(2): counting, waiting, polling, the limits of the count. */
#define _GNU_SOURCE
#include "tap.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>

static int put(int fd, uint64_t value)
{
    return write(fd, &value, sizeof(value));
}

static uint64_t take(int fd)
{
    uint64_t value = 0;

    return read(fd, &value, sizeof(value)) == 8 ? value : ~0ull;
}

static int events(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT};

    return poll(&p, 1, 0) < 0 ? -1 : p.revents;
}

static void test_counting(void)
{
    int fd = eventfd(3, EFD_NONBLOCK);
    uint64_t value;

    must(fd >= 0);
    is(take(fd), 3, "the first count");
    fails(read(fd, &value, 8), EAGAIN, "nothing left");
    is(put(fd, 5), 8, "one write");
    is(put(fd, 6), 8, "another");
    is(take(fd), 11, "one read takes both");
    is(put(fd, 0), 8, "adding 0");
    fails(read(fd, &value, 8), EAGAIN, "is nothing");
    fails(read(fd, &value, 7), EINVAL, "seven bytes to read");
    fails(write(fd, &value, 7), EINVAL, "seven bytes to write");
    fails(read(fd, NULL, 8), EAGAIN, "nothing, and nowhere to");
    fails(write(fd, NULL, 8), EFAULT, "from nowhere");
    close(fd);
}

static void test_limits(void)
{
    int fd = eventfd(0, EFD_NONBLOCK);

    must(fd >= 0);
    fails(put(fd, ~0ull), EINVAL, "2^64-1 cannot be added");
    is(put(fd, ~0ull - 1), 8, "2^64-2 can");
    fails(put(fd, 1), EAGAIN, "and then nothing more");
    is(events(fd), POLLIN, "which poll says too");
    is(take(fd), ~0ull - 1, "all of it");
    is(events(fd), POLLOUT, "empty");
    is(put(fd, 1), 8, "one");
    is(events(fd), POLLIN | POLLOUT, "neither full nor empty");
    close(fd);
}

static void test_semaphore(void)
{
    int fd = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
    uint64_t value;

    must(fd >= 0);
    is(take(fd), 1, "one by one");
    is(take(fd), 1, "the second");
    fails(read(fd, &value, 8), EAGAIN, "there is no third");
    close(fd);
}

static void test_flags(void)
{
    int fd = eventfd(0, EFD_CLOEXEC);

    fails(syscall(SYS_eventfd2, 0, 0x100), EINVAL, "an unknown flag");
    is(fcntl(fd, F_GETFD), FD_CLOEXEC, "EFD_CLOEXEC");
    is(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDWR, "read and write");
    works(fcntl(fd, F_SETFL, O_NONBLOCK), "O_NONBLOCK afterwards");
    is(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK, "is remembered");
    fails(take(fd) == ~0ull ? -1 : 0, EAGAIN, "and in force");
    close(fd);
    fd = syscall(SYS_eventfd, 4);
    ok(fd >= 0 && take(fd) == 4, "eventfd without flags");
    ok(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED &&
           errno == ENODEV,
       "cannot be mapped");
    close(fd);
}

static void *put_later(void *argument)
{
    usleep(10000);
    put(*(int *)argument, 9);
    return NULL;
}

static void *take_later(void *argument)
{
    usleep(10000);
    take(*(int *)argument);
    return NULL;
}

static void test_waiting(void)
{
    int fd = eventfd(0, 0);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    pthread_t thread;

    must(fd >= 0 && !pthread_create(&thread, NULL, put_later, &fd));
    is(take(fd), 9, "a read waits");
    pthread_join(thread, NULL);
    must(!pthread_create(&thread, NULL, put_later, &fd));
    is(poll(&p, 1, 5000), 1, "poll waits");
    is(take(fd), 9, "and then it is there");
    pthread_join(thread, NULL);
    put(fd, ~0ull - 1);
    must(!pthread_create(&thread, NULL, take_later, &fd));
    is(put(fd, 2), 8, "a write waits for room");
    is(take(fd), 2, "and adds then");
    pthread_join(thread, NULL);
    close(fd);
}

static void handler(int number)
{
    (void)number;
}

static void test_interrupted(void)
{
    struct sigaction action = {.sa_handler = handler};
    int fd = eventfd(0, 0);
    pid_t parent = getpid(), child;
    uint64_t value;

    sigaction(SIGUSR1, &action, NULL);
    child = fork();
    must(child >= 0);
    if (!child) {
        usleep(20000);
        kill(parent, SIGUSR1);
        _exit(0);
    }
    fails(read(fd, &value, 8), EINTR, "a signal ends the wait");
    waitpid(child, NULL, 0);
    close(fd);
}

/* The count belongs to the object, not to the descriptor. */
static void test_fork(void)
{
    int fd = eventfd(0, 0), twin = dup(fd);
    pid_t child = fork();

    must(child >= 0);
    if (!child) {
        put(twin, 21);
        _exit(0);
    }
    is(take(fd), 21, "from a child, by another descriptor");
    waitpid(child, NULL, 0);
    close(fd);
    close(twin);
}

int main(void)
{
    test_counting();
    test_limits();
    test_semaphore();
    test_flags();
    test_waiting();
    test_interrupted();
    test_fork();
    return done_testing();
}
