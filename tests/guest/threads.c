/*
 * POSIX threads as musl makes them from clone(2), futex(2) and %fs: create
 * and join, mutual exclusion, condition variables, thread-local variables.
 */
#include "probe.h"

#include <pthread.h>
#include <sched.h>

enum {
    THREADS = 6,
    ROUNDS = 300
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static __thread long thread_local = 11;

static pthread_t start(void *(*work)(void *), void *argument)
{
    pthread_t thread;

    must(pthread_create(&thread, NULL, work, argument) == 0);
    return thread;
}

static void *join(pthread_t thread)
{
    void *result;

    must(pthread_join(thread, &result) == 0);
    return result;
}

static void *add_one(void *number)
{
    return (char *)number + 1;
}

static void test_create_join(void)
{
    pthread_t threads[THREADS];
    int wrong = 0;

    is(join(start(add_one, (void *)41)), 42, "a thread returns its result");
    for (long i = 0; i < THREADS; i++)
        threads[i] = start(add_one, (void *)i);
    for (long i = THREADS - 1; i >= 0; i--)
        wrong += join(threads[i]) != (void *)(i + 1);
    is(wrong, 0, "six at once return theirs");
    for (long i = 0; i < 40; i++)
        wrong += join(start(add_one, (void *)i)) != (void *)(i + 1);
    is(wrong, 0, "and forty one after another");
}

static void *identity(void *unused)
{
    (void)unused;
    return (void *)(long)(syscall(SYS_gettid) << 1 |
                          (syscall(SYS_getpid) == getpid()));
}

static void test_identity(void)
{
    long other;

    is(syscall(SYS_gettid), getpid(), "the first thread's id is the task's");
    other = (long)join(start(identity, NULL));
    ok(other >> 1 != getpid(), "another thread has another");
    ok(other & 1, "and the same task's");
}

static long counter;

/* The yield in the middle makes every lost exclusion show. */
static void *count_locked(void *unused)
{
    for (int i = 0; i < ROUNDS; i++) {
        long seen;

        pthread_mutex_lock(&lock);
        seen = counter;
        if (i % 16 == 0)
            sched_yield();
        counter = seen + 1;
        pthread_mutex_unlock(&lock);
    }
    return unused;
}

static void test_mutex(void)
{
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++)
        threads[i] = start(count_locked, NULL);
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    is(counter, THREADS * ROUNDS, "a mutex excludes");
}

static int slot; /* 0: empty */
static long received;

static void *consume(void *unused)
{
    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&lock);
        while (!slot)
            pthread_cond_wait(&changed, &lock);
        received += slot;
        slot = 0;
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&lock);
    }
    return unused;
}

static void test_condition(void)
{
    pthread_t consumer = start(consume, NULL);

    for (int i = 1; i <= ROUNDS; i++) {
        pthread_mutex_lock(&lock);
        while (slot)
            pthread_cond_wait(&changed, &lock);
        slot = i;
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&lock);
    }
    join(consumer);
    is(received, ROUNDS * (ROUNDS + 1L) / 2, "a condition hands over each one");
}

static void *use_tls(void *value)
{
    long wrong = thread_local != 11;

    thread_local = (long)value;
    for (int i = 0; i < 50; i++) {
        sched_yield();
        wrong += thread_local != (long)value;
    }
    errno = (int)(long)value;
    sched_yield();
    wrong += errno != (int)(long)value;
    return (void *)wrong;
}

static void test_tls(void)
{
    pthread_t threads[THREADS];
    long wrong = 0;

    for (long i = 0; i < THREADS; i++)
        threads[i] = start(use_tls, (void *)(i + 100));
    for (int i = 0; i < THREADS; i++)
        wrong += (long)join(threads[i]);
    is(wrong, 0, "each thread has its thread-local variables and errno");
    is(thread_local, 11, "and the first its own");
}

static pthread_key_t key;
static volatile int destroyed;

static void count_destroyed(void *value)
{
    destroyed += *(int *)value;
}

static void *set_key(void *value)
{
    pthread_setspecific(key, value);
    return NULL;
}

static void test_key(void)
{
    int value = 3;

    must(pthread_key_create(&key, count_destroyed) == 0);
    join(start(set_key, &value));
    is(destroyed, 3, "a thread's end runs the destructor of its key");
}

static volatile int detached_done;

static void *finish(void *unused)
{
    detached_done = 1;
    return unused;
}

static void test_detached(void)
{
    must(pthread_detach(start(finish, NULL)) == 0);
    while (!detached_done)
        sched_yield();
    ok(1, "a detached thread runs and unmaps its own stack");
}

static int exit_from_thread(void *unused)
{
    (void)unused;
    start((void *(*)(void *))(uintptr_t)exit, (void *)23);
    for (;;)
        sched_yield();
    return 0;
}

static void *fault(void *address)
{
    *(volatile char *)address = 1;
    return NULL;
}

static int fault_in_thread(void *unused)
{
    (void)unused;
    join(start(fault, NULL));
    return 0;
}

static int main_thread_ends(void *unused)
{
    (void)unused;
    start((void *(*)(void *))(uintptr_t)exit, (void *)24);
    pthread_exit(NULL);
    return 0;
}

static void test_exit(void)
{
    is(in_child(exit_from_thread, NULL), 23, "exit in a thread ends the task");
    is(in_child(fault_in_thread, NULL), 1000 + SIGSEGV,
       "a fault in a thread kills the task");
    is(in_child(main_thread_ends, NULL), 24,
       "the task outlives its first thread");
}

int main(void)
{
    test_create_join();
    test_identity();
    test_mutex();
    test_condition();
    test_tls();
    test_key();
    test_detached();
    test_exit();
    return done_testing();
}
