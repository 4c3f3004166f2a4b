/*
 * Benchmarks of the fault path and of the calls that change mappings, by one
 * thread in one address space.
 */
#include "bench.h"

#include <sys/wait.h>

#define ROUNDS 200

static void bench_syscall(struct samples *samples)
{
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t start = ticks();

        null_syscall();
        add_sample(samples, start);
    }
}

void sample_reads(struct samples *samples, char *pages)
{
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t start = ticks();

        touch_read(pages + i * PAGE);
        add_sample(samples, start);
    }
}

void bench_read_fault(struct samples *samples)
{
    char *pages = map_pages(ROUNDS);

    sample_reads(samples, pages);
    munmap(pages, ROUNDS * PAGE);
}

void sample_writes(struct samples *samples, char *pages)
{
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t start = ticks();

        touch_write(pages + i * PAGE);
        add_sample(samples, start);
    }
}

void bench_write_fault(struct samples *samples)
{
    char *pages = map_pages(ROUNDS);

    sample_writes(samples, pages);
    munmap(pages, ROUNDS * PAGE);
}

static void bench_upgrade(struct samples *samples)
{
    char *pages = map_pages(ROUNDS);

    for (int i = 0; i < ROUNDS; i++)
        touch_read(pages + i * PAGE);
    sample_writes(samples, pages);
    munmap(pages, ROUNDS * PAGE);
}

void bench_map(struct samples *samples)
{
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t start = ticks();
        char *page = map_pages(1);

        munmap(page, PAGE);
        add_sample(samples, start);
    }
}

void bench_map_touch(struct samples *samples)
{
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t start = ticks();
        char *page = map_pages(1);

        touch_write(page);
        munmap(page, PAGE);
        add_sample(samples, start);
    }
}

void bench_mprotect(struct samples *samples)
{
    char *page = map_pages(1);

    touch_write(page);
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t start = ticks();

        mprotect(page, PAGE, PROT_READ);
        mprotect(page, PAGE, PROT_READ | PROT_WRITE);
        add_sample(samples, start);
    }
    munmap(page, PAGE);
}

/* Memory that keeps a child's samples for its parent. */
static struct samples *shared_samples(void)
{
    struct samples *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    must(shared != MAP_FAILED, "mmap");
    /* Resident before the first sample is stored, even without POPULATE. */
    for (size_t at = 0; at < sizeof(*shared); at += PAGE)
        ((volatile char *)shared)[at] = 0;
    return shared;
}

/* The child writes where its parent, which waits, has written before. */
void bench_cow(struct samples *samples)
{
    struct samples *shared = shared_samples();
    char *pages = map_pages(ROUNDS);
    pid_t pid;

    for (int i = 0; i < ROUNDS; i++)
        touch_write(pages + i * PAGE);
    pid = fork();
    must(pid >= 0, "fork");
    if (!pid) {
        sample_writes(shared, pages);
        _exit(0);
    }
    must(waitpid(pid, NULL, 0) == pid, "waitpid");
    *samples = *shared;
    munmap(pages, ROUNDS * PAGE);
    munmap(shared, sizeof(*shared));
}

/* The same for the one who is left: the page is its own, no copy. */
static void bench_cow_reuse(struct samples *samples)
{
    char *pages = map_pages(ROUNDS);
    pid_t pid;

    for (int i = 0; i < ROUNDS; i++)
        touch_write(pages + i * PAGE);
    pid = fork();
    must(pid >= 0, "fork");
    if (!pid)
        _exit(0);
    must(waitpid(pid, NULL, 0) == pid, "waitpid");
    sample_writes(samples, pages);
    munmap(pages, ROUNDS * PAGE);
}

const struct benchmark memory_benchmarks[] = {
    {"null-syscall", bench_syscall},
    {"anon-read-fault", bench_read_fault},
    {"anon-write-fault", bench_write_fault},
    {"zero-page-upgrade", bench_upgrade},
    {"cow-fault", bench_cow},
    {"cow-reuse-fault", bench_cow_reuse},
    {"mmap-munmap", bench_map},
    {"mmap-touch-munmap", bench_map_touch},
    {"mprotect-pair", bench_mprotect},
    {NULL, NULL},
};
