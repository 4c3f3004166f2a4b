/*
 * demo-file: reads a file that it does not own, out of memory that is not
 * there. Descriptor 3 is the file, 4 the pager program. This client only
 * takes the file's size, registers an empty region as large with a
 * userfaultfd and hands file and userfaultfd to a pager task in an address
 * space of its own (pager-file). Each first touch of a page then stops the
 * client until the pager has filled the page.
 *
 * One page follows the region: the client writes to it to say goodbye. The
 * pager needs no other channel, so this runs on anything that has
 * userfaultfd(2): demo-file 3<FILE 4<pager-file
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "crc32.h"
#include "sys.h"
#include "uffd.h"

enum {
    DATA_FD = 3,
    PAGER_FD = 4,
};

static size_t data_size(void)
{
    struct stat info;

    if (fstat(DATA_FD, &info) < 0)
        die_errno(2, "descriptor 3 must be the data file (boot module `data`)");
    if (!info.st_size) {
        die(2, "the data file is empty");
    }
    if (fcntl(PAGER_FD, F_SETFD, FD_CLOEXEC) < 0)
        die_errno(2,
                  "descriptor 4 must be the pager (boot module `pager-file`)");
    return info.st_size;
}

/* Starts the pager; from here on the client has neither file nor uffd. */
static pid_t start_pager(int uffd, void *region)
{
    char uffd_text[16];
    char data_text[16];
    char base_text[32];
    char *argv[] = {(char *)"pager-file", uffd_text, data_text, base_text,
                    NULL};
    char *envp[] = {NULL};
    pid_t pid;

    snprintf(uffd_text, sizeof(uffd_text), "%d", uffd);
    snprintf(data_text, sizeof(data_text), "%d", DATA_FD);
    snprintf(base_text, sizeof(base_text), "%p", region);
    pid = fork();
    if (pid < 0)
        die_errno(2, "fork");
    if (!pid) {
        exec_fd(PAGER_FD, argv, envp);
        die_errno(126, "cannot execute the pager");
    }
    close(DATA_FD);
    close(PAGER_FD);
    close(uffd);
    return pid;
}

static unsigned long common_divisor(unsigned long a, unsigned long b)
{
    while (b) {
        unsigned long rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

/*
 * Touches every page once, in strides near the golden section of the region:
 * a stride without a common divisor with COUNT visits each page.
 */
static unsigned touch_scattered(const volatile unsigned char *region,
                                unsigned long count)
{
    unsigned long stride = count * 618 / 1000 + 1;
    unsigned long page = count / 2;
    unsigned sum = 0;

    while (common_divisor(stride, count) != 1)
        stride++;
    for (unsigned long i = 0; i < count; i++) {
        sum += region[page * PAGE_SIZE];
        page = (page + stride) % count;
    }
    return sum;
}

/* Sum of the first byte of each page: the same again, now without faults. */
static unsigned touch_in_order(const volatile unsigned char *region,
                               unsigned long count)
{
    unsigned sum = 0;

    for (unsigned long page = 0; page < count; page++)
        sum += region[page * PAGE_SIZE];
    return sum;
}

/* One store, a function of its own for docs/first-session.md to stop at. */
static __attribute__((noinline)) void say_goodbye(volatile unsigned char *page)
{
    *page = 1;
}

static int wait_for(pid_t pager)
{
    int status;

    if (waitpid(pager, &status, 0) != pager)
        die_errno(2, "wait for the pager");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(void)
{
    size_t size;
    unsigned long count;
    unsigned char *region;
    unsigned sum;
    pid_t pager;
    int uffd;

    program_name = "demo-file";
    size = data_size();
    count = (size + PAGE_MASK) / PAGE_SIZE;
    region = mmap(NULL, (count + 1) * PAGE_SIZE, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (region == MAP_FAILED)
        die_errno(2, "mmap of %lu pages", count + 1);
    uffd = uffd_open(0);
    uffd_register(uffd, region, (count + 1) * PAGE_SIZE,
                  UFFDIO_REGISTER_MODE_MISSING);
    pager = start_pager(uffd, region);
    printf("client: %zu bytes are %lu pages, none of them here\n", size, count);
    fflush(stdout);
    sum = touch_scattered(region, count);
    if (sum != touch_in_order(region, count)) {
        die(1, "a page changed after it was filled");
    }
    printf("client: crc32 %08x\n", crc32(0, region, size));
    fflush(stdout);
    say_goodbye(region + count * PAGE_SIZE);
    return wait_for(pager);
}
