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
#include <time.h>

#define ROUNDS         200
#define DRAIN_MESSAGES 64
#define DRAIN_ROUNDS   5

struct region {
    char *pages;
    size_t count;
    int fd;
};

static char source[PAGE] __attribute__((aligned(4096)));

static struct region make_region(size_t count)
{
    struct region region = {.pages = map_pages(count), .count = count};
    struct uffdio_api api = {.api = UFFD_API};
    struct uffdio_register range = {
        .range = {.start = (unsigned long)region.pages, .len = count * PAGE},
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
    munmap(region->pages, region->count * PAGE);
}

static void bench_thread(struct samples *samples)
{
    struct region region = make_region(ROUNDS);
    pthread_t pager;

    touch_write(source);
    must(!pthread_create(&pager, NULL, serve, &region), "pthread_create");
    sample_faults(samples, &region);
    pthread_join(pager, NULL);
    drop_region(&region);
}

static void bench_task(struct samples *samples)
{
    struct region region = make_region(ROUNDS);
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

/* Sixty-four threads at a time fault and wait: one page each per round. */
static struct region crowd_region;
static int arrived;

static void *fault_in_rounds(void *argument)
{
    char *page = crowd_region.pages + (long)argument * PAGE;

    for (int round = 0; round < DRAIN_ROUNDS; round++) {
        __atomic_add_fetch(&arrived, 1, __ATOMIC_SEQ_CST);
        touch_read(page + round * DRAIN_MESSAGES * PAGE);
    }
    return NULL;
}

static void await_faults(int round)
{
    struct timespec moment = {.tv_nsec = 2000000};

    while (__atomic_load_n(&arrived, __ATOMIC_SEQ_CST) <
           (round + 1) * DRAIN_MESSAGES)
        nanosleep(&moment, NULL);
    /* Announced is not yet asleep. */
    nanosleep(&moment, NULL);
}

/* One read(2) of all that wait; filling their pages is not measured. */
static void drain(struct samples *samples)
{
    static struct uffd_msg messages[DRAIN_MESSAGES];
    uint64_t start = ticks();
    ssize_t got = read(crowd_region.fd, messages, sizeof(messages));

    add_sample(samples, start);
    must(got == sizeof(messages), "a read of all messages");
    for (int i = 0; i < DRAIN_MESSAGES; i++) {
        struct uffdio_zeropage zero = {
            .range = {.start = messages[i].arg.pagefault.address, .len = PAGE},
        };

        must(!ioctl(crowd_region.fd, UFFDIO_ZEROPAGE, &zero), "ZEROPAGE");
    }
}

static void bench_drain(struct samples *samples)
{
    pthread_t threads[DRAIN_MESSAGES];

    crowd_region = make_region(DRAIN_ROUNDS * DRAIN_MESSAGES);
    for (long i = 0; i < DRAIN_MESSAGES; i++)
        must(!pthread_create(&threads[i], NULL, fault_in_rounds, (void *)i),
             "pthread_create");
    for (int round = 0; round < DRAIN_ROUNDS; round++) {
        await_faults(round);
        drain(samples);
    }
    for (int i = 0; i < DRAIN_MESSAGES; i++)
        pthread_join(threads[i], NULL);
    drop_region(&crowd_region);
}

const struct benchmark pager_benchmarks[] = {
    {"userfault-thread", bench_thread},
    {"userfault-task", bench_task},
    {"userfault-read-64", bench_drain},
    {NULL, NULL},
};
