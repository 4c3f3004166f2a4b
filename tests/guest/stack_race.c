/*
 * Two threads write below an area that grows down, one further than the other,
 * at the same moment: it grows to hold both, whoever comes first. And one
 * writes there while the other unmaps all of it: there is no page without an
 * area.
 */
#include "meet.h"
#include "mm_util.h"

#include <pthread.h>

#define ROUNDS 300
#define ROOM   600
#define FAR    (40 * (long)PAGE) /* below the area */
#define NEAR   (20 * (long)PAGE)

static char *top;
static int done;

/* An area of one page with free pages below it and a neighbour above. */
static void place_top(void)
{
    char *room = map_pages(ROOM + 1);

    top = room + (ROOM - 1) * PAGE;
    munmap(room, ROOM * PAGE);
}

static void map_top(void)
{
    must(mmap(top, PAGE, RW, ANON | MAP_GROWSDOWN | MAP_FIXED, -1, 0) == top);
}

static void *near_writer(void *unused)
{
    for (int round = 0; round < ROUNDS; round++) {
        meet();
        top[-NEAR] = 'n';
        meet();
    }
    return unused;
}

/* One area from the far page to the top, with what was written. */
static int grown(void)
{
    char *far = top - FAR, *near = top - NEAR;

    return !mprotect(far, FAR + PAGE, PROT_READ) && *far == 'f' &&
           *near == 'n' && near[-1] == 0;
}

static void test_both(void)
{
    pthread_t thread;
    int right = 0;

    must(pthread_create(&thread, NULL, near_writer, NULL) == 0);
    place_top();
    for (int round = 0; round < ROUNDS; round++) {
        map_top();
        meet();
        top[-FAR] = 'f';
        meet();
        right += grown();
        munmap(top - FAR, FAR + PAGE);
    }
    pthread_join(thread, NULL);
    is(right, ROUNDS, "an area that two threads grow at once holds both");
}

static void *prober(void *unused)
{
    meet();
    for (int round = 0; round < 10 * ROUNDS; round++)
        probe_write(top - NEAR, 'n');
    __atomic_store_n(&done, 1, __ATOMIC_SEQ_CST);
    return unused;
}

static void test_unmapped(void)
{
    pthread_t thread;
    int strays = 0;

    must(pthread_create(&thread, NULL, prober, NULL) == 0);
    place_top();
    meet();
    while (!__atomic_load_n(&done, __ATOMIC_SEQ_CST)) {
        map_top();
        munmap(top - NEAR, NEAR + PAGE);
        must(mmap(top - NEAR, PAGE, PROT_READ, ANON | MAP_FIXED, -1, 0) ==
             top - NEAR);
        strays += top[-NEAR] != 0;
        munmap(top - NEAR, PAGE);
    }
    pthread_join(thread, NULL);
    is(strays, 0, "one that is unmapped while it grows leaves nothing");
}

int main(void)
{
    test_both();
    test_unmapped();
    return done_testing();
}
