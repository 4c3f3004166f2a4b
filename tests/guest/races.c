/*
 * Things that must not come between one another on several processors, each
 * with a rule that a race would break: copy-on-write against MADV_DONTNEED and
 * frames used anew, copy-on-write against fork, futex wake-ups against
 * time-outs and moves, the address space's lock wanted by many, and sleepers
 * on processors with nothing else to do. Arguments: rounds; "spin": four
 * processors run at once.
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <time.h>

#include "probe.h"

#define PATIENCE 20 /* seconds until a wake-up counts as lost */

typedef volatile unsigned long word;

static int rounds = 25;
static volatile int stop;

static pthread_t begin(void *(*work)(void *), void *argument)
{
    pthread_t t;

    must(!pthread_create(&t, NULL, work, argument));
    return t;
}

static long end(pthread_t t)
{
    void *result;

    must(!pthread_join(t, &result));
    return (long)result;
}

static int cpus, spins;

/* Seldom with a system call, in which the processor might forget translations,
 * if there are enough that run at once. */
static void rest(void)
{
    static __thread unsigned times;

    __builtin_ia32_pause();
    if (!spins || cpus < 4 || ++times % 1000 == 0)
        sched_yield();
}

static void pin(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu % cpus, &set);
    must(!sched_setaffinity(0, sizeof(set), &set));
}

/* ---- copy-on-write and MADV_DONTNEED ---- */

#define OLD     0x01d01d01d01d01d0UL
#define NEW     0x4e574e574e574e57UL
#define FOREIGN 0xf0f0f0f0f0f0f0f0UL

static word *shared_page; /* with a child that waits, so a write copies it */

/* Frames come and go, and nobody else's words may be seen in them. */
static void *uses_frames(void *unused)
{
    long wrong = 0;

    (void)unused;
    while (!stop) {
        word *page = (word *)map_pages(1);

        wrong += page[1] != 0;
        page[0] = page[1] = page[PAGE / 8 - 1] = FOREIGN;
        sched_yield();
        wrong += page[0] != FOREIGN || page[1] != FOREIGN ||
                 page[PAGE / 8 - 1] != FOREIGN;
        munmap((void *)page, PAGE);
    }
    return (void *)wrong;
}

static void *writes(void *unused)
{
    while (!stop) {
        shared_page[0] = shared_page[PAGE / 8 - 1] = NEW;
        sched_yield();
    }
    return unused;
}

static void *reads(void *unused)
{
    long wrong = 0;

    (void)unused;
    while (!stop) {
        for (int i = 0; i < 20; i++) {
            unsigned long at_0 = shared_page[0], at_1 = shared_page[1];

            wrong += at_0 != OLD && at_0 != NEW && at_0;
            wrong += at_1 != OLD && at_1;
        }
        sched_yield();
    }
    return (void *)wrong;
}

/* One round: the page is old, then written and thrown away at once. */
static long throw_away(void)
{
    pthread_t t[3];
    long wrong = 0;
    pid_t pid;

    for (size_t i = 0; i < PAGE / 8; i++)
        shared_page[i] = OLD;
    pid = fork();
    must(pid >= 0);
    if (!pid) {
        pause();
        _exit(0);
    }
    stop = 0;
    t[0] = begin(writes, NULL);
    t[1] = begin(reads, NULL);
    t[2] = begin(uses_frames, NULL);
    for (int i = 0; i < 6; i++) {
        must(!madvise((void *)shared_page, PAGE, MADV_DONTNEED));
        wrong += shared_page[1] != 0;
        sched_yield();
    }
    stop = 1;
    for (int i = 0; i < 3; i++)
        wrong += end(t[i]);
    must(!madvise((void *)shared_page, PAGE, MADV_DONTNEED));
    wrong += shared_page[0] || shared_page[PAGE / 8 - 1];
    kill(pid, SIGKILL);
    must(waitpid(pid, NULL, 0) == pid);
    return wrong;
}

static void test_throw_away(void)
{
    long wrong = 0;

    shared_page = (word *)map_pages(1);
    for (int i = 0; i < rounds / 5; i++)
        wrong += throw_away();
    is(wrong, 0, "a page is written by one and thrown away by another");
}

/* ---- copy-on-write and fork ---- */

static word *counters; /* one page for each writer */

static void *counts_up(void *which)
{
    word *mine = counters + (long)which * (PAGE / 8);
    unsigned long n = *mine;
    long wrong = 0;

    while (!stop) {
        for (int i = 0; i < 50; i++) {
            wrong += *mine != n;
            *mine = ++n;
            mine[PAGE / 8 - 1] = n;
        }
        wrong += mine[PAGE / 8 - 1] != n;
        sched_yield();
    }
    return (void *)wrong;
}

/* Nobody writes into a child; the last word is written after the first. */
static int stands_still(void *unused)
{
    int wrong = 0;

    (void)unused;
    for (int i = 0; i < 3; i++) {
        word *at = counters + i * (PAGE / 8);
        unsigned long was = at[0], last = at[PAGE / 8 - 1];

        wrong += was - last > 1;
        sched_yield();
        wrong += at[0] != was || at[PAGE / 8 - 1] != last;
    }
    return wrong;
}

static void test_fork(void)
{
    pthread_t t[3];
    long wrong = 0;

    counters = (word *)map_pages(3);
    stop = 0;
    for (long i = 0; i < 3; i++)
        t[i] = begin(counts_up, (void *)i);
    for (int i = 0; i < rounds / 3; i++)
        wrong += in_child(stands_still, NULL);
    stop = 1;
    for (int i = 0; i < 3; i++)
        wrong += end(t[i]);
    is(wrong, 0, "nothing that is written while others fork is lost");
}

/* ---- copy-on-write and other processors ---- */

#define READERS 3
#define COPIES  10

static word *told; /* a page that nobody copies: what the readers shall see */
static word seen[READERS];

/* Looks when told to; then it has the page in its processor's table. */
static void *looks(void *which)
{
    unsigned long step = 0;
    long wrong = 0;

    pin((int)(long)which + 1);
    while (!stop) {
        if (told[0] == step) {
            rest();
            continue;
        }
        step = told[0];
        wrong += shared_page[0] != told[1];
        seen[(long)which] = step;
    }
    return (void *)wrong;
}

static void show(unsigned long value)
{
    told[1] = value;
    __atomic_fetch_add(&told[0], 1, __ATOMIC_SEQ_CST);
    for (int i = 0; i < READERS; i++)
        while (seen[i] != told[0])
            rest();
}

/* Who saw the page before it was copied sees what is written to the copy. */
static void test_seen(void)
{
    pthread_t t[READERS];
    long wrong = 0;

    shared_page = (word *)map_pages(1);
    told = map_shared(1);
    told[0] = 0;
    stop = 0;
    pin(0);
    for (long i = 0; i < READERS; i++)
        t[i] = begin(looks, (void *)i);
    for (int i = 1; i <= COPIES; i++) {
        pid_t pid = fork();

        must(pid >= 0);
        if (!pid) {
            pause();
            _exit(0);
        }
        show(shared_page[0]);
        shared_page[0] = i;
        show(i);
        kill(pid, SIGKILL);
        must(waitpid(pid, NULL, 0) == pid);
    }
    stop = 1;
    for (int i = 0; i < READERS; i++)
        wrong += end(t[i]);
    is(wrong, 0, "what is written to a copy is seen everywhere");
}

/* ---- futexes ---- */

static int words[2];

static long futex(int *word_, int op, int n, const struct timespec *t, int n2)
{
    const void *fourth = t ? (const void *)t : (const void *)(long)n2;
    long r = syscall(SYS_futex, word_, op, n, fourth, &words[1], 0);

    return r < 0 ? -errno : r;
}

/* Waits with hardly any patience; how many of its waits were ended by a
 * wake-up. */
static void *waits(void *us)
{
    const struct timespec soon = {0, (long)us * 1000};
    long woken = 0;

    while (!stop)
        woken += !futex(&words[0], FUTEX_WAIT_PRIVATE, 0, &soon, 0);
    return (void *)woken;
}

/* Each wake-up that was given was taken, and no other. */
static void test_wake_ups(void)
{
    long given = 0, taken = 0;
    pthread_t t[4];

    stop = 0;
    for (long i = 0; i < 4; i++)
        t[i] = begin(waits, (void *)(20 + 150 * i));
    for (int i = 0; i < rounds * 10; i++) {
        if (i % 3 == 2) /* one is woken, two are moved and woken there */
            given += futex(&words[0], FUTEX_REQUEUE_PRIVATE, 1, NULL, 2) > 0;
        else
            given += futex(&words[i % 3], FUTEX_WAKE_PRIVATE, 2, NULL, 0);
        if (i % 10 == 0)
            usleep(100);
    }
    stop = 1;
    for (int i = 0; i < 4; i++)
        taken += end(t[i]);
    is(taken, given, "futex: as many are woken as wake-ups were given");
    ok(given > 0, "which were some");
}

/* ---- sleepers on idle processors ---- */

struct pair {
    int there, back;   /* futex words, or descriptors */
    int cpu, by_event; /* through eventfds */
};

static long lost;

static void give(int *at, int by_event)
{
    unsigned long one = 1;

    if (by_event) {
        must(write(*at, &one, 8) == 8);
        return;
    }
    __atomic_store_n(at, 1, __ATOMIC_SEQ_CST);
    futex(at, FUTEX_WAKE_PRIVATE, 1, NULL, 0);
}

static void take(int *at, int by_event)
{
    const struct timespec patience = {PATIENCE, 0};
    unsigned long value;

    if (by_event) {
        must(read(*at, &value, 8) == 8);
        return;
    }
    while (!__atomic_exchange_n(at, 0, __ATOMIC_SEQ_CST))
        if (futex(at, FUTEX_WAIT_PRIVATE, 0, &patience, 0) == -ETIMEDOUT)
            lost++;
}

static void *answers(void *argument)
{
    struct pair *p = argument;

    pin(p->cpu);
    for (int i = 0; i < rounds; i++) {
        take(&p->there, p->by_event);
        if (i % 8 == 0)
            usleep(50); /* both sides sleep */
        give(&p->back, p->by_event);
    }
    return NULL;
}

static void *asks(void *argument)
{
    struct pair *p = argument;

    pin(p->cpu + 1);
    for (int i = 0; i < rounds; i++) {
        if (i % 8 == 4)
            usleep(50);
        give(&p->there, p->by_event);
        take(&p->back, p->by_event);
    }
    return NULL;
}

static void test_idle(int by_event)
{
    struct pair pairs[3];
    pthread_t t[6];

    lost = 0;
    for (int i = 0; i < 3; i++) {
        pairs[i] = (struct pair){.cpu = i, .by_event = by_event};
        if (by_event) {
            pairs[i].there = eventfd(0, 0);
            pairs[i].back = eventfd(0, 0);
        }
        t[2 * i] = begin(answers, &pairs[i]);
        t[2 * i + 1] = begin(asks, &pairs[i]);
    }
    for (int i = 0; i < 6; i++)
        end(t[i]);
    is(lost, 0, "%s: no sleeper is forgotten", by_event ? "eventfd" : "futex");
}

/* ---- the address space's lock ---- */

static void *maps(void *argument)
{
    long wrong = 0;

    for (int i = 0; i < rounds; i++) {
        size_t size = (1 + (i + (long)argument) % 4) * PAGE;
        word *p = (word *)map_pages(size / PAGE);

        wrong += p[0] != 0;
        p[0] = (long)argument;
        must(!mprotect((void *)p, size, PROT_READ));
        wrong += p[0] != (unsigned long)argument;
        must(!munmap((void *)p, size));
    }
    return (void *)wrong;
}

/* Alone it is a loop; that all come to their ends is what is tested. */
static void test_lock(void)
{
    pthread_t t[6];
    long wrong = 0;

    for (long i = 0; i < 6; i++)
        t[i] = begin(maps, (void *)(i + 1));
    for (int i = 0; i < 6; i++)
        wrong += end(t[i]);
    is(wrong, 0, "six threads map and unmap, and all get their turn");
}

/* Two who want it at the same moment, and nobody else, who might make good
 * what a wake-up has missed. */
static word arrived;

static void *meets(void *page)
{
    unsigned long goal = 0;

    for (int i = 0; i < rounds * 4; i++) {
        goal += 2;
        __atomic_fetch_add(&arrived, 1, __ATOMIC_SEQ_CST);
        while (arrived < goal)
            rest();
        must(!mprotect(page, PAGE, i & 1 ? PROT_READ : PROT_NONE));
    }
    return NULL;
}

static void test_two(void)
{
    pthread_t t = begin(meets, map_pages(1));

    meets(map_pages(1));
    end(t);
    is(arrived, rounds * 8, "two want the lock at once, and both get it");
}

int main(int argc, char **argv)
{
    cpus = sysconf(_SC_NPROCESSORS_ONLN);
    alarm(40); /* for those that wait for ever */
    if (argc > 1)
        rounds = atoi(argv[1]);
    spins = argc > 2;
    test_throw_away();
    test_fork();
    test_seen();
    test_wake_ups();
    test_idle(0);
    test_idle(1);
    test_lock();
    test_two();
    return done_testing();
}
