/*
 * What /proc says of the program itself: the walk of a page before and after
 * it is written, a registered area with a fault that nobody serves.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096

static char *region;

static void print_walk(const char *when, unsigned long address)
{
    unsigned long e[4] = {0};
    int fd = open("/proc/self/walk", O_RDONLY);

    if (pread(fd, e, sizeof(e), (off_t)(address / PAGE * 32)) != sizeof(e))
        puts("no walk");
    close(fd);
    printf("%s: %lu%lu%lu%lu leaf %lx\n", when, e[0] & 1, e[1] & 1, e[2] & 1,
           e[3] & 1, e[3] & 0x7);
}

static void *toucher(void *unused)
{
    *(volatile char *)region = 1;
    return unused;
}

int main(void)
{
    struct uffdio_api api = {.api = UFFD_API};
    struct uffdio_register range = {.mode = UFFDIO_REGISTER_MODE_MISSING};
    int uffd = (int)syscall(SYS_userfaultfd, O_NONBLOCK);
    char text[256], *page;
    pthread_t thread;
    ssize_t n;
    int fd;

    page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                -1, 0);
    print_walk("before", (unsigned long)page);
    *(volatile char *)page = 1;
    print_walk("after", (unsigned long)page);
    region = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    range.range.start = (unsigned long)region;
    range.range.len = 2 * PAGE;
    ioctl(uffd, UFFDIO_API, &api);
    ioctl(uffd, UFFDIO_REGISTER, &range);
    pthread_create(&thread, NULL, toucher, NULL);
    usleep(1000);
    fd = open("/proc/self/uffd", O_RDONLY);
    n = read(fd, text, sizeof(text) - 1);
    text[n > 0 ? n : 0] = 0;
    printf("region %lx\n%s", (unsigned long)region, text);
    fflush(stdout);
    return 0;
}
