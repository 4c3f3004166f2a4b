/*
 * After munmap, mprotect or MADV_DONTNEED has returned, no thread on any CPU
 * may still reach the page as it was. Three threads, each on a CPU of its own
 * where there are as many, go on reading or writing one page while the main
 * thread changes it under them; what they did after the call returned tells
 * whether they went through a stale translation. Ends with a store that breaks
 * copy-on-write sharing: nobody may see it in part.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <ucontext.h>

#include "probe.h"

#define ROUNDS  10
#define THREADS 3

typedef volatile unsigned long word;

static int cpus;           /* that this machine has */
static word *page;         /* what is changed under the threads */
static word phase;         /* what they shall do */
static word stop;          /* they shall end */
static word acted;         /* count of accesses that did not fault */
static word faults;        /* and of those that did */
static word seen[THREADS]; /* the phase each thread has noticed */
static word stale;         /* accesses that should not have been possible */

enum {
    IDLE,
    READ,
    WRITE
};

/* Lets others go on, be it on an emulator that runs one CPU at a time. */
static void rest(void)
{
    __builtin_ia32_pause();
    if (cpus < THREADS + 1)
        sched_yield();
}

/* Makes the thread run on that CPU, or as near as the machine comes. */
static void pin(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu % cpus, &set);
    sched_setaffinity(0, sizeof(set), &set);
}

/* Skips the access: both are of the one instruction, whose end is labelled. */
static void on_fault(int number, siginfo_t *info, void *context)
{
    extern char access_end[];
    ucontext_t *u = context;

    (void)number;
    (void)info;
    u->uc_mcontext.gregs[REG_RIP] = (long)access_end;
    u->uc_mcontext.gregs[REG_RDX] = 1;
}

/* One read (write 0) or write of the page; returns whether it faulted. */
__attribute__((noinline, noclone)) static long try_access(word *at, long write,
                                                          unsigned long *value)
{
    long faulted = 0;
    unsigned long v = *value;

    asm volatile("test %[write], %[write]\n"
                 "jnz 1f\n"
                 "mov (%[at]), %[v]\n"
                 "jmp access_end\n"
                 "1: mov %[v], (%[at])\n"
                 ".globl access_end\n"
                 "access_end:\n"
                 : "+d"(faulted), [v] "+r"(v)
                 : [at] "r"(at), [write] "r"(write)
                 : "memory", "cc");
    *value = v;
    return faulted;
}

static void *poke(void *argument)
{
    long id = (long)argument;
    unsigned long value = 0;

    pin(id + 1);
    while (!stop) {
        unsigned long now = phase;

        if (now != IDLE) {
            if (try_access(page, now == WRITE, &value))
                __atomic_fetch_add(&faults, 1, __ATOMIC_SEQ_CST);
            else
                __atomic_fetch_add(&acted, 1, __ATOMIC_SEQ_CST);
        }
        seen[id] = now;
        rest();
    }
    return NULL;
}

/* Waits until every thread has begun and done its phase once more. */
static void settle(unsigned long to)
{
    for (int turn = 0; turn < 2; turn++) {
        for (int i = 0; i < THREADS; i++)
            seen[i] = ~0ul;
        for (int i = 0; i < THREADS; i++)
            while (seen[i] != to)
                rest();
    }
}

static void set_phase(unsigned long to)
{
    phase = to;
    settle(to);
}

/* Threads go on with `kind` while change() works; none may succeed later. */
static int none_after(unsigned long kind, int (*change)(void))
{
    unsigned long before;

    set_phase(kind);
    if (change())
        return 0;
    /* An access under way may have been done but not counted yet. */
    settle(kind);
    before = acted;
    settle(kind);
    if (acted != before)
        stale++;
    set_phase(IDLE);
    return 1;
}

static int make_none(void)
{
    return mprotect((void *)page, PAGE, PROT_NONE);
}

static int make_read_only(void)
{
    return mprotect((void *)page, PAGE, PROT_READ);
}

static int unmap(void)
{
    return munmap((void *)page, PAGE);
}

static void fresh_page(void)
{
    void *at =
        mmap((void *)page, PAGE, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | (page ? MAP_FIXED : 0), -1, 0);

    must(at != MAP_FAILED);
    page = at;
}

static void test_gone(const char *what, unsigned long kind, int (*change)(void))
{
    int done = 0;

    stale = 0;
    for (int i = 0; i < ROUNDS; i++) {
        fresh_page();
        *page = 1;
        done += none_after(kind, change);
    }
    ok(done == ROUNDS && !stale, "%s: no access after it returned", what);
}

/* Writers are at it; once discarded and read-only, the page stays zero. */
static void test_discard(void)
{
    int wrong = 0;

    for (int i = 0; i < ROUNDS; i++) {
        fresh_page();
        *page = 5;
        set_phase(READ);
        must(!madvise((void *)page, PAGE, MADV_DONTNEED));
        wrong += *page != 0;
        *page = 6;
        settle(READ);
        wrong += *page != 6;
        set_phase(IDLE);
    }
    is(wrong, 0, "MADV_DONTNEED: a new page at once");
}

/* The page as read by a thread on another CPU follows the word in `turn`. */
static word turn, answer[THREADS], behind;

static void *watch(void *argument)
{
    long id = (long)argument;

    pin(id + 1);
    for (unsigned long last = 0; last < ROUNDS; last++) {
        unsigned long value;

        while (turn == last) {
            (void)*(page + 1); /* keeps the translation alive */
            rest();
        }
        value = *page;
        if (value != last + 1)
            behind++;
        answer[id] = last + 1;
    }
    return NULL;
}

/*
 * A page shared with a child after fork: our store gives us a copy. A thread
 * that learns of the store from another page must find it.
 */
static void test_copy(void)
{
    pthread_t threads[THREADS];

    fresh_page();
    *page = 0;
    for (long i = 0; i < THREADS; i++)
        must(!pthread_create(&threads[i], NULL, watch, (void *)i));
    for (unsigned long i = 0; i < ROUNDS; i++) {
        pid_t pid = fork();

        must(pid >= 0);
        if (!pid)
            for (;;)
                pause();
        *page = i + 1;
        turn = i + 1;
        for (int j = 0; j < THREADS; j++)
            while (answer[j] != i + 1)
                rest();
        kill(pid, SIGKILL);
        must(wait_status(pid) == 1000 + SIGKILL);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    is(behind, 0, "copy-on-write: the copy is everybody's at once");
}

int main(void)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO};
    pthread_t threads[THREADS];

    action.sa_sigaction = on_fault;
    must(!sigaction(SIGSEGV, &action, NULL));
    cpus = sysconf(_SC_NPROCESSORS_ONLN);
    pin(0);
    fresh_page();
    for (long i = 0; i < THREADS; i++)
        must(!pthread_create(&threads[i], NULL, poke, (void *)i));
    test_gone("munmap under readers", READ, unmap);
    test_gone("munmap under writers", WRITE, unmap);
    test_gone("PROT_NONE under readers", READ, make_none);
    test_gone("PROT_READ under writers", WRITE, make_read_only);
    fresh_page();
    test_discard();
    stop = 1;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    test_copy();
    return done_testing();
}
