/* The calls of a pager, each with the answers that are not failures. */
#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "sys.h"
#include "uffd.h"

#define POLL_MILLISECONDS 1000

int uffd_open(unsigned long features)
{
    struct uffdio_api api = {.api = UFFD_API, .features = features};
    /* A userfaultfd can be polled only when it does not block. */
    int fd = userfaultfd(O_NONBLOCK);

    if (fd < 0)
        die_errno(2, "userfaultfd");
    if (ioctl(fd, UFFDIO_API, &api) < 0)
        die_errno(2, "UFFDIO_API, features %#lx", features);
    return fd;
}

void uffd_register(int uffd, const void *start, size_t length,
                   unsigned long mode)
{
    struct uffdio_register range = {
        .range = {.start = (unsigned long)start, .len = length},
        .mode = mode,
    };

    if (ioctl(uffd, UFFDIO_REGISTER, &range) < 0)
        die_errno(2, "UFFDIO_REGISTER, mode %#lx", mode);
}

int uffd_wait_any(const int *uffd, int count, pid_t client)
{
    struct pollfd fds[UFFD_WAIT_MAX];
    int ready;

    for (int i = 0; i < count; i++)
        fds[i] = (struct pollfd){.fd = uffd[i], .events = POLLIN};
    while (!(ready = poll(fds, count, POLL_MILLISECONDS)))
        if (getppid() != client)
            die(1, "the client is gone");
    if (ready < 0)
        die_errno(1, "poll");
    for (int i = 0; i < count; i++) {
        if (fds[i].revents & POLLIN)
            return i;
        if (fds[i].revents)
            die(1, "poll says %#x", fds[i].revents);
    }
    die(1, "poll counts %d of none", ready);
}

int uffd_wait(int uffd, pid_t client, struct uffd_msg *messages)
{
    ssize_t got;

    do {
        (void)uffd_wait_any(&uffd, 1, client);
        got = read(uffd, messages, UFFD_MESSAGES * sizeof(*messages));
        /* EAGAIN: what poll saw has been resolved meanwhile. */
        if (got < 0 && errno != EAGAIN)
            die_errno(1, "read of the userfaultfd");
    } while (got <= 0);
    return got / sizeof(*messages);
}

void uffd_wake(int uffd, unsigned long address)
{
    struct uffdio_range range = {.start = address & ~PAGE_MASK,
                                 .len = PAGE_SIZE};

    if (ioctl(uffd, UFFDIO_WAKE, &range) < 0)
        die_errno(1, "UFFDIO_WAKE at %#lx", address);
}

int uffd_fill(int uffd, unsigned long address, const void *source,
              unsigned long mode)
{
    struct uffdio_copy copy = {
        .dst = address & ~PAGE_MASK,
        .src = (unsigned long)source,
        .len = PAGE_SIZE,
        .mode = mode,
    };

    while (ioctl(uffd, UFFDIO_COPY, &copy) < 0) {
        if (errno == EEXIST) {
            /* Someone else was faster; its readers may still sleep. */
            uffd_wake(uffd, address);
            return 0;
        }
        if (errno == ENOENT || errno == ESRCH)
            return 0; /* Unmapped, or dead, meanwhile: nobody waits. */
        /* EAGAIN: the client is just changing its mappings. */
        if (errno != EAGAIN)
            die_errno(1, "UFFDIO_COPY to %#lx", address);
        copy.copy = 0;
    }
    return 1;
}

void uffd_protect(int uffd, unsigned long start, size_t length, int protect)
{
    struct uffdio_writeprotect range = {
        .range = {.start = start & ~PAGE_MASK, .len = length},
        .mode = protect ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
    };

    while (ioctl(uffd, UFFDIO_WRITEPROTECT, &range) < 0) {
        if (errno == ESRCH)
            return; /* Dead: it writes nothing any more. */
        if (errno != EAGAIN)
            die_errno(1, "UFFDIO_WRITEPROTECT at %#lx", start);
    }
}
