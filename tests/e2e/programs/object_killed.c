/*
 * An object's pager that is killed in the middle of filling, cleaning or
 * evicting many pages: another holder of the descriptor goes on, and no byte is
 * lost. When exactly it dies is a matter of chance: in each round after a
 * different time. Prints TAP.
 */
#include "object_util.h"

#include "../../guest/killed_pager.h"

enum {
    COUNT = 600, /* more than the kernel does in one go */
    ROUNDS = 6,
    STEP_NS = 53000
};

static char *pages, *from;

static void fill_all(void)
{
    (void)request(UFFDIO_FL_FILL, 0, 0, COUNT, from, NULL);
    (void)evict(0, COUNT);
}

static void fill_stuck(void)
{
    char *missing = map_pages(COUNT);
    int other = uffd_new(0);

    leave_hope();
    memset(missing, 'k', COUNT * PAGE);
    must(!madvise(missing + COUNT / 2 * PAGE, PAGE, MADV_DONTNEED));
    must(!uffd_register(other, missing, COUNT * PAGE));
    (void)request(UFFDIO_FL_FILL, 0, 0, COUNT, missing, NULL);
}

static void clean_all(void)
{
    (void)request(UFFDIO_FL_FILL, UFFD_FL_MODE_DIRTY, 0, COUNT, from, NULL);
    (void)clean(0, COUNT);
    for (int i = 0; i < COUNT; i += 3)
        (void)pwrite(object, from, 1, i * PAGE);
}

static void evict_all(void)
{
    (void)request(UFFDIO_FL_FILL, 0, 0, COUNT, from, NULL);
    (void)evict(0, COUNT);
    (void)evict(COUNT / 2, COUNT / 2);
}

/* Touches all pages, some of them with a write. */
static void *use_all(void *unused)
{
    long wrong = 0;

    for (int i = 0; i < COUNT; i++) {
        wrong += ((volatile char *)pages)[i * PAGE] != 'k';
        if (i % 5 == 0)
            ((volatile char *)pages)[i * PAGE] = 'k';
    }
    return unused ? unused : (void *)wrong;
}

/* A page at a time, as far as they are missing. */
static void take_over(void)
{
    for (int i = 0; i < COUNT; i++)
        (void)request(UFFDIO_FL_FILL, 0, i, 1, from, NULL);
    must(!request(UFFDIO_FL_WAKE, 0, 0, COUNT, NULL, NULL));
}

/* 0: all is as it should be. */
static long kill_once(void (*call)(void), int round)
{
    pid_t pid = pager_start(call);
    pthread_t client = thread_start(use_all, NULL);
    long wrong;

    pager_kill_after(pid, round * STEP_NS, NULL);
    take_over();
    wrong = (long)thread_join(client);
    for (int i = 0; i < COUNT; i++)
        wrong += !all_bytes(pages + i * PAGE, 'k', PAGE);
    must(!clean(0, COUNT) && !evict(0, COUNT));
    return wrong;
}

static void test(void (*call)(void), const char *what)
{
    long wrong = 0;

    object_new(COUNT, 0, 0);
    pages = object_map(MAP_SHARED, COUNT);
    for (int i = 0; i < ROUNDS; i++)
        wrong += kill_once(call, i);
    is(wrong, 0, "killed in %s", what);
    munmap(pages, COUNT * PAGE);
    object_end();
}

int main(void)
{
    from = map_pages(COUNT);
    memset(from, 'k', COUNT * PAGE);
    test(fill_all, "UFFDIO_FL_FILL");
    test(fill_stuck, "UFFDIO_FL_FILL, its source missing");
    test(clean_all, "UFFDIO_FL_CLEAN");
    test(evict_all, "UFFDIO_FL_EVICT");
    return done_testing();
}
