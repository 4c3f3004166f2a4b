/*
 * An object that shrinks, grows and gets holes while threads and another task
 * fault on shared and private mappings of it: what is behind the end is never
 * seen, whoever was just about to map it.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>

#include "memfd.h"

#define PAGES  48
#define ROUNDS 30

static __thread sigjmp_buf jump;
static __thread int armed;
static int fd;
static char *shared, *private;
static volatile int *stop;

static void on_bus(int number)
{
    if (!armed)
        _exit(90 + number);
    siglongjmp(jump, 1);
}

/* Reads or writes a byte: whether it is there. */
static int poke(volatile char *p, int write)
{
    int there = 0;

    armed = 1;
    if (!sigsetjmp(jump, 0)) {
        if (write)
            *p = 'w';
        else
            (void)*p;
        there = 1;
    }
    armed = 0;
    return there;
}

static unsigned next(unsigned *seed)
{
    *seed = *seed * 1103515245 + 12345;
    return *seed >> 16;
}

static void *poker(void *mapping)
{
    unsigned seed = (unsigned)(uintptr_t)mapping >> 12;
    char *p = mapping;

    while (!*stop) {
        unsigned page = next(&seed) % PAGES;

        poke(p + page * PAGE, next(&seed) & 1);
        if (page == 0)
            madvise(p, PAGES * PAGE, MADV_DONTNEED);
        if (page < 16)
            sched_yield();
    }
    return NULL;
}

static void *puncher(void *unused)
{
    unsigned seed = 5;

    (void)unused;
    while (!*stop) {
        fallocate(fd, PUNCH, next(&seed) % PAGES * PAGE, PAGE * 3);
        sched_yield();
    }
    return NULL;
}

static pid_t start_child(void)
{
    pid_t pid = fork();

    must(pid >= 0);
    if (!pid) {
        poker(shared);
        _exit(0);
    }
    return pid;
}

/* Shrinks to a few pages; counts what is still seen behind them. */
static int shrink_and_look(unsigned *seed)
{
    unsigned keep = next(seed) % PAGES;
    int seen = 0;

    must(ftruncate(fd, keep * PAGE) == 0);
    for (unsigned i = keep; i < PAGES; i++) {
        seen += poke(shared + i * PAGE, i & 1);
        seen += poke(private + i * PAGE, i & 2);
    }
    return seen;
}

int main(void)
{
    struct sigaction action = {.sa_flags = SA_NODEFER};
    pthread_t threads[3];
    unsigned seed = 1;
    int seen = 0;
    pid_t child;

    action.sa_handler = on_bus;
    sigaction(SIGBUS, &action, NULL);
    stop = map_shared(1);
    fd = object_of(PAGES * PAGE);
    shared = map_object(fd, PAGES, RW, MAP_SHARED, 0);
    private = map_object(fd, PAGES, RW, MAP_PRIVATE, 0);
    child = start_child();
    must(!pthread_create(&threads[0], NULL, poker, shared));
    must(!pthread_create(&threads[1], NULL, poker, private));
    must(!pthread_create(&threads[2], NULL, puncher, NULL));
    for (int i = 0; i < ROUNDS; i++) {
        seen += shrink_and_look(&seed);
        must(ftruncate(fd, PAGES * PAGE) == 0);
        sched_yield();
    }
    is(seen, 0, "no page behind the end is ever seen");
    *stop = 1;
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    is(wait_status(child), 0, "the other task ends well");
    must(ftruncate(fd, 0) == 0);
    is(pages_of(fd), 0, "nothing is left of the object");
    return done_testing();
}
