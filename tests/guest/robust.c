/*
 * Robust futex lists, get_robust_list(2): a thread or task that ends, or runs
 * another program, while it owns locks; and lists that are nonsense.
 */
#define _GNU_SOURCE
#include "tap.h"

#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

/* A lock with its link, as a C library would have it. */
struct lock {
    struct robust_list link;
    uint32_t word;
};

struct shared {
    struct robust_list_head head;
    struct lock locks[4];
    uint32_t go;
};

static struct shared *shared;

static long set_list(void *head, size_t size)
{
    return syscall(SYS_set_robust_list, head, size);
}

static long futex(uint32_t *word, int op, uint32_t value,
                  const struct timespec *timeout)
{
    return syscall(SYS_futex, word, op, value, timeout, NULL, 0);
}

/* All locks held by the caller, in a list that ends at its head. */
static void hold_all(uint32_t tid)
{
    struct robust_list *last = &shared->head.list;

    for (int i = 0; i < 4; i++) {
        shared->locks[i].word = tid;
        last->next = &shared->locks[i].link;
        last = last->next;
    }
    last->next = &shared->head.list;
    shared->head.futex_offset =
        offsetof(struct lock, word) - offsetof(struct lock, link);
    shared->head.list_op_pending = NULL;
}

static void test_calls(void)
{
    struct robust_list_head *head = NULL;
    size_t size = 0;
    struct robust_list_head mine = {.list = {&mine.list}};

    fails(set_list(&mine, 23), EINVAL, "a head of 23 bytes");
    fails(set_list(&mine, 32), EINVAL, "of 32");
    works(set_list(&mine, sizeof(mine)), "of the right size");
    works(syscall(SYS_get_robust_list, 0, &head, &size), "asked for it");
    ok(head == &mine && size == 24, "it is ours");
    works(syscall(SYS_get_robust_list, getpid(), &head, &size), "by number");
    fails(syscall(SYS_get_robust_list, 0, NULL, &size), EFAULT, "no head");
    fails(syscall(SYS_get_robust_list, 0, &head, NULL), EFAULT, "no size");
    fails(syscall(SYS_get_robust_list, 4000000, &head, &size), ESRCH,
          "no such thread");
    works(set_list((void *)8, sizeof(mine)), "any address will do");
    works(set_list(NULL, sizeof(mine)), "or none");
}

static void run_child(void (*body)(void))
{
    pid_t pid = fork();
    int status = 0;

    must(pid >= 0);
    if (!pid) {
        body();
        _exit(0);
    }
    must(waitpid(pid, &status, 0) == pid);
    is(status, 0, "the child ended as it should");
}

static void die_holding(void)
{
    hold_all(syscall(SYS_gettid));
    shared->locks[1].word |= FUTEX_WAITERS;
    shared->locks[2].word = 1; /* somebody else's */
    set_list(&shared->head, sizeof(shared->head));
}

static void test_death(void)
{
    run_child(die_holding);
    is(shared->locks[0].word, FUTEX_OWNER_DIED, "the owner died");
    is(shared->locks[1].word, FUTEX_OWNER_DIED | FUTEX_WAITERS,
       "and somebody waits");
    is(shared->locks[2].word, 1, "another's lock is left alone");
    is(shared->locks[3].word, FUTEX_OWNER_DIED, "the list went on");
}

static void die_locking(void)
{
    hold_all(syscall(SYS_gettid));
    shared->head.list.next = &shared->head.list;
    shared->head.list_op_pending = &shared->locks[3].link;
    set_list(&shared->head, sizeof(shared->head));
}

static void test_pending(void)
{
    run_child(die_locking);
    is(shared->locks[3].word, FUTEX_OWNER_DIED, "the one being locked");
    ok(!(shared->locks[0].word & FUTEX_OWNER_DIED), "not what is off the list");
}

static void die_in_circles(void)
{
    die_holding();
    shared->locks[3].link.next = &shared->locks[1].link;
}

static void die_of_bad_pointer(void)
{
    die_holding();
    shared->locks[1].link.next = (void *)-4096l;
}

static void die_of_bad_head(void)
{
    die_holding();
    set_list((void *)0xffff800000000000ul, sizeof(shared->head));
}

static void die_unaligned(void)
{
    die_holding();
    shared->head.futex_offset++;
}

static void test_nonsense(void)
{
    run_child(die_in_circles);
    is(shared->locks[3].word, FUTEX_OWNER_DIED, "a list in a circle");
    run_child(die_of_bad_pointer);
    is(shared->locks[0].word, FUTEX_OWNER_DIED, "up to a bad pointer");
    ok(!(shared->locks[3].word & FUTEX_OWNER_DIED), "and not beyond");
    run_child(die_of_bad_head);
    ok(!(shared->locks[0].word & FUTEX_OWNER_DIED), "a bad head");
    run_child(die_unaligned);
    ok(!(shared->locks[0].word & FUTEX_OWNER_DIED), "unaligned words");
}

static void *thread_dies(void *argument)
{
    hold_all(syscall(SYS_gettid));
    shared->locks[0].word |= FUTEX_WAITERS;
    set_list(&shared->head, sizeof(shared->head));
    __atomic_store_n(&shared->go, 1, __ATOMIC_RELEASE);
    usleep(20000);
    return argument;
}

/* Waits on the first lock until its owner, a thread, has ended. */
static void test_wake(void)
{
    struct timespec long_time = {10, 0};
    uint32_t word;
    pthread_t thread;

    shared->go = 0;
    must(!pthread_create(&thread, NULL, thread_dies, NULL));
    while (!__atomic_load_n(&shared->go, __ATOMIC_ACQUIRE))
        usleep(1000);
    word = __atomic_load_n(&shared->locks[0].word, __ATOMIC_ACQUIRE);
    if (!(word & FUTEX_OWNER_DIED))
        works(futex(&shared->locks[0].word, FUTEX_WAIT, word, &long_time),
              "its end wakes who waits");
    is(__atomic_load_n(&shared->locks[0].word, __ATOMIC_ACQUIRE),
       FUTEX_OWNER_DIED | FUTEX_WAITERS, "the word says why");
    pthread_join(thread, NULL);
}

/* Killed in the middle of a wait. */
static void test_kill(void)
{
    int status;
    pid_t pid;

    shared->go = 0;
    pid = fork();
    must(pid >= 0);
    if (!pid) {
        die_holding();
        __atomic_store_n(&shared->go, 1, __ATOMIC_RELEASE);
        for (;;)
            pause();
    }
    while (!__atomic_load_n(&shared->go, __ATOMIC_ACQUIRE))
        usleep(1000);
    kill(pid, SIGKILL);
    must(waitpid(pid, &status, 0) == pid);
    is(shared->locks[0].word, FUTEX_OWNER_DIED, "a killed owner");
}

static void die_robustly(pthread_mutex_t *mutex)
{
    pthread_mutex_lock(mutex);
    _exit(0);
}

/* The C library's own. */
static void test_mutex(void)
{
    pthread_mutex_t *mutex = (pthread_mutex_t *)(shared + 1);
    pthread_mutexattr_t attr;
    pid_t pid;

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    must(!pthread_mutex_init(mutex, &attr));
    pid = fork();
    must(pid >= 0);
    if (!pid)
        die_robustly(mutex);
    must(waitpid(pid, NULL, 0) == pid);
    is(pthread_mutex_lock(mutex), EOWNERDEAD, "a robust mutex");
    is(pthread_mutex_consistent(mutex), 0, "made consistent");
    is(pthread_mutex_unlock(mutex), 0, "unlocked");
}

int main(void)
{
    shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(shared != MAP_FAILED);
    test_calls();
    test_death();
    test_pending();
    test_nonsense();
    test_wake();
    test_kill();
    test_mutex();
    return done_testing();
}
