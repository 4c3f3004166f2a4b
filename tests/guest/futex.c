/*
 * futex(2): FUTEX_WAIT and FUTEX_WAKE, private and shared, with the results
 * that the manual gives. Waiting threads are seen by what they do to a word.
 */
#include "probe.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>

#define WAKE_ALL 0x7fffffff

static long futex(void *word, int operation, unsigned value, void *timeout)
{
    return syscall(SYS_futex, word, operation, value, timeout, NULL, 0);
}

static int word;
static volatile int awake;

static void test_immediate(void)
{
    struct timespec short_time = {.tv_nsec = 2000000};
    struct timespec wrong_time = {.tv_nsec = 1000000000};
    struct timespec negative_time = {.tv_sec = -1};

    word = 7;
    fails(futex(&word, FUTEX_WAIT, 8, NULL), EAGAIN,
          "FUTEX_WAIT for a value that has changed");
    fails(futex(&word, FUTEX_WAIT_PRIVATE, 8, NULL), EAGAIN, "privately too");
    fails(futex(&word, FUTEX_WAIT_PRIVATE, 7, &short_time), ETIMEDOUT,
          "FUTEX_WAIT with a timeout");
    fails(futex(&word, FUTEX_WAIT_PRIVATE, 7, &wrong_time), EINVAL,
          "a second has 10^9 nanoseconds");
    fails(futex(&word, FUTEX_WAIT_PRIVATE, 7, &negative_time), EINVAL,
          "a timeout is not negative");
    is(futex(&word, FUTEX_WAKE_PRIVATE, 1, NULL), 0, "FUTEX_WAKE of nobody");
    fails(futex((char *)&word + 1, FUTEX_WAIT_PRIVATE, 7, NULL), EINVAL,
          "a futex is aligned");
    fails(futex((char *)&word + 1, FUTEX_WAKE_PRIVATE, 1, NULL), EINVAL,
          "also to wake it");
    fails(futex(&word, 77, 0, NULL), ENOSYS, "an unknown operation");
}

static void test_bad_address(void)
{
    char *page = map_pages(1);

    munmap(page, PAGE);
    fails(futex(page, FUTEX_WAIT_PRIVATE, 0, NULL), EFAULT,
          "FUTEX_WAIT on an unmapped word");
    fails(futex((void *)(1UL << 63), FUTEX_WAIT_PRIVATE, 0, NULL), EFAULT,
          "and in the kernel's half");
    fails(futex(page, FUTEX_WAKE, 1, NULL), EFAULT,
          "a shared FUTEX_WAKE needs the page");
    word = 7;
    fails(futex(&word, FUTEX_WAIT_PRIVATE, 7, page), EFAULT,
          "a timeout that is not there");
}

/* The value compared is in a page that was never touched. */
static void test_untouched(void)
{
    char *page = map_pages(1);

    fails(futex(page, FUTEX_WAIT_PRIVATE, 1, NULL), EAGAIN,
          "FUTEX_WAIT brings the page in");
    munmap(page, PAGE);
}

static void *wait_once(void *unused)
{
    while (*(volatile int *)&word == 0)
        futex(&word, FUTEX_WAIT_PRIVATE, 0, NULL);
    __atomic_add_fetch(&awake, 1, __ATOMIC_SEQ_CST);
    return unused;
}

/* Wakes COUNT sleepers in all; yields until they have come to sleep. */
static int wake_exactly(void *address, int operation, int at_once, int count)
{
    int woken = 0;

    while (woken < count) {
        long now = futex(address, operation, at_once, NULL);

        if (now < 0 || now > at_once)
            return -1;
        woken += now;
        sched_yield();
    }
    return woken;
}

static void *wait_plainly(void *unused)
{
    long result = futex(&word, FUTEX_WAIT_PRIVATE, 0, NULL);

    __atomic_add_fetch(&awake, 1, __ATOMIC_SEQ_CST);
    return result ? (void *)1 : unused;
}

static void test_wake_count(void)
{
    enum {
        COUNT = 5
    };
    pthread_t threads[COUNT];
    void *result;
    long wrong = 0;

    word = 0;
    awake = 0;
    for (int i = 0; i < COUNT; i++)
        must(!pthread_create(&threads[i], NULL, wait_plainly, NULL));
    is(wake_exactly(&word, FUTEX_WAKE_PRIVATE, 1, 1), 1, "one is woken");
    is(wake_exactly(&word, FUTEX_WAKE_PRIVATE, 2, COUNT - 1), COUNT - 1,
       "then the others, two at a time at most");
    for (int i = 0; i < COUNT; i++) {
        pthread_join(threads[i], &result);
        wrong += result != NULL;
    }
    is(wrong, 0, "each FUTEX_WAIT returned 0");
    is(futex(&word, FUTEX_WAKE_PRIVATE, WAKE_ALL, NULL), 0, "nobody is left");
}

static void test_wake_all(void)
{
    enum {
        COUNT = 4
    };
    pthread_t threads[COUNT];

    word = 0;
    awake = 0;
    for (int i = 0; i < COUNT; i++)
        must(!pthread_create(&threads[i], NULL, wait_once, NULL));
    __atomic_store_n(&word, 1, __ATOMIC_SEQ_CST);
    while (awake < COUNT) {
        futex(&word, FUTEX_WAKE_PRIVATE, WAKE_ALL, NULL);
        sched_yield();
    }
    for (int i = 0; i < COUNT; i++)
        pthread_join(threads[i], NULL);
    is(awake, COUNT, "all are woken");
}

static int child_waits(void *shared)
{
    return futex(shared, FUTEX_WAIT, 0, NULL) != 0;
}

static void test_across_fork(void)
{
    int *shared = map_shared(1);
    pid_t pid = fork();

    must(pid >= 0);
    if (!pid)
        _exit(child_waits(shared));
    is(wake_exactly(shared, FUTEX_WAKE, 1, 1), 1,
       "a shared futex wakes a child");
    is(wait_status(pid), 0, "whose FUTEX_WAIT returned 0");
    munmap(shared, PAGE);
}

static volatile int handled;

static void note(int number)
{
    handled = number;
}

static int child_interrupted(void *shared)
{
    struct sigaction action = {.sa_handler = note};

    sigaction(SIGUSR1, &action, NULL);
    __atomic_store_n((int *)shared + 1, 1, __ATOMIC_SEQ_CST);
    if (futex(shared, FUTEX_WAIT, 0, NULL) != -1 || errno != EINTR)
        return 1;
    return handled != SIGUSR1;
}

static void test_interrupted(void)
{
    int *shared = map_shared(1);
    int status;
    pid_t pid = fork();

    must(pid >= 0);
    if (!pid)
        _exit(child_interrupted(shared));
    while (!__atomic_load_n(shared + 1, __ATOMIC_SEQ_CST))
        sched_yield();
    /* It may not sleep yet: signals until one finds it asleep. */
    while (!waitpid(pid, &status, WNOHANG)) {
        kill(pid, SIGUSR1);
        sched_yield();
    }
    is(status, 0, "a signal ends FUTEX_WAIT with EINTR");
    munmap(shared, PAGE);
}

int main(void)
{
    test_immediate();
    test_bad_address();
    test_untouched();
    test_wake_count();
    test_wake_all();
    test_across_fork();
    test_interrupted();
    return done_testing();
}
