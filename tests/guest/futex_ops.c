/*
 * The futex operations beyond plain waiting: bitsets, requeueing, WAKE_OP,
 * absolute timeouts, robustness against words in shared memory.
 */
#include "probe.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>

static int words[4];
static volatile int awake;

static long futex(void *word, int operation, unsigned value, long timeout,
                  void *word2, unsigned value3)
{
    return syscall(SYS_futex, word, operation, value, timeout, word2, value3);
}

struct sleeper {
    pthread_t thread;
    int *word;
    unsigned bits;
    long result;
};

static void *sleep_on(void *argument)
{
    struct sleeper *s = argument;

    s->result = futex(s->word, FUTEX_WAIT_BITSET_PRIVATE, 0, 0, NULL, s->bits);
    __atomic_add_fetch(&awake, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static void start(struct sleeper *s, int *word, unsigned bits)
{
    s->word = word;
    s->bits = bits;
    must(!pthread_create(&s->thread, NULL, sleep_on, s));
}

static void join(struct sleeper *s, int n)
{
    long wrong = 0;

    for (int i = 0; i < n; i++) {
        pthread_join(s[i].thread, NULL);
        wrong += s[i].result != 0;
    }
    is(wrong, 0, "all waits returned 0");
}

/* Until COUNT sleepers are on their word, seen by requeueing to itself. */
static void wait_asleep(int *word, int count)
{
    while (futex(word, FUTEX_REQUEUE_PRIVATE, 0, 1000, word, 0) != count)
        sched_yield();
}

static void test_bitset(void)
{
    struct sleeper s[2];

    start(&s[0], words, 1);
    start(&s[1], words, 2);
    wait_asleep(words, 2);
    fails(futex(words, FUTEX_WAKE_BITSET_PRIVATE, 9, 0, NULL, 0), EINVAL,
          "an empty bitset");
    fails(futex(words, FUTEX_WAIT_BITSET_PRIVATE, 0, 0, NULL, 0), EINVAL,
          "also to wait");
    is(futex(words, FUTEX_WAKE_BITSET_PRIVATE, 9, 0, NULL, 4), 0,
       "no bit in common: nobody wakes");
    is(futex(words, FUTEX_WAKE_BITSET_PRIVATE, 9, 0, NULL, 6), 1,
       "one has a bit in common");
    is(futex(words, FUTEX_WAKE_PRIVATE, 9, 0, NULL, 0), 1,
       "a plain wake is for every bit");
    join(s, 2);
}

static void test_requeue(void)
{
    struct sleeper s[4];

    for (int i = 0; i < 4; i++)
        start(&s[i], words, -1u);
    wait_asleep(words, 4);
    fails(futex(words, FUTEX_CMP_REQUEUE_PRIVATE, 1, 1, words + 1, 5), EAGAIN,
          "FUTEX_CMP_REQUEUE of another value");
    fails(futex(words, FUTEX_CMP_REQUEUE_PRIVATE, -1, 1, words + 1, 0), EINVAL,
          "of -1 waiters");
    is(futex(words, FUTEX_CMP_REQUEUE_PRIVATE, 1, 2, words + 1, 0), 3,
       "one woken, two moved");
    is(futex(words, FUTEX_WAKE_PRIVATE, 9, 0, NULL, 0), 1, "one was left");
    is(futex(words + 1, FUTEX_WAKE_PRIVATE, 9, 0, NULL, 0), 2,
       "two are at the other word");
    join(s, 4);
}

static void test_wake_op(void)
{
    struct sleeper s[3];

    words[1] = 0;
    start(&s[0], words, -1u);
    start(&s[1], words + 1, -1u);
    start(&s[2], words + 1, -1u);
    wait_asleep(words, 1);
    wait_asleep(words + 1, 2);
    is(futex(words, FUTEX_WAKE_OP_PRIVATE, 1, 9, words + 1,
             FUTEX_OP(FUTEX_OP_ADD, 5, FUTEX_OP_CMP_GT, 3)),
       1, "a comparison that fails wakes only the first word's");
    is(words[1], 5, "the sum is there");
    is(futex(words, FUTEX_WAKE_OP_PRIVATE, 1, 9, words + 1,
             FUTEX_OP(FUTEX_OP_ANDN, 1, FUTEX_OP_CMP_EQ, 5)),
       2, "one that holds wakes the second word's");
    is(words[1], 4, "a bit is cleared");
    futex(words, FUTEX_WAKE_OP_PRIVATE, 1, 9, words + 1,
          FUTEX_OP(FUTEX_OP_SET, -7, FUTEX_OP_CMP_LT, 0));
    is(words[1], -7, "a negative operand");
    futex(
        words, FUTEX_WAKE_OP_PRIVATE, 1, 9, words + 1,
        FUTEX_OP((FUTEX_OP_XOR | FUTEX_OP_OPARG_SHIFT), 4, FUTEX_OP_CMP_LT, 0));
    is(words[1], -7 ^ 16, "a shifted one");
    fails(futex(words, FUTEX_WAKE_OP_PRIVATE, 1, 9, words + 1, 0x70000000),
          ENOSYS, "an unknown operation");
    words[1] = 0;
    join(s, 3);
}

static void test_absolute(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    now.tv_nsec += 3000000;
    if (now.tv_nsec >= 1000000000) {
        now.tv_nsec -= 1000000000;
        now.tv_sec++;
    }
    fails(futex(words, FUTEX_WAIT_BITSET_PRIVATE, 0, (long)&now, NULL, -1u),
          ETIMEDOUT, "an absolute timeout");
    fails(futex(words, FUTEX_WAIT_BITSET_PRIVATE, 0, (long)&now, NULL, -1u),
          ETIMEDOUT, "one that is over");
    fails(futex(words, FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 0,
                (long)&now, NULL, -1u),
          ETIMEDOUT, "on the real-time clock long over");
    clock_gettime(CLOCK_REALTIME, &now);
    fails(futex(words, FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 0,
                (long)&now, NULL, -1u),
          ETIMEDOUT, "on the real-time clock just over");
    fails(
        futex(words, FUTEX_WAKE_PRIVATE | FUTEX_CLOCK_REALTIME, 0, 0, NULL, 0),
        ENOSYS, "no clock for a wake");
}

/* Two mappings of the same shared page, and a private page beside. */
static int child_waits(void *argument)
{
    int *shared = argument;
    int r;

    __atomic_store_n(shared + 8, 1, __ATOMIC_SEQ_CST);
    r = futex(shared + 4, FUTEX_WAIT, 0, 0, NULL, 0) != 0;
    return r;
}

static void test_shared(void)
{
    int *shared = map_shared(1);
    pid_t pid = fork();

    must(pid >= 0);
    if (!pid)
        _exit(child_waits(shared));
    while (futex(shared + 4, FUTEX_REQUEUE, 0, 1000, shared, 0) != 1)
        sched_yield();
    is(futex(shared + 4, FUTEX_WAKE, 9, 0, NULL, 0), 0, "it was moved");
    is(futex(shared, FUTEX_WAKE, 9, 0, NULL, 0), 1, "to the other word");
    is(wait_status(pid), 0, "and woken there");
    munmap(shared, PAGE);
}

/* Killed while queued: nothing of it must be left in the queue. */
static int sleep_for_ever(void *shared)
{
    futex(shared, FUTEX_WAIT, 0, 0, NULL, 0);
    return 0;
}

static void test_killed(void)
{
    int *shared = map_shared(1);
    pid_t pid = fork();

    must(pid >= 0);
    if (!pid)
        _exit(sleep_for_ever(shared));
    while (futex(shared, FUTEX_REQUEUE, 0, 1000, shared, 0) != 1)
        sched_yield();
    kill(pid, SIGKILL);
    is(wait_status(pid), 1000 + SIGKILL, "a waiter is killed");
    is(futex(shared, FUTEX_WAKE, 9, 0, NULL, 0), 0, "and is gone");
    munmap(shared, PAGE);
}

int main(void)
{
    test_bitset();
    test_requeue();
    test_wake_op();
    test_absolute();
    test_shared();
    test_killed();
    return done_testing();
}
