/*
 * Many threads fault on registered pages while two pager threads and, in a
 * last part, a pager task fill them; the main thread in between discards,
 * unregisters, registers again, closes. Every page must hold what a pager put
 * there, or zeros where the registration had ended, and nobody may hang.
 * Arguments: rounds, seed.
 */
#define _GNU_SOURCE
#include "uffd_util.h"

#define FAULTERS 16
#define PAGERS   2
#define PAGES    64

static int rounds = 6;
static unsigned seed = 1;
static char *area;
static int uffd;
static volatile int stop, wrong;
static volatile long touched;
static pthread_barrier_t meet;

/* The byte a pager fills page i with; never 0. */
static int page_byte(size_t i)
{
    return 1 + (i * 37 + 11) % 255;
}

static unsigned next_random(unsigned *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

/* Puts the page there, or wakes whoever saw another pager do so. */
static void fill(int fd, unsigned long address, char *from)
{
    char *page = (char *)(address & ~(PAGE - 1));

    memset(from, page_byte((page - area) / PAGE), PAGE);
    if (uffd_copy(fd, page, from, PAGE) == -EEXIST)
        uffd_wake(fd, page, PAGE);
}

/* Serves until told to stop, or the descriptor fails. */
static void serve(int fd)
{
    static __thread char from[PAGE] __attribute__((aligned(4096)));
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    struct uffd_msg message;

    while (!stop) {
        if (poll(&entry, 1, 5) <= 0)
            continue;
        if (read(fd, &message, sizeof(message)) == sizeof(message))
            fill(fd, message.arg.pagefault.address, from);
    }
}

static void *pager(void *argument)
{
    serve((long)argument);
    return NULL;
}

/* Holds a pager's bytes or, if they may be, zeros. */
static int page_good(size_t i, int zeros)
{
    const volatile unsigned char *page = (void *)(area + i * PAGE);
    unsigned char first = page[0], last = page[PAGE - 1];

    return (first == page_byte(i) || (zeros && !first)) &&
           (last == page_byte(i) || (zeros && !last));
}

/* Reads, or writes what is there already: both kinds of fault. */
static void *faulter(void *argument)
{
    unsigned state = seed * 100 + (long)argument;

    for (int r = 0; r < rounds; r++) {
        pthread_barrier_wait(&meet);
        for (int n = 0; n < PAGES; n++) {
            size_t i = next_random(&state) % PAGES;

            if (next_random(&state) % 2)
                __atomic_fetch_or(area + i * PAGE, 0, __ATOMIC_SEQ_CST);
            if (!page_good(i, r % 3 == 1))
                wrong++;
            __atomic_fetch_add(&touched, 1, __ATOMIC_RELAXED);
        }
        pthread_barrier_wait(&meet);
    }
    return NULL;
}

/* While the threads are at it: what the round is for. */
static void disturb(int r, unsigned *state)
{
    for (int n = 0; n < 40; n++) {
        char *at = area + next_random(state) % PAGES * PAGE;

        if (r % 3 == 0 || r % 3 == 2)
            madvise(at, PAGE, MADV_DONTNEED);
        if (r % 3 == 1 && n % 8 == 0) {
            uffd_unregister(uffd, area, PAGES * PAGE);
            sched_yield();
            must(!uffd_register(uffd, area, PAGES * PAGE));
        }
        sched_yield();
    }
}

static void run_rounds(void)
{
    pthread_t threads[FAULTERS], pagers[PAGERS];
    unsigned state = seed;

    pthread_barrier_init(&meet, NULL, FAULTERS + 1);
    for (long i = 0; i < PAGERS; i++)
        pagers[i] = thread_start(pager, (void *)(long)uffd);
    for (long i = 0; i < FAULTERS; i++)
        threads[i] = thread_start(faulter, (void *)i);
    for (int r = 0; r < rounds; r++) {
        madvise(area, PAGES * PAGE, MADV_DONTNEED);
        pthread_barrier_wait(&meet);
        disturb(r, &state);
        pthread_barrier_wait(&meet);
    }
    for (int i = 0; i < FAULTERS; i++)
        thread_join(threads[i]);
    stop = 1;
    for (int i = 0; i < PAGERS; i++)
        thread_join(pagers[i]);
    is(wrong, 0, "%ld accesses found what a pager put there", touched);
}

/* A task whose pages come from its child, a pager task that has the descriptor
 * by inheritance. */
static int client(void *argument)
{
    int *ready = argument;

    madvise(area, PAGES * PAGE, MADV_DONTNEED);
    uffd = uffd_new(O_NONBLOCK);
    must(!uffd_register(uffd, area, PAGES * PAGE));
    stop = 0;
    if (!fork()) {
        *ready = 1;
        serve(uffd); /* the pager task, until it is killed */
        _exit(0);
    }
    while (!*(volatile int *)ready)
        sched_yield();
    for (size_t i = 0; i < PAGES; i++)
        if (!page_good(i, 0))
            return 1;
    /* The rest is for the kill. */
    ready[1] = 1;
    for (;;) {
        madvise(area, PAGES * PAGE, MADV_DONTNEED);
        for (size_t i = 0; i < PAGES; i++)
            if (!page_good(i, 0))
                return 1;
    }
}

static void test_pager_task(void)
{
    volatile int *flags = map_shared(1);
    pid_t pid = fork();

    must(pid >= 0);
    if (!pid) {
        setpgid(0, 0);
        _exit(client((void *)flags));
    }
    while (!flags[1])
        sched_yield();
    must(!kill(-pid, SIGKILL));
    is(wait_status(pid), 1000 + SIGKILL,
       "a task and its pager task die in the middle");
}

static void *touch_all(void *argument)
{
    unsigned state = (long)argument;

    for (int n = 0; n < PAGES; n++)
        (void)*(volatile char *)(area + next_random(&state) % PAGES * PAGE);
    return NULL;
}

/* Nobody serves; closing lets everybody go on with zeros. */
static void test_close(void)
{
    pthread_t threads[FAULTERS];
    int fd = uffd_new(O_NONBLOCK), zeros = 0;

    madvise(area, PAGES * PAGE, MADV_DONTNEED);
    uffd_unregister(uffd, area, PAGES * PAGE);
    must(!uffd_register(fd, area, PAGES * PAGE));
    for (long i = 0; i < FAULTERS; i++)
        threads[i] = thread_start(touch_all, (void *)i);
    while (!(uffd_poll(fd) & POLLIN))
        sched_yield();
    close(fd);
    for (int i = 0; i < FAULTERS; i++)
        thread_join(threads[i]);
    for (size_t i = 0; i < PAGES; i++)
        zeros += all_bytes(area + i * PAGE, 0, PAGE);
    is(zeros, PAGES, "after close all pages are zeros");
}

/* Threads wait for pages that are unmapped: woken, they meet SIGSEGV. */
static int unmapped(void *argument)
{
    int fd = uffd_new(O_NONBLOCK);

    madvise(area, PAGES * PAGE, MADV_DONTNEED);
    must(!uffd_register(fd, area, PAGES * PAGE));
    for (long i = 0; i < FAULTERS; i++)
        thread_start(touch_all, (void *)i);
    for (int i = 0; i < 4; i++)
        uffd_next(fd);
    munmap(area, PAGES * PAGE);
    uffd_wake(fd, area, PAGES * PAGE);
    close(fd);
    for (;;)
        pause();
    return argument != NULL;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        rounds = atoi(argv[1]);
    if (argc > 2)
        seed = atoi(argv[2]);
    area = map_pages(PAGES);
    uffd = uffd_new(O_NONBLOCK);
    must(!uffd_register(uffd, area, PAGES * PAGE));
    run_rounds();
    test_close();
    is(in_child(unmapped, NULL), 1000 + SIGSEGV,
       "waiting threads of an unmapped area die of SIGSEGV");
    test_pager_task();
    return done_testing();
}
