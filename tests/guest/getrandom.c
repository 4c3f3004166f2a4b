/*
 * getrandom(2): its flags, lengths that are no whole blocks, and that nobody
 * gets the bytes of another: in turn, in parent and child, in threads.
 */
#define _GNU_SOURCE
#include <pthread.h>

#include "probe.h"

#define NONBLOCK 1
#define RANDOM   2
#define INSECURE 4

static long get(void *to, size_t n, unsigned flags)
{
    long r = syscall(SYS_getrandom, to, n, flags);

    return r < 0 ? -errno : r;
}

static void test_flags(void)
{
    unsigned char bytes[64];
    const unsigned good[] = {
        0, NONBLOCK, RANDOM, RANDOM | NONBLOCK, INSECURE, INSECURE | NONBLOCK};

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        memset(bytes, 0, sizeof(bytes));
        is(get(bytes, 64, good[i]), 64, "flags %u", good[i]);
        ok(!all_bytes(bytes, 0, 64), "give bytes");
    }
    is(get(bytes, 64, RANDOM | INSECURE), -EINVAL, "the best and any at once");
    is(get(bytes, 64, 8), -EINVAL, "an unknown flag");
    is(get(NULL, 0, 0), 0, "none are wanted");
    is(get(NULL, 1, 0), -EFAULT, "nowhere");
}

/* Each length writes so many bytes and no more. */
static void test_lengths(void)
{
    static unsigned char bytes[300];
    int wrong = 0;

    for (size_t n = 0; n < 260; n++) {
        memset(bytes, 0xaa, sizeof(bytes));
        wrong += get(bytes + 5, n, 0) != (long)n;
        wrong += !all_bytes(bytes, 0xaa, 5);
        wrong += !all_bytes(bytes + 5 + n, 0xaa, 300 - 5 - n);
        wrong += n >= 16 && all_bytes(bytes + 5, bytes[5], n);
    }
    is(wrong, 0, "lengths from 0 to 259");
}

/* As far as there is memory. */
static void test_edge(void)
{
    char *pages = map_pages(2);

    must(!munmap(pages + PAGE, PAGE));
    is(get(pages + PAGE - 700, 1000, 0), 700, "up to the end of memory");
    is(get(pages + PAGE, 1, 0), -EFAULT, "and not beyond");
    must(!mprotect(pages, PAGE, PROT_READ));
    is(get(pages, 1, 0), -EFAULT, "nor where nothing may be written");
}

static unsigned long (*drawn)[64];

static int draws(void *slot)
{
    return get(drawn[(long)slot], 512, 0) != 512;
}

static void *draws_thread(void *slot)
{
    return (void *)(long)draws(slot);
}

static void test_different(void)
{
    unsigned long *all;
    pthread_t t[3];
    int same = 0;

    drawn = map_shared(1);
    all = (unsigned long *)drawn;
    is(draws(0), 0, "here");
    for (long i = 1; i < 4; i++)
        must(!pthread_create(&t[i - 1], NULL, draws_thread, (void *)i));
    for (int i = 0; i < 3; i++)
        must(!pthread_join(t[i], NULL));
    is(in_child(draws, (void *)4), 0, "in a child");
    is(in_child(draws, (void *)5), 0, "in another");
    for (int i = 0; i < 6 * 64; i++)
        for (int k = 0; k < i; k++)
            same += all[i] == all[k];
    is(same, 0, "no word is drawn twice");
}

int main(void)
{
    test_flags();
    test_lengths();
    test_edge();
    test_different();
    return done_testing();
}
