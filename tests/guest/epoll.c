/*
 * epoll(7) over eventfds: level- and edge-triggered, one-shot, closing, the
 * errors of each call.
 */
#define _GNU_SOURCE
#include "tap.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <time.h>

static void put(int fd)
{
    uint64_t one = 1;

    must(write(fd, &one, sizeof(one)) == sizeof(one));
}

static void drain(int fd)
{
    uint64_t value;

    must(read(fd, &value, sizeof(value)) == sizeof(value));
}

static int new_event(void)
{
    int fd = eventfd(0, EFD_NONBLOCK);

    must(fd >= 0);
    return fd;
}

static int control(int ep, int op, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u64 = 1000 + fd};

    return epoll_ctl(ep, op, fd, &event);
}

/* How many are ready now; the first one into *event. */
static int ready(int ep, struct epoll_event *event)
{
    struct epoll_event found[8];
    int n = epoll_wait(ep, found, 8, 0);

    if (n > 0)
        *event = found[0];
    return n;
}

static void test_level(void)
{
    int ep = epoll_create1(0), fd = new_event();
    struct epoll_event event = {0};

    works(control(ep, EPOLL_CTL_ADD, fd, EPOLLIN), "added");
    is(ready(ep, &event), 0, "nothing yet");
    put(fd);
    is(ready(ep, &event), 1, "an event");
    is(event.events, EPOLLIN, "to read");
    is(event.data.u64, 1000 + fd, "with our data");
    is(ready(ep, &event), 1, "level-triggered: again");
    drain(fd);
    is(ready(ep, &event), 0, "until it is read");
    works(control(ep, EPOLL_CTL_MOD, fd, EPOLLOUT), "changed");
    is(ready(ep, &event), 1, "to write, at once");
    is(event.events, EPOLLOUT, "says so");
    works(epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL), "removed");
    is(ready(ep, &event), 0, "silent");
    close(fd);
    close(ep);
}

static void test_edge(void)
{
    int ep = epoll_create1(0), fd = new_event();
    struct epoll_event event = {0};

    put(fd);
    works(control(ep, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLET), "added");
    is(ready(ep, &event), 1, "what is there already counts once");
    is(ready(ep, &event), 0, "and no more");
    put(fd);
    is(ready(ep, &event), 1, "the next write does");
    is(ready(ep, &event), 0, "once");
    works(control(ep, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLET), "changed");
    is(ready(ep, &event), 1, "which asks anew");
    close(fd);
    close(ep);
}

static void test_oneshot(void)
{
    int ep = epoll_create1(0), fd = new_event();
    struct epoll_event event = {0};

    works(control(ep, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLONESHOT), "added");
    put(fd);
    is(ready(ep, &event), 1, "one shot");
    put(fd);
    is(ready(ep, &event), 0, "then it is off");
    works(control(ep, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLONESHOT), "armed");
    is(ready(ep, &event), 1, "another");
    close(fd);
    close(ep);
}

static void test_several(void)
{
    int ep = epoll_create1(0), fds[6];
    struct epoll_event found[6];

    for (int i = 0; i < 6; i++) {
        fds[i] = new_event();
        must(!control(ep, EPOLL_CTL_ADD, fds[i], EPOLLIN));
    }
    put(fds[4]);
    put(fds[1]);
    is(epoll_wait(ep, found, 6, 0), 2, "two of six");
    is(found[0].data.u64, 1000 + fds[4], "in the order in which they came");
    is(found[1].data.u64, 1000 + fds[1], "the second");
    is(epoll_wait(ep, found, 1, 0), 1, "room for one");
    is(epoll_wait(ep, found, 1, 0), 1, "another one");
    close(fds[4]);
    is(epoll_wait(ep, found, 6, 0), 1, "closing removes");
    is(found[0].data.u64, 1000 + fds[1], "the other one stays");
    for (int i = 0; i < 6; i++)
        close(fds[i]);
    is(epoll_wait(ep, found, 6, 0), 0, "all closed");
    close(ep);
}

/* The set knows open files: with a second descriptor it stays. */
static void test_dup(void)
{
    int ep = epoll_create1(0), fd = new_event(), twin = dup(fd);
    struct epoll_event event = {0};

    must(!control(ep, EPOLL_CTL_ADD, fd, EPOLLIN));
    works(control(ep, EPOLL_CTL_ADD, twin, EPOLLIN), "the twin is another");
    close(fd);
    put(twin);
    is(ready(ep, &event), 2, "both are heard while one is open");
    close(twin);
    is(ready(ep, &event), 0, "none is");
    close(ep);
}

static void *put_later(void *argument)
{
    usleep(10000);
    put(*(int *)argument);
    return NULL;
}

static void test_waiting(void)
{
    int ep = epoll_create1(0), fd = new_event();
    struct epoll_event event = {0};
    struct pollfd p = {.fd = ep, .events = POLLIN};
    struct timespec start, end;
    pthread_t thread;

    must(!control(ep, EPOLL_CTL_ADD, fd, EPOLLIN));
    clock_gettime(CLOCK_MONOTONIC, &start);
    is(epoll_wait(ep, &event, 1, 20), 0, "20 ms pass");
    clock_gettime(CLOCK_MONOTONIC, &end);
    ok((end.tv_sec - start.tv_sec) * 1000000000 + end.tv_nsec - start.tv_nsec >=
           20000000,
       "not less");
    must(!pthread_create(&thread, NULL, put_later, &fd));
    is(epoll_wait(ep, &event, 1, -1), 1, "a write ends the wait");
    pthread_join(thread, NULL);
    is(poll(&p, 1, 0), 1, "the set itself can be polled");
    drain(fd);
    is(poll(&p, 1, 0), 0, "and is quiet again");
    must(!pthread_create(&thread, NULL, put_later, &fd));
    is(poll(&p, 1, 5000), 1, "waiting for a set");
    pthread_join(thread, NULL);
    close(fd);
    close(ep);
}

static void handler(int number)
{
    (void)number;
}

static void test_signals(void)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    int ep = epoll_create1(0);
    struct epoll_event event;
    sigset_t blocked, none;
    pid_t parent = getpid(), child;

    sigaction(SIGUSR1, &action, NULL);
    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    child = fork();
    must(child >= 0);
    if (!child) {
        usleep(20000);
        kill(parent, SIGUSR1);
        _exit(0);
    }
    fails(epoll_wait(ep, &event, 1, -1), EINTR, "a signal, even SA_RESTART");
    waitpid(child, NULL, 0);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    raise(SIGUSR1);
    is(epoll_wait(ep, &event, 1, 10), 0, "a blocked one does not disturb");
    fails(epoll_pwait(ep, &event, 1, -1, &none), EINTR,
          "epoll_pwait lets it in");
    close(ep);
}

static void test_errors(void)
{
    int ep = epoll_create1(EPOLL_CLOEXEC), fd = new_event();
    struct epoll_event event;

    is(fcntl(ep, F_GETFD), FD_CLOEXEC, "EPOLL_CLOEXEC");
    fails(epoll_create1(1), EINVAL, "an unknown flag");
    fails(syscall(SYS_epoll_create, 0), EINVAL, "epoll_create of 0");
    fails(control(77, EPOLL_CTL_ADD, fd, EPOLLIN), EBADF, "no set");
    fails(control(ep, EPOLL_CTL_ADD, 77, EPOLLIN), EBADF, "no file");
    fails(control(fd, EPOLL_CTL_ADD, ep, EPOLLIN), EINVAL, "not a set");
    fails(control(ep, EPOLL_CTL_ADD, ep, EPOLLIN), EINVAL, "itself");
    fails(control(ep, 9, fd, EPOLLIN), EINVAL, "operation 9");
    fails(control(ep, EPOLL_CTL_MOD, fd, EPOLLIN), ENOENT, "not in it");
    fails(control(ep, EPOLL_CTL_DEL, fd, EPOLLIN), ENOENT, "nor to remove");
    fails(epoll_ctl(ep, EPOLL_CTL_ADD, fd, NULL), EFAULT, "no event");
    works(control(ep, EPOLL_CTL_ADD, fd, EPOLLIN), "added");
    fails(control(ep, EPOLL_CTL_ADD, fd, EPOLLIN), EEXIST, "twice");
    fails(control(ep, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLEXCLUSIVE), EINVAL,
          "EPOLLEXCLUSIVE cannot be changed to");
    put(fd);
    fails(epoll_wait(ep, &event, 0, 0), EINVAL, "room for none");
    fails(epoll_wait(ep, &event, -1, 0), EINVAL, "for less");
    fails(epoll_wait(fd, &event, 1, 0), EINVAL, "waiting for no set");
    fails(epoll_wait(77, &event, 1, 0), EBADF, "for no file");
    fails(epoll_wait(ep, (void *)-4096l, 1, 0), EFAULT, "a kernel address");
    fails(epoll_wait(ep, NULL, 1, 0), EFAULT, "nowhere to");
    close(fd);
    close(ep);
}

int main(void)
{
    test_level();
    test_edge();
    test_oneshot();
    test_several();
    test_dup();
    test_waiting();
    test_signals();
    test_errors();
    return done_testing();
}
