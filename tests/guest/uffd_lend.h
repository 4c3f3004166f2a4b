/*
 * Memory that works as before while its pages come from a pager: lend() takes
 * the pages of a range away, and a thread of its own brings each back when it
 * is asked for.
 */
#pragma once

#include "uffd_util.h"

#define LEND_MAX 16 /* pages */

static struct {
    int fd;
    char *start;
    size_t size;
    volatile int served; /* pages brought back */
    pthread_t thread;
    char copy[LEND_MAX * PAGE] __attribute__((aligned(4096)));
} lent;

static inline void *lend_serve(void *unused)
{
    struct pollfd entry = {.fd = lent.fd, .events = POLLIN};
    struct uffd_msg message;

    while (poll(&entry, 1, -1) >= 0 && !(entry.revents & POLLERR)) {
        char *page;

        if (read(lent.fd, &message, sizeof(message)) != sizeof(message))
            continue;
        page = (char *)(unsigned long)message.arg.pagefault.address;
        lent.served++; /* first, for who waits may run at once */
        if (uffd_copy(lent.fd, page, lent.copy + (page - lent.start), PAGE))
            lent.served--;
    }
    return unused;
}

/* The pages of [start, start + size) are the pager's from now on. */
static inline void lend(void *start, size_t size)
{
    must(size <= sizeof(lent.copy));
    lent.start = start;
    lent.size = size;
    memcpy(lent.copy, start, size);
    lent.served = 0;
    lent.fd = uffd_new(O_NONBLOCK | O_CLOEXEC);
    lent.thread = thread_start(lend_serve, NULL);
    must(!uffd_register(lent.fd, start, size));
    must(!madvise(start, size, MADV_DONTNEED));
}

/* Ends it; how many pages were asked for. What is not there yet is zeros. */
static inline int lend_end(void)
{
    must(!pthread_cancel(lent.thread));
    thread_join(lent.thread);
    close(lent.fd);
    return lent.served;
}
