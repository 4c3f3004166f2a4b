/*
 * epoll sets in epoll sets: events come through, rings and long chains are
 * refused (ELOOP), and all of it can be closed in any order.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "probe.h"

#define SETS 8

static int add(int ep, int fd, unsigned events)
{
    struct epoll_event e = {.events = events, .data.fd = fd};

    return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
}

static int del(int ep, int fd)
{
    return epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL);
}

/* The descriptor an event is for, -1: none. */
static int next(int ep, int timeout)
{
    struct epoll_event e;

    return epoll_wait(ep, &e, 1, timeout) == 1 ? e.data.fd : -1;
}

static void put(int fd)
{
    uint64_t n = 1;

    must(write(fd, &n, sizeof(n)) == sizeof(n));
}

static void take(int fd)
{
    uint64_t n;

    must(read(fd, &n, sizeof(n)) == sizeof(n));
}

static void test_events(void)
{
    int outer = epoll_create1(0), inner = epoll_create1(0), fd = eventfd(0, 0);
    struct pollfd p = {outer, POLLIN, 0};

    works(add(inner, fd, EPOLLIN), "a set with an eventfd");
    works(add(outer, inner, EPOLLIN), "in another");
    is(next(outer, 0), -1, "nothing yet");
    put(fd);
    is(next(outer, 0), inner, "the outer one sees the inner one");
    is(poll(&p, 1, 0), 1, "poll sees the outer one");
    is(next(inner, 0), fd, "and that one the eventfd");
    take(fd);
    is(next(outer, 0), -1, "nothing any more");
    is(poll(&p, 1, 0), 0, "for poll either");
    put(fd);
    close(fd);
    is(next(outer, 0), -1, "closed, it is gone");
    close(inner);
    is(next(outer, 0), -1, "and so is the set");
    close(outer);
}

static void *puts_later(void *fd)
{
    usleep(5000);
    put(*(int *)fd);
    return NULL;
}

static void test_waiting(void)
{
    int sets[4], fd = eventfd(0, 0);
    pthread_t t;

    for (int i = 0; i < 4; i++) {
        sets[i] = epoll_create1(0);
        must(!add(sets[i], i ? sets[i - 1] : fd, EPOLLIN));
    }
    must(!pthread_create(&t, NULL, puts_later, &fd));
    is(next(sets[3], 2000), sets[2], "a wait hears of it four sets further");
    pthread_join(t, NULL);
    for (int i = 0; i < 4; i++)
        close(sets[i]);
    close(fd);
}

static void test_edges(void)
{
    int outer = epoll_create1(0), inner = epoll_create1(0), fd = eventfd(0, 0);

    must(!add(inner, fd, EPOLLIN));
    must(!add(outer, inner, EPOLLIN | EPOLLET));
    put(fd);
    is(next(outer, 0), inner, "an edge");
    is(next(outer, 0), -1, "once");
    put(fd);
    is(next(outer, 0), inner, "and another");
    close(outer);
    close(inner);
    close(fd);
}

static void test_rings(void)
{
    int a = epoll_create1(0), b = epoll_create1(0), c = epoll_create1(0);

    fails(add(a, a, EPOLLIN), EINVAL, "in itself");
    works(add(b, a, EPOLLIN), "a in b");
    fails(add(a, b, EPOLLIN), ELOOP, "b in a");
    works(add(c, b, EPOLLIN), "b in c");
    fails(add(a, c, EPOLLIN), ELOOP, "c in a");
    works(del(b, a), "apart");
    works(add(a, c, EPOLLIN), "then c in a");
    close(b);
    close(a);
    close(c);
}

static void test_depth(void)
{
    int e[SETS], fd = eventfd(1, 0);

    for (int i = 0; i < SETS; i++)
        e[i] = epoll_create1(0);
    for (int i = 0; i < 4; i++)
        works(add(e[i + 1], e[i], EPOLLIN), "%d sets deep", i + 2);
    fails(add(e[5], e[4], EPOLLIN), ELOOP, "six are too many");
    works(add(e[0], fd, EPOLLIN), "an eventfd at the bottom");
    is(next(e[4], 0), e[3], "is heard at the top");
    works(add(e[6], e[5], EPOLLIN), "two others");
    fails(add(e[5], e[3], EPOLLIN), ELOOP, "too deep together");
    works(add(e[5], e[2], EPOLLIN), "but not so");
    for (int i = 0; i < SETS; i++)
        close(e[i]);
    close(fd);
}

int main(void)
{
    test_events();
    test_waiting();
    test_edges();
    test_rings();
    test_depth();
    return done_testing();
}
