/*
 * Many threads that map, fill, check, protect, fork, unmap and die in an order
 * drawn from a seeded generator: first 64 in one address space, then four
 * tasks of 16 of which some are killed half-way. Every thread checks its own
 * bytes all the time; that all the memory comes back is checked by the kernel
 * when the program ends. Arguments: iterations, seed.
 */
#define _GNU_SOURCE
#include <pthread.h>

#include "probe.h"

#define THREADS   64
#define TASKS     4
#define MAX_PAGES 24
#define FORK_ONE  40 /* one step in so many forks */

struct worker {
    pthread_t thread;
    unsigned seed, id, steps;
    int wrong;
};

/* A worker's present mapping; page i holds word value(i) all over, or 0. */
struct region {
    char *base;
    size_t pages;
    unsigned long value[MAX_PAGES];
};

static int iterations = 12;
static unsigned first_seed = 1;
static pthread_barrier_t all_there;

static unsigned next_random(struct worker *w)
{
    w->seed = w->seed * 1664525 + 1013904223;
    return w->seed >> 8;
}

static unsigned below(struct worker *w, unsigned n)
{
    return next_random(w) % n;
}

/* First, middle and last word of the page: cheap, and finds a wrong page. */
static void page_fill(struct region *r, size_t i, unsigned long value)
{
    volatile unsigned long *page = (void *)(r->base + i * PAGE);

    page[0] = page[PAGE / 16] = page[PAGE / 8 - 1] = value;
    r->value[i] = value;
}

static int page_good(const struct region *r, size_t i)
{
    const volatile unsigned long *page = (void *)(r->base + i * PAGE);
    unsigned long value = r->value[i];

    return page[0] == value && page[PAGE / 16] == value &&
           page[PAGE / 8 - 1] == value;
}

static int region_good(const struct region *r)
{
    for (size_t i = 0; i < r->pages; i++)
        if (!page_good(r, i))
            return 0;
    return 1;
}

static int region_map(struct worker *w, struct region *r)
{
    *r = (struct region){.pages = 1 + below(w, MAX_PAGES)};
    r->base = mmap(NULL, r->pages * PAGE, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return r->base != MAP_FAILED;
}

/* The child sees its parent's bytes, and its own stores stay its own. */
static int forked_view(struct worker *w, struct region *r)
{
    size_t i = below(w, r->pages);
    pid_t pid = fork();

    if (pid < 0)
        return 0;
    if (!pid) {
        int good = region_good(r);

        page_fill(r, i, ~0ul);
        _exit(good && region_good(r) ? 7 : 1);
    }
    /* Our own stores beside it break the sharing from this side. */
    page_fill(r, i, next_random(w));
    return wait_status(pid) == 7;
}

static int step_protect(struct worker *w, struct region *r)
{
    size_t first = below(w, r->pages), n = 1 + below(w, r->pages - first);
    char *at = r->base + first * PAGE;
    int good = !mprotect(at, n * PAGE, PROT_READ) && region_good(r);

    return !mprotect(at, n * PAGE, PROT_READ | PROT_WRITE) && good;
}

static int step_discard(struct worker *w, struct region *r)
{
    size_t first = below(w, r->pages), n = 1 + below(w, r->pages - first);

    for (size_t i = first; i < first + n; i++)
        r->value[i] = 0;
    return !madvise(r->base + first * PAGE, n * PAGE, MADV_DONTNEED);
}

/* The end is cut off; another thread's mapping may come to lie there. */
static int step_trim(struct worker *w, struct region *r)
{
    size_t keep = 1 + below(w, r->pages);
    size_t gone = r->pages - keep;

    r->pages = keep;
    return !gone || !munmap(r->base + keep * PAGE, gone * PAGE);
}

static int step_write(struct worker *w, struct region *r)
{
    for (unsigned i = 0; i < 4; i++)
        page_fill(r, below(w, r->pages), next_random(w));
    return 1;
}

static int step(struct worker *w, struct region *r)
{
    if (!below(w, FORK_ONE))
        return forked_view(w, r);
    switch (below(w, 6)) {
    case 0:
        return step_protect(w, r);
    case 1:
        return step_discard(w, r);
    case 2:
        return step_trim(w, r);
    case 3:
        sched_yield();
        return 1;
    default:
        return step_write(w, r);
    }
}

static int one_life(struct worker *w)
{
    struct region r;
    int good;

    if (!region_map(w, &r))
        return 0;
    good = region_good(&r);
    for (unsigned i = 0; good && i < 8; i++)
        good = step(w, &r) && region_good(&r);
    return !munmap(r.base, r.pages * PAGE) && good;
}

static void *work(void *argument)
{
    struct worker *w = argument;

    pthread_barrier_wait(&all_there);
    for (int i = 0; i < iterations && !w->wrong; i++)
        w->wrong = !one_life(w);
    return NULL;
}

/* A thread that makes another and ends while that one still works. */
static void *successor(void *argument)
{
    struct worker *w = argument;

    w->wrong |= !one_life(w);
    return NULL;
}

static int run_threads(unsigned count, unsigned seed)
{
    struct worker workers[THREADS] = {0};
    int wrong = 0;

    pthread_barrier_init(&all_there, NULL, count);
    for (unsigned i = 0; i < count; i++) {
        workers[i] = (struct worker){.seed = seed * 1000 + i, .id = i};
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
            return 1000;
    }
    for (unsigned i = 0; i < count; i++) {
        pthread_join(workers[i].thread, NULL);
        wrong += workers[i].wrong;
        if (pthread_create(&workers[i].thread, NULL, successor, &workers[i]))
            return 1000;
    }
    for (unsigned i = 0; i < count; i++) {
        pthread_join(workers[i].thread, NULL);
        wrong += workers[i].wrong;
    }
    return wrong;
}

/* Odd tasks work until they are killed, with all their threads. */
static void test_tasks(void)
{
    pid_t pids[TASKS];

    for (int i = 0; i < TASKS; i++) {
        pids[i] = fork();
        must(pids[i] >= 0);
        if (!pids[i]) {
            if (i % 2)
                iterations = 1 << 30;
            _exit(run_threads(THREADS / TASKS, first_seed + i) ? 1 : 0);
        }
    }
    for (int i = 0; i < TASKS; i += 2) {
        is(wait_status(pids[i]), 0, "task %d kept its bytes", i);
        kill(pids[i + 1], SIGKILL);
        is(wait_status(pids[i + 1]), 1000 + SIGKILL,
           "task %d died at work with all its threads", i + 1);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1)
        iterations = atoi(argv[1]);
    if (argc > 2)
        first_seed = atoi(argv[2]);
    is(run_threads(THREADS, first_seed), 0, "%d threads kept their bytes",
       THREADS);
    test_tasks();
    return done_testing();
}
