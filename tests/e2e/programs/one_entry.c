/*
 * UFFDIO_FL_COPY_NEXT, Faultline's own request of one kernel entry per fault,
 * see docs/userfaultfd.md. Prints TAP, and what a round trip costs.
 */
#define _GNU_SOURCE
#include "../../guest/uffd_pages.h"

#define COPY_NEXT 0xc050fa00u

enum {
    ROUNDS = 100
};

struct copy_next {
    struct uffdio_copy copy;
    __u64 reserved;
    struct uffd_msg message;
};

static unsigned long ticks(void)
{
    unsigned low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (unsigned long)high << 32 | low;
}

static char *region;
static int served;

static int serve(void)
{
    struct copy_next c = {.copy = {.src = (unsigned long)source, .len = PAGE}};

    must(read(served, &c.message, sizeof(c.message)) == sizeof(c.message));
    for (int i = 0; i < ROUNDS; i++) {
        must(c.message.event == UFFD_EVENT_PAGEFAULT);
        c.copy.dst = c.message.arg.pagefault.address;
        if (i == ROUNDS - 1)
            return uffd_ioctl(served, UFFDIO_COPY, &c.copy);
        must(!uffd_ioctl(served, COPY_NEXT, &c));
    }
    return 0;
}

static void *serve_thread(void *unused)
{
    must(!serve());
    return unused;
}

static int compare(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static int touch_all(void)
{
    int cost[ROUNDS], wrong = 0;

    for (int i = 0; i < ROUNDS; i++) {
        unsigned long start = ticks();

        wrong += *(volatile char *)(region + i * PAGE) != 'n';
        cost[i] = ticks() - start;
    }
    must(!wrong);
    qsort(cost, ROUNDS, sizeof(int), compare);
    return cost[ROUNDS / 2];
}

static void test_next(void)
{
    pthread_t thread;
    pid_t pid;
    int cost;

    memset(source, 'n', PAGE);
    for (int task = 0; task < 2; task++) {
        region = map_pages(ROUNDS);
        served = uffd_new(0);
        must(!uffd_register(served, region, ROUNDS * PAGE));
        pid = task ? fork() : -1;
        if (!pid) {
            source[0] = 'n';
            _exit(serve() != 0);
        }
        if (!task)
            thread = thread_start(serve_thread, NULL);
        cost = touch_all();
        if (task)
            must(!wait_status(pid));
        else
            thread_join(thread);
        diag("one entry per fault, pager in a %s: %d", task ? "task" : "thread",
             cost);
        ok(cost <= (task ? 2200 : 2000), "%s: the round trip is short",
           task ? "task" : "thread");
        close(served);
        munmap(region, ROUNDS * PAGE);
    }
}

/* ---- the woken thread is the next to run ---- */

enum {
    TURNS = 6,
    BUSY = 2
};

static volatile unsigned long work[BUSY], work_before;
static volatile int stop;

static unsigned long work_done(void)
{
    return work[0] + work[1];
}

static void *be_busy(void *number)
{
    while (!stop)
        work[(long)number]++;
    return NULL;
}

static void *serve_turns(void *unused)
{
    struct copy_next c = {.copy = {.src = (unsigned long)source, .len = PAGE}};

    must(read(served, &c.message, sizeof(c.message)) == sizeof(c.message));
    for (int i = 0; i < TURNS; i++) {
        c.copy.dst = c.message.arg.pagefault.address;
        work_before = work_done();
        if (i == TURNS - 1)
            must(!uffd_ioctl(served, UFFDIO_COPY, &c.copy));
        else
            must(!uffd_ioctl(served, COPY_NEXT, &c));
    }
    return unused;
}

/* The CPU's other threads want it all the time. */
static void test_direct(void)
{
    pthread_t pager, busy[BUSY];
    unsigned long one = 1;
    int late = 0;

    must(!syscall(SYS_sched_setaffinity, 0, sizeof(one), &one));
    region = map_pages(TURNS);
    served = uffd_new(0);
    must(!uffd_register(served, region, TURNS * PAGE));
    pager = thread_start(serve_turns, NULL);
    for (long i = 0; i < BUSY; i++)
        busy[i] = thread_start(be_busy, (void *)i);
    for (int i = 0; i < TURNS - 1; i++) {
        (void)*(volatile char *)(region + i * PAGE);
        late += work_done() != work_before;
    }
    (void)*(volatile char *)(region + (TURNS - 1) * PAGE);
    stop = 1;
    is(late, 0, "who is woken runs before all who wait for the CPU");
    thread_join(pager);
    for (int i = 0; i < BUSY; i++)
        thread_join(busy[i]);
    close(served);
    munmap(region, TURNS * PAGE);
}

static void test_next_quiet(void)
{
    struct copy_next c = {.copy = {.src = (unsigned long)source, .len = PAGE}};

    set_up();
    c.copy.dst = (unsigned long)pages;
    c.message.event = 99;
    is(uffd_ioctl(fd, COPY_NEXT, &c), 0, "not blocking, nothing to read");
    is(c.message.event, 0, "leaves no message");
    is(pages[0], 'n', "but the page");
    c.message.event = 99;
    is(uffd_ioctl(fd, COPY_NEXT, &c), -EEXIST, "a copy that fails");
    is(c.message.event, 99, "waits for none");
    tear_down();
}

int main(void)
{
    test_next();
    test_direct();
    test_next_quiet();
    return done_testing();
}
