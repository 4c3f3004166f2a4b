/*
 * pager-file UFFD DATA BASE: serves the missing pages of a client's region
 * that begins at BASE in the client's address space, from the file on
 * descriptor DATA, until the client touches the page after the last one.
 *
 * The pager and its client share nothing but the userfaultfd: a fault comes
 * in as a message, the page goes out with UFFDIO_COPY straight from the
 * pager's own mapping of the file.
 */
#include <errno.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "sys.h"

#define MESSAGES          16
#define POLL_MILLISECONDS 1000

struct pager {
    int uffd;
    unsigned long base;   /* of the region, in the client */
    unsigned long pages;  /* in the file, the last one perhaps in part */
    const char *file;     /* the file, in our own address space */
    unsigned long served; /* faults answered with a page of the file */
    pid_t client;
    int goodbye;
};

static long number(const char *text)
{
    char *end;
    long value = strtol(text, &end, 0);

    if (end == text || *end)
        die(2, "not a number: \"%s\"", text);
    return value;
}

static void map_file(struct pager *pager, int fd)
{
    struct stat info;

    if (fstat(fd, &info) < 0)
        die_errno(2, "fstat of the file, descriptor %d", fd);
    pager->pages = (info.st_size + PAGE_MASK) / PAGE_SIZE;
    pager->file = mmap(NULL, info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (pager->file == MAP_FAILED)
        die_errno(2, "mmap of the file, %ld bytes", (long)info.st_size);
}

/* Someone else was faster: the page is there, its readers may still sleep. */
static void wake(const struct pager *pager, unsigned long address)
{
    struct uffdio_range range = {.start = address, .len = PAGE_SIZE};

    if (ioctl(pager->uffd, UFFDIO_WAKE, &range) < 0)
        die_errno(1, "UFFDIO_WAKE");
}

/*
 * Gives the client the page at SOURCE. The region's last page may be filled
 * in part only: a file mapping reads as zeros behind the end of the file.
 */
static void fill(const struct pager *pager, unsigned long address,
                 const void *source)
{
    struct uffdio_copy copy = {
        .dst = address,
        .src = (unsigned long)source,
        .len = PAGE_SIZE,
    };

    while (ioctl(pager->uffd, UFFDIO_COPY, &copy) < 0) {
        if (errno == EEXIST) {
            wake(pager, address);
            return;
        }
        if (errno == ENOENT)
            return; /* The client unmapped it meanwhile: nobody waits. */
        /* EAGAIN: the client is just changing its mappings. */
        if (errno != EAGAIN)
            die_errno(1, "UFFDIO_COPY to %#lx", address);
        copy.copy = 0;
    }
}

static void say_goodbye(struct pager *pager, unsigned long address)
{
    static const char zeros[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

    printf("pager: %lu pages, %lu faults served\n", pager->pages,
           pager->served);
    fflush(stdout);
    pager->goodbye = 1;
    fill(pager, address, zeros);
}

static void serve(struct pager *pager, const struct uffd_msg *message)
{
    unsigned long address = message->arg.pagefault.address & ~PAGE_MASK;
    unsigned long page = (address - pager->base) / PAGE_SIZE;

    if (message->event != UFFD_EVENT_PAGEFAULT)
        die(1, "unexpected event %#x", message->event);
    if (address < pager->base || page > pager->pages)
        die(1, "a fault at %#lx, outside the region", address);
    if (page == pager->pages) {
        say_goodbye(pager, address);
        return;
    }
    fill(pager, address, pager->file + page * PAGE_SIZE);
    pager->served++;
}

/* Waits for a message; gives up when the client has died meanwhile. */
static void wait_for_fault(const struct pager *pager)
{
    struct pollfd ready = {.fd = pager->uffd, .events = POLLIN};
    int count;

    while (!(count = poll(&ready, 1, POLL_MILLISECONDS))) {
        if (getppid() != pager->client)
            die(1, "the client is gone");
    }
    if (count < 0)
        die_errno(1, "poll");
    if (!(ready.revents & POLLIN))
        die(1, "poll says %#x", ready.revents);
}

static void serve_ready(struct pager *pager)
{
    struct uffd_msg messages[MESSAGES];
    ssize_t got = read(pager->uffd, messages, sizeof(messages));

    if (got < 0 && errno == EAGAIN)
        return; /* The fault that poll saw has been resolved meanwhile. */
    if (got < 0)
        die_errno(1, "read of the userfaultfd");
    for (size_t i = 0; i < got / sizeof(messages[0]); i++)
        serve(pager, &messages[i]);
}

int main(int argc, char **argv)
{
    struct pager pager = {.client = getppid()};

    program_name = "pager-file";
    if (argc != 4)
        die(2, "usage: pager-file UFFD DATA BASE");
    pager.uffd = number(argv[1]);
    pager.base = number(argv[3]);
    map_file(&pager, number(argv[2]));
    while (!pager.goodbye) {
        wait_for_fault(&pager);
        serve_ready(&pager);
    }
    return 0;
}
