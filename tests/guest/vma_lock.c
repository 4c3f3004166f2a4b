/*
 * A fault waits only for who changes its own mapping: while one thread unmaps
 * a large one, another goes on touching fresh pages elsewhere; and many
 * threads fault at once without losing a page.
 */
#define _GNU_SOURCE
#include "tap.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <time.h>

#define BIG     (96UL << 20)
#define FRESH   (64UL << 20)
#define ROUNDS  20
#define THREADS 4
#define SHARE   1024UL /* pages */

static char *map(size_t size)
{
    char *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    must(at != MAP_FAILED);
    return at;
}

static volatile int ready, unmapping, unmapped;
static int during;

/* Faults that begin and end within the other thread's munmap(). */
static void *touch(void *fresh)
{
    ready = 1;
    while (!unmapping)
        ;
    for (size_t at = 0; at < FRESH && !unmapped; at += PAGE) {
        ((volatile char *)fresh)[at] = 1;
        during += !unmapped;
    }
    return NULL;
}

static void unmap_while_touching(void)
{
    char *big = map(BIG), *guard = map(PAGE), *fresh = map(FRESH);
    pthread_t thread;

    /* They must not be one mapping that is split. */
    must(!mprotect(guard, PAGE, PROT_NONE));
    ready = unmapping = unmapped = 0;
    for (size_t at = 0; at < BIG; at += PAGE)
        big[at] = 1;
    must(!pthread_create(&thread, NULL, touch, fresh));
    while (!ready)
        sched_yield();
    unmapping = 1;
    must(!munmap(big, BIG));
    unmapped = 1;
    pthread_join(thread, NULL);
    munmap(guard, PAGE);
    munmap(fresh, FRESH);
}

/* The other processor may be busy elsewhere for the moment it takes. */
static void test_elsewhere(void)
{
    for (int round = 0; round < ROUNDS && during <= 8; round++)
        unmap_while_touching();
    diag("%d faults during a munmap", during);
    ok(during > 8, "faults go on while another mapping is taken away");
}

static char *shared;

/* Every THREADS-th page; an unrelated mapping comes and goes beside it. */
static void *fill(void *arg)
{
    size_t me = (size_t)arg;

    for (size_t page = me; page < SHARE * THREADS; page += THREADS) {
        shared[page * PAGE] = (char)(me + 1);
        if (page % 64 < THREADS) {
            char *extra = map(PAGE);

            extra[0] = 1;
            munmap(extra, PAGE);
        }
    }
    return NULL;
}

static void test_together(void)
{
    pthread_t threads[THREADS];
    int right = 1;

    shared = map(SHARE * THREADS * PAGE);
    for (size_t i = 0; i < THREADS; i++)
        must(!pthread_create(&threads[i], NULL, fill, (void *)i));
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (size_t page = 0; page < SHARE * THREADS; page++)
        right &= shared[page * PAGE] == (char)(page % THREADS + 1);
    ok(right, "threads that fault at once all find their own bytes");
    munmap(shared, SHARE * THREADS * PAGE);
}

int main(void)
{
    cpu_set_t set;

    must(!sched_getaffinity(0, sizeof(set), &set));
    if (CPU_COUNT(&set) > 1)
        test_elsewhere();
    else
        diag("one processor: nothing happens during a munmap");
    test_together();
    return done_testing();
}
