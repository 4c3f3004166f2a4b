/*
 * pager-file UFFD DATA BASE: serves the missing pages of a client's region
 * that begins at BASE in the client's address space, from the file on
 * descriptor DATA, until the client touches the page after the last one.
 *
 * The pager and its client share nothing but the userfaultfd: a fault comes
 * in as a message, the page goes out with UFFDIO_COPY straight from the
 * pager's own mapping of the file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "sys.h"
#include "uffd.h"

struct pager {
    int uffd;
    unsigned long base;   /* of the region, in the client */
    unsigned long pages;  /* in the file, the last one perhaps in part */
    const char *file;     /* the file, in our own address space */
    unsigned long served; /* faults answered with a page of the file */
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

static void say_goodbye(struct pager *pager, unsigned long address)
{
    static const char zeros[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

    printf("pager: %lu pages, %lu faults served\n", pager->pages,
           pager->served);
    fflush(stdout);
    pager->goodbye = 1;
    uffd_fill(pager->uffd, address, zeros, 0);
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
    /* The last page may be a part only: behind it the mapping is zeros. */
    uffd_fill(pager->uffd, address, pager->file + page * PAGE_SIZE, 0);
    pager->served++;
}

int main(int argc, char **argv)
{
    struct pager pager = {0};
    pid_t client = getppid();
    struct uffd_msg messages[UFFD_MESSAGES];

    program_name = "pager-file";
    if (argc != 4)
        die(2, "usage: pager-file UFFD DATA BASE");
    pager.uffd = number(argv[1]);
    pager.base = number(argv[3]);
    map_file(&pager, number(argv[2]));
    while (!pager.goodbye) {
        int count = uffd_wait(pager.uffd, client, messages);

        for (int i = 0; i < count; i++)
            serve(&pager, &messages[i]);
    }
    return 0;
}
