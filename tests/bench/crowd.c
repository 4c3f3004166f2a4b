/*
 * The operations of memory.c once more, among 40,000 mappings: what a search
 * among many costs. Elsewhere a static program has about ten.
 */
#include "bench.h"

#include <sys/wait.h>

#define CROWD 40000
#define HOLE  1000 /* pages in their midst, for what is measured */

/*
 * Makes the crowd, once: pages side by side whose protections alternate, so
 * that none merges with its neighbour, and a hole in the middle, which is the
 * first that the kernel finds for new mappings. Nothing of it is ever touched.
 */
static void gather(void)
{
    static char *crowd;
    size_t size = (CROWD + HOLE) * PAGE;
    char *hole;

    if (crowd)
        return;
    crowd = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(crowd != MAP_FAILED, "mmap");
    hole = crowd + CROWD / 2 * PAGE;
    must(!munmap(hole, HOLE * PAGE), "munmap");
    for (char *at = crowd; at < crowd + size; at += 2 * PAGE)
        if (at < hole || at >= hole + HOLE * PAGE)
            must(!mprotect(at, PAGE, PROT_NONE), "mprotect");
}

static void crowd_map(struct samples *samples)
{
    gather();
    bench_map(samples);
}

static void crowd_map_touch(struct samples *samples)
{
    gather();
    bench_map_touch(samples);
}

static void crowd_mprotect(struct samples *samples)
{
    gather();
    bench_mprotect(samples);
}

static void crowd_read_fault(struct samples *samples)
{
    gather();
    bench_read_fault(samples);
}

static void crowd_write_fault(struct samples *samples)
{
    gather();
    bench_write_fault(samples);
}

static void crowd_cow(struct samples *samples)
{
    gather();
    bench_cow(samples);
}

/* As many mappings again, every other one with a page of its own. */
static char *gather_pages(void)
{
    char *crowd = map_pages(CROWD);

    for (size_t i = 0; i < CROWD; i += 2) {
        must(!mprotect(crowd + (i + 1) * PAGE, PAGE, PROT_READ), "mprotect");
        touch_write(crowd + i * PAGE);
    }
    return crowd;
}

static void crowd_unmap(struct samples *samples)
{
    for (int i = 0; i < 3; i++) {
        char *crowd = gather_pages();
        uint64_t start = ticks();

        must(!munmap(crowd, CROWD * PAGE), "munmap");
        add_sample(samples, start);
    }
}

/* The child's end is no part of it. */
static void crowd_fork(struct samples *samples)
{
    char *crowd = gather_pages();

    for (int i = 0; i < 3; i++) {
        uint64_t start = ticks();
        pid_t pid = fork();

        must(pid >= 0, "fork");
        if (!pid)
            _exit(0);
        add_sample(samples, start);
        must(waitpid(pid, NULL, 0) == pid, "waitpid");
    }
    must(!munmap(crowd, CROWD * PAGE), "munmap");
}

/* The first two are alone in the space; from then on the crowd is there. */
const struct benchmark crowd_benchmarks[] = {
    {"munmap-all-40k", crowd_unmap},
    {"fork-40k", crowd_fork},
    {"mmap-munmap-40k", crowd_map},
    {"mmap-touch-munmap-40k", crowd_map_touch},
    {"mprotect-pair-40k", crowd_mprotect},
    {"anon-read-fault-40k", crowd_read_fault},
    {"anon-write-fault-40k", crowd_write_fault},
    {"cow-fault-40k", crowd_cow},
    {NULL, NULL},
};
