/*
 * For the system-call fuzzer: the requests of a pager that are no calls of
 * their own, and the pager itself. On Linux those of type 0xFA are unknown.
 */
#pragma once

#include <fcntl.h>

#include "uffd_util.h"

#define PR_FAULTS 0x464c0003
#define FL_BIND   0x4028fa02
#define FL_FILL   0xc028fa03
#define FL_MISS   0xf0
#define FL_ZERO   4

enum {
    PAGER_FD = 40, /* registers, and has a thread */
    OBJECT_UFFD,   /* does not wait; OBJECT_FD is bound to it */
    OBJECT_FD,
    FRESH_FD, /* may still be bound */
    PAGEMAP_FD,
};

/* What its words are, as draw_pager_call() knows them; no request: a prctl */
struct pager_request {
    unsigned long request;
    int fd;
    char words[13];
};

static const struct pager_request pager_requests[] = {
    {0, 0, ""},
    {0xc050fa00, OBJECT_UFFD, "nspfzz"}, /* COPY_NEXT */
    {0x4020fa01, PAGER_FD, "aptf"},      /* GUARD */
    {FL_BIND, OBJECT_UFFD, "b-mtf"},
    {FL_FILL, OBJECT_UFFD, "opps"},
    {FL_FILL, OBJECT_UFFD, "opps"},
    {0xc048fa07, OBJECT_UFFD, "opps"}, /* FILL_NEXT */
    {0xc028fa04, OBJECT_UFFD, "oppz"}, /* WAKE */
    {0xc028fa05, OBJECT_UFFD, "oppz"}, /* CLEAN */
    {0xc028fa06, OBJECT_UFFD, "oppz"}, /* EVICT */
    {0xc0606610, PAGEMAP_FD, "8fae-smmmmmm"},
};

#define PAGER_REQUESTS (sizeof(pager_requests) / sizeof(pager_requests[0]))

/* Fills whatever is missing, until something is wrong. */
static void *serve(void *argument)
{
    int fd = (long)argument;
    struct uffd_msg message;
    static char filling[PAGE] __attribute__((aligned(4096)));

    while (read(fd, &message, sizeof(message)) == sizeof(message)) {
        struct uffdio_copy copy = {
            .dst = message.arg.pagefault.address & ~(PAGE - 1),
            .src = (unsigned long)filling,
            .len = PAGE,
        };

        ioctl(fd, UFFDIO_COPY, &copy);
    }
    return NULL;
}

/* The same for the object, whose misses say the offset (word 2). */
static void *serve_object(void *unused)
{
    unsigned long message[4];
    struct pollfd ready = {.fd = OBJECT_UFFD, .events = POLLIN};

    (void)unused;
    while (poll(&ready, 1, -1) == 1) {
        unsigned long fill[5] = {(unsigned long)FL_ZERO << 32 | OBJECT_FD};
        unsigned long zero[4] = {0, PAGE};

        if (read(OBJECT_UFFD, message, sizeof(message)) != sizeof(message))
            break;
        fill[1] = message[2] & ~(PAGE - 1);
        fill[2] = PAGE;
        if ((message[0] & 0xff) == FL_MISS)
            ioctl(OBJECT_UFFD, FL_FILL, fill);
        zero[0] = fill[1];
        if ((message[0] & 0xff) == UFFD_EVENT_PAGEFAULT)
            ioctl(OBJECT_UFFD, UFFDIO_ZEROPAGE, zero);
    }
    return NULL;
}

/* The descriptors, and a mapping of the object: its pages are missing, as are
 * those of *next, which OBJECT_UFFD brings, too. */
static char *pager_make(int fd, char **next)
{
    unsigned long bind[5] = {OBJECT_FD};
    int object = memfd_create("bound", 0);
    char *pages;
    pthread_t pager;

    must(!ftruncate(object, 4 * PAGE));
    dup2(fd, PAGER_FD);
    dup2(uffd_new(O_NONBLOCK), OBJECT_UFFD);
    dup2(object, OBJECT_FD);
    dup2(memfd_create("fresh", 0), FRESH_FD);
    must(!ftruncate(FRESH_FD, 4 * PAGE));
    dup2(open("/proc/self/pagemap", O_RDONLY), PAGEMAP_FD);
    ioctl(OBJECT_UFFD, FL_BIND, bind); /* on Linux it is not bound */
    *next = map_pages(4);
    uffd_register(OBJECT_UFFD, *next, 4 * PAGE);
    pthread_create(&pager, NULL, serve_object, NULL);
    pages = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, object, 0);
    must(pages != MAP_FAILED);
    return pages;
}
