/*
 * futex(2) between tasks: words in shared memory, each task's at an address of
 * its own, through every command; and FUTEX_WAKE_OP's arithmetic, private and
 * shared, every operation and comparison.
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <time.h>

#include "memfd.h"

#define WAITERS 3

/* In the shared page. */
static struct shared {
    int word, other;
    volatile int waiting, woken;
    volatile long results[WAITERS];
} * mine;

static int fd;

static long futex(int *word, int op, int n, long fourth, int *word2, int n3)
{
    long r = syscall(SYS_futex, word, op, n, fourth, word2, n3);

    return r < 0 ? -errno : r;
}

static struct shared *map_again(void)
{
    struct shared *s =
        mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    must(s != MAP_FAILED);
    return s;
}

/* Children that wait on the word, each through a mapping of its own. */
static void start(pid_t *pids, int op, int bits)
{
    mine->waiting = mine->woken = 0;
    for (int i = 0; i < WAITERS; i++) {
        pids[i] = fork();
        must(pids[i] >= 0);
        if (!pids[i]) {
            struct shared *s = map_again();

            __atomic_fetch_add(&s->waiting, 1, __ATOMIC_SEQ_CST);
            s->results[i] = futex(&s->word, op, 0, 0, NULL, bits << i);
            __atomic_fetch_add(&s->woken, 1, __ATOMIC_SEQ_CST);
            _exit(0);
        }
    }
}

/* Woken are so many, after a while. */
static int woken(int count)
{
    for (int i = 0; i < 4000 && mine->woken < count; i++)
        usleep(500);
    usleep(3000);
    return mine->woken == count;
}

/* All of them wait: moving them from the word to itself tells. */
static void settle(void)
{
    while (futex(&mine->word, FUTEX_REQUEUE, 0, 1000, &mine->word, 0) !=
           WAITERS)
        usleep(500);
}

static void finish(pid_t *pids)
{
    int wrong = 0;

    for (int i = 0; i < WAITERS; i++) {
        must(wait_status(pids[i]) == 0);
        wrong += mine->results[i] != 0;
    }
    is(wrong, 0, "all waits returned 0");
}

static void test_wake(void)
{
    pid_t pids[WAITERS];

    start(pids, FUTEX_WAIT, 0);
    settle();
    is(futex(&mine->word, FUTEX_WAKE_PRIVATE, 9, 0, NULL, 0), 0,
       "a private wake finds no shared waiter");
    is(futex(&map_again()->word, FUTEX_WAKE, 1, 0, NULL, 0), 1,
       "a third mapping's wakes one");
    ok(woken(1), "which runs");
    is(futex(&mine->word, FUTEX_WAKE, 9, 0, NULL, 0), 2, "the other two");
    finish(pids);
}

static void test_bits(void)
{
    pid_t pids[WAITERS];

    start(pids, FUTEX_WAIT_BITSET, 1);
    settle();
    is(futex(&mine->word, FUTEX_WAKE_BITSET, 9, 0, NULL, 8), 0, "no bit");
    is(futex(&mine->word, FUTEX_WAKE_BITSET, 9, 0, NULL, 2), 1, "one bit");
    is(futex(&mine->word, FUTEX_WAKE_BITSET, 9, 0, NULL, 7), 2, "the others");
    finish(pids);
}

static void test_requeue(void)
{
    pid_t pids[WAITERS];

    start(pids, FUTEX_WAIT, 0);
    settle();
    is(futex(&mine->word, FUTEX_CMP_REQUEUE, 1, 1, &mine->other, 5), -EAGAIN,
       "another value");
    is(futex(&mine->word, FUTEX_CMP_REQUEUE, 1, 1, &mine->other, 0), 2,
       "one woken, one moved");
    is(futex(&map_again()->other, FUTEX_WAKE, 9, 0, NULL, 0), 1,
       "the other word, in another mapping, has that one");
    is(futex(&mine->word, FUTEX_WAKE, 9, 0, NULL, 0), 1, "one was left");
    finish(pids);
}

static void test_wake_op(void)
{
    pid_t pids[WAITERS];

    start(pids, FUTEX_WAIT, 0);
    settle();
    mine->other = 6;
    is(futex(&mine->other, FUTEX_WAKE_OP, 9, 1, &map_again()->word,
             FUTEX_OP(FUTEX_OP_ADD, 5, FUTEX_OP_CMP_EQ, 0)),
       1, "WAKE_OP wakes one of the second word's");
    is(mine->word, 5, "which was changed");
    is(futex(&mine->word, FUTEX_WAKE_OP, 9, 9, &mine->other,
             FUTEX_OP(FUTEX_OP_SET, 1, FUTEX_OP_CMP_LT, 6)),
       2, "two of the first word's, the comparison failed");
    is(mine->other, 1, "and has set");
    mine->word = mine->other = 0;
    finish(pids);
}

/* What becomes of a word: {operation, old value, operand, new value}. */
static const int operations[][4] = {
    {FUTEX_OP_SET, 9, 5, 5},      {FUTEX_OP_ADD, 9, 5, 14},
    {FUTEX_OP_ADD, 9, -1, 8},     {FUTEX_OP_OR, 9, 6, 15},
    {FUTEX_OP_ANDN, 15, 6, 9},    {FUTEX_OP_XOR, 9, 3, 10},
    {FUTEX_OP_SET | 8, 0, 4, 16}, /* shifted */
};

/* {comparison, value, comparand, holds} */
static const int comparisons[][4] = {
    {FUTEX_OP_CMP_EQ, 3, 3, 1},  {FUTEX_OP_CMP_EQ, 3, 4, 0},
    {FUTEX_OP_CMP_NE, 3, 4, 1},  {FUTEX_OP_CMP_NE, 3, 3, 0},
    {FUTEX_OP_CMP_LT, -5, 3, 1}, {FUTEX_OP_CMP_LT, 3, 3, 0},
    {FUTEX_OP_CMP_LE, 3, 3, 1},  {FUTEX_OP_CMP_LE, 4, 3, 0},
    {FUTEX_OP_CMP_GT, 4, -3, 1}, {FUTEX_OP_CMP_GT, 3, 3, 0},
    {FUTEX_OP_CMP_GE, 3, 3, 1},  {FUTEX_OP_CMP_GE, -3, 3, 0},
};

static void *waits(void *flag)
{
    futex(&mine->other, FUTEX_WAIT | (int)(long)flag, mine->other, 0, NULL, 0);
    return NULL;
}

/* Whether the comparison holds is whether the second word's waiter wakes. */
static int compare(const int *c, int flag)
{
    pthread_t t;
    long got;

    mine->other = c[1];
    must(!pthread_create(&t, NULL, waits, (void *)(long)flag));
    while (futex(&mine->other, FUTEX_REQUEUE | flag, 0, 9, &mine->other, 0) !=
           1)
        usleep(200);
    got = futex(&mine->word, FUTEX_WAKE_OP | flag, 1, 1, &mine->other,
                FUTEX_OP(FUTEX_OP_ADD, 0, c[0], c[2] & 0xfff));
    futex(&mine->other, FUTEX_WAKE | flag, 1, 0, NULL, 0);
    pthread_join(t, NULL);
    return got != c[3];
}

static void test_arithmetic(int flag)
{
    const char *kind = flag ? "private" : "shared";
    int wrong = 0;

    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        const int *o = operations[i];
        long r;

        mine->other = o[1];
        r = futex(&mine->word, FUTEX_WAKE_OP | flag, 1, 1, &mine->other,
                  FUTEX_OP(o[0], o[2] & 0xfff, FUTEX_OP_CMP_EQ, 0));
        wrong += r != 0 || mine->other != o[3];
    }
    is(wrong, 0, "%s: each operation", kind);
    wrong = 0;
    for (size_t i = 0; i < sizeof(comparisons) / sizeof(comparisons[0]); i++)
        wrong += compare(comparisons[i], flag);
    is(wrong, 0, "%s: each comparison", kind);
    is(futex(&mine->word, FUTEX_WAKE_OP | flag, 1, 1, &mine->other,
             FUTEX_OP(5, 1, FUTEX_OP_CMP_EQ, 0)),
       -ENOSYS, "%s: an unknown operation", kind);
    is(futex(&mine->word, FUTEX_WAKE_OP | flag, 1, 1, &mine->other,
             FUTEX_OP(FUTEX_OP_ADD, 0, 6, 0)),
       -ENOSYS, "%s: an unknown comparison", kind);
    mine->other = 0;
}

static void test_time(void)
{
    struct timespec soon = {0, 3000000}, bad = {0, 1000000000}, now;
    long begun;

    clock_gettime(CLOCK_MONOTONIC, &now);
    begun = now.tv_sec * 1000000000 + now.tv_nsec;
    is(futex(&mine->word, FUTEX_WAIT, 0, (long)&soon, NULL, 0), -ETIMEDOUT,
       "a shared wait that ends");
    clock_gettime(CLOCK_MONOTONIC, &now);
    ok(now.tv_sec * 1000000000 + now.tv_nsec - begun >= 3000000, "in time");
    is(futex(&mine->word, FUTEX_WAIT, 0, (long)&bad, NULL, 0), -EINVAL,
       "a second's worth of nanoseconds");
    is(futex(&mine->word, FUTEX_WAIT, 7, (long)&bad, NULL, 0), -EINVAL,
       "is looked at first");
    is(futex(&mine->word, FUTEX_WAIT, 7, (long)&soon, NULL, 0), -EAGAIN,
       "another value");
    is(futex((int *)((char *)&mine->word + 1), FUTEX_WAIT, 0, 0, NULL, 0),
       -EINVAL, "a word across words");
}

int main(void)
{
    fd = memfd("words", 0);
    must(fd >= 0 && !ftruncate(fd, PAGE));
    mine = map_again();
    test_wake();
    test_bits();
    test_requeue();
    test_wake_op();
    test_arithmetic(0);
    test_arithmetic(FUTEX_PRIVATE_FLAG);
    test_time();
    return done_testing();
}
