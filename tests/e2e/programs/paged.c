/*
 * 256 pages that a thread of its own fills through a userfaultfd, each read
 * whole, as the file demo does; prints the ticks that took.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE  4096
#define PAGES 256

static int uffd;

static void *pager(void *unused)
{
    static char source[PAGE] __attribute__((aligned(PAGE)));
    struct uffd_msg msg;

    memset(source, 7, sizeof(source));
    while (read(uffd, &msg, sizeof(msg)) == sizeof(msg)) {
        struct uffdio_copy copy = {
            .dst = msg.arg.pagefault.address & -(unsigned long)PAGE,
            .src = (unsigned long)source,
            .len = PAGE,
        };

        ioctl(uffd, UFFDIO_COPY, &copy);
    }
    return unused;
}

/* Byte by byte, as the demo's CRC goes over its pages. */
static unsigned sum(const volatile unsigned char *page)
{
    static unsigned table[256];
    unsigned crc = 0;

    for (int i = 0; i < PAGE; i++)
        crc = crc >> 8 ^ table[(crc ^ page[i]) & 0xff] ^ i;
    return crc;
}

int main(void)
{
    struct uffdio_api api = {.api = UFFD_API};
    char *region = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct uffdio_register range = {
        .range = {.start = (unsigned long)region, .len = PAGES * PAGE},
        .mode = UFFDIO_REGISTER_MODE_MISSING,
    };
    unsigned long begin;
    unsigned crc = 0;
    pthread_t thread;

    uffd = syscall(SYS_userfaultfd, 0);
    if (ioctl(uffd, UFFDIO_API, &api) || ioctl(uffd, UFFDIO_REGISTER, &range))
        return 1;
    pthread_create(&thread, NULL, pager, NULL);
    begin = __builtin_ia32_rdtsc();
    for (int i = 0; i < PAGES; i++)
        crc ^= sum((unsigned char *)region + i * PAGE);
    printf("run: %lu instructions, sum %x\n",
           (unsigned long)__builtin_ia32_rdtsc() - begin, crc);
    return 0;
}
