/*
 * Benchmarks of a fault that a pager serves: from the faulting instruction
 * through the pager's read(2) and its answer until the instruction is done,
 * with the pager in a thread and in a task of its own. The answer is a page for
 * a missing one, or the protection's end for a write to a protected one.
 */
#include "bench.h"

#include <errno.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>

#define ROUNDS         200
#define DRAIN_MESSAGES 64
#define DRAIN_ROUNDS   5

/* Faultline's request of one kernel entry per fault: docs/userfaultfd.md. */
#define COPY_NEXT 0xc050fa00u

struct copy_next {
    struct uffdio_copy copy;
    uint64_t reserved;
    struct uffd_msg message;
};

struct region {
    char *pages;
    size_t count;
    int fd;
};

static char source[PAGE] __attribute__((aligned(4096)));

static struct region make_region(size_t count, unsigned long mode)
{
    struct region region = {.pages = map_pages(count), .count = count};
    struct uffdio_api api = {.api = UFFD_API};
    struct uffdio_register range = {
        .range = {.start = (unsigned long)region.pages, .len = count * PAGE},
        .mode = mode,
    };

    region.fd = syscall(SYS_userfaultfd, 0);
    must(region.fd >= 0, "userfaultfd");
    must(!ioctl(region.fd, UFFDIO_API, &api), "UFFDIO_API");
    must(!ioctl(region.fd, UFFDIO_REGISTER, &range), "UFFDIO_REGISTER");
    return region;
}

static void read_message(int fd, struct uffd_msg *message)
{
    must(read(fd, message, sizeof(*message)) == sizeof(*message), "read");
}

/* The pagers: each serves ROUNDS faults of a region. */
static void *serve_missing(void *argument)
{
    struct region *region = argument;

    for (int i = 0; i < ROUNDS; i++) {
        struct uffd_msg message;
        struct uffdio_copy copy = {
            .src = (unsigned long)source,
            .len = PAGE,
        };

        read_message(region->fd, &message);
        copy.dst = message.arg.pagefault.address;
        must(!ioctl(region->fd, UFFDIO_COPY, &copy), "UFFDIO_COPY");
    }
    return NULL;
}

static void *serve_next(void *argument)
{
    struct region *region = argument;
    struct copy_next c = {.copy = {.src = (unsigned long)source, .len = PAGE}};

    read_message(region->fd, &c.message);
    for (int i = 1; i < ROUNDS; i++) {
        c.copy.dst = c.message.arg.pagefault.address;
        must(!ioctl(region->fd, COPY_NEXT, &c), "COPY_NEXT");
    }
    c.copy.dst = c.message.arg.pagefault.address;
    must(!ioctl(region->fd, UFFDIO_COPY, &c.copy), "UFFDIO_COPY");
    return NULL;
}

static void *serve_protected(void *argument)
{
    struct region *region = argument;
    struct uffdio_writeprotect answer = {.range = {.len = PAGE}};

    for (int i = 0; i < ROUNDS; i++) {
        struct uffd_msg message;

        read_message(region->fd, &message);
        answer.range.start = message.arg.pagefault.address;
        must(!ioctl(region->fd, UFFDIO_WRITEPROTECT, &answer), "WRITEPROTECT");
    }
    return NULL;
}

static void protect(struct region *region)
{
    struct uffdio_writeprotect all = {
        .range = {(unsigned long)region->pages, region->count * PAGE},
        .mode = UFFDIO_WRITEPROTECT_MODE_WP,
    };

    must(!ioctl(region->fd, UFFDIO_WRITEPROTECT, &all), "WRITEPROTECT");
}

static void drop_region(struct region *region)
{
    close(region->fd);
    munmap(region->pages, region->count * PAGE);
}

/* One kind of fault: what registers it, who has it, who serves it. */
struct kind {
    unsigned long mode;
    void (*sample)(struct samples *samples, char *pages);
    void *(*serve)(void *region);
};

static const struct kind missing = {
    UFFDIO_REGISTER_MODE_MISSING,
    sample_reads,
    serve_missing,
};
static const struct kind missing_next = {
    UFFDIO_REGISTER_MODE_MISSING,
    sample_reads,
    serve_next,
};
static const struct kind protected = {
    UFFDIO_REGISTER_MODE_WP,
    sample_writes,
    serve_protected,
};

static struct region make_kind(const struct kind *kind)
{
    struct region region = make_region(ROUNDS, kind->mode);

    touch_write(source);
    if (kind->mode == UFFDIO_REGISTER_MODE_WP) {
        for (int i = 0; i < ROUNDS; i++)
            touch_write(region.pages + i * PAGE);
        protect(&region);
    }
    return region;
}

static void with_thread(struct samples *samples, const struct kind *kind)
{
    struct region region = make_kind(kind);
    pthread_t pager;

    must(!pthread_create(&pager, NULL, kind->serve, &region), "pthread_create");
    kind->sample(samples, region.pages);
    pthread_join(pager, NULL);
    drop_region(&region);
}

static void with_task(struct samples *samples, const struct kind *kind)
{
    struct region region = make_kind(kind);
    pid_t pid = fork();

    must(pid >= 0, "fork");
    if (!pid) {
        touch_write(source);
        /* Only to protect: what both map, a write has to copy. */
        munmap(region.pages, region.count * PAGE);
        kind->serve(&region);
        _exit(0);
    }
    kind->sample(samples, region.pages);
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

    crowd_region = make_region(DRAIN_ROUNDS * DRAIN_MESSAGES,
                               UFFDIO_REGISTER_MODE_MISSING);
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

static void missing_thread(struct samples *samples)
{
    with_thread(samples, &missing);
}

static void missing_task(struct samples *samples)
{
    with_task(samples, &missing);
}

/* The kernel knows the request: others answer EINVAL, like Linux. */
static int has_next(void)
{
    struct region region = make_region(1, UFFDIO_REGISTER_MODE_MISSING);
    int found = ioctl(region.fd, COPY_NEXT, NULL) && errno == EFAULT;

    drop_region(&region);
    return found;
}

static void next_thread(struct samples *samples)
{
    if (has_next())
        with_thread(samples, &missing_next);
}

static void next_task(struct samples *samples)
{
    if (has_next())
        with_task(samples, &missing_next);
}

static void protected_thread(struct samples *samples)
{
    with_thread(samples, &protected);
}

static void protected_task(struct samples *samples)
{
    with_task(samples, &protected);
}

const struct benchmark pager_benchmarks[] = {
    {"userfault-thread", missing_thread},
    {"userfault-task", missing_task},
    {"userfault-next-thread", next_thread},
    {"userfault-next-task", next_task},
    {"userfault-wp-thread", protected_thread},
    {"userfault-wp-task", protected_task},
    {"userfault-read-64", bench_drain},
    {NULL, NULL},
};
