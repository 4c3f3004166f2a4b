/*
 * Benchmarks of a fault that a pager serves: from the faulting instruction
 * through the pager's read(2) and UFFDIO_COPY until the instruction is done,
 * with the pager in a thread and in a task of its own.
 */
#include "bench.h"

#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#define ROUNDS 200

struct region {
    char *pages;
    int fd;
};

static char source[PAGE] __attribute__((aligned(4096)));

static struct region make_region(void)
{
    struct region region = {.pages = map_pages(ROUNDS)};
    struct uffdio_api api = {.api = UFFD_API};
    struct uffdio_register range = {
        .range = {.start = (unsigned long)region.pages, .len = ROUNDS * PAGE},
        .mode = UFFDIO_REGISTER_MODE_MISSING,
    };

    region.fd = syscall(SYS_userfaultfd, 0);
    must(region.fd >= 0, "userfaultfd");
    must(!ioctl(region.fd, UFFDIO_API, &api), "UFFDIO_API");
    must(!ioctl(region.fd, UFFDIO_REGISTER, &range), "UFFDIO_REGISTER");
    return region;
}

static void *serve(void *argument)
{
    struct region *region = argument;

    for (int i = 0; i < ROUNDS; i++) {
        struct uffd_msg message;
        struct uffdio_copy copy = {
            .src = (unsigned long)source,
            .len = PAGE,
        };

        must(read(region->fd, &message, sizeof(message)) == sizeof(message),
             "read");
        copy.dst = message.arg.pagefault.address;
        must(!ioctl(region->fd, UFFDIO_COPY, &copy), "UFFDIO_COPY");
    }
    return NULL;
}

static void sample_faults(struct samples *samples, struct region *region)
{
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t start = ticks();

        touch_read(region->pages + i * PAGE);
        add_sample(samples, start);
    }
}

static void drop_region(struct region *region)
{
    close(region->fd);
    munmap(region->pages, ROUNDS * PAGE);
}

static void bench_thread(struct samples *samples)
{
    struct region region = make_region();
    pthread_t pager;

    touch_write(source);
    must(!pthread_create(&pager, NULL, serve, &region), "pthread_create");
    sample_faults(samples, &region);
    pthread_join(pager, NULL);
    drop_region(&region);
}

static void bench_task(struct samples *samples)
{
    struct region region = make_region();
    pid_t pid;

    touch_write(source);
    pid = fork();
    must(pid >= 0, "fork");
    if (!pid) {
        touch_write(source);
        serve(&region);
        _exit(0);
    }
    sample_faults(samples, &region);
    must(waitpid(pid, NULL, 0) == pid, "waitpid");
    drop_region(&region);
}

const struct benchmark pager_benchmarks[] = {
    {"userfault-thread", bench_thread},
    {"userfault-task", bench_task},
    {NULL, NULL},
};
