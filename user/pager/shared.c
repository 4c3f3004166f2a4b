/*
 * pager-shared --demo: two tasks share one memory object, and each of its
 * pages has one writer at a time.
 *
 * All of the object is write-protected in both address spaces. Who writes a
 * page sends the pager a message and waits; the pager takes the page from the
 * writer before, by protecting it there, and lifts the protection for the new
 * one. Both may read at any time.
 *
 * The second task comes by fork: UFFD_EVENT_FORK brings the pager a
 * userfaultfd for its address space, where everything is registered as in
 * the first's.
 *
 * Each writer has a counter of its own in every page. At a handover the pager
 * looks whether the counter of the one who had no right has moved.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "sys.h"
#include "uffd.h"

#define PAGES  64
#define TASKS  2
#define RUNS   400 /* of each task */
#define RUN    20  /* writes to one page in a row */
#define NOBODY (-1)

/* The head of each page of the object. */
struct counters {
    unsigned count[TASKS];
};

/* What the pager and the tasks tell each other. */
static volatile struct {
    int ready;      /* the pager has both userfaultfds */
    unsigned given; /* pages, to a writer */
    unsigned taken; /* from one, for another */
    struct page {
        int owner;
        struct counters at_handover;
    } pages[PAGES];
} * shared;

static char *region; /* the same address in both tasks */
static int object;

/* Nobody writes the page now: only its owner can have done so before. */
static struct counters check(unsigned number)
{
    const volatile struct page *page = &shared->pages[number];
    struct counters now;

    if (pread(object, &now, sizeof(now), number * PAGE_SIZE) != sizeof(now))
        die_errno(1, "read of page %u", number);
    for (int task = 0; task < TASKS; task++)
        if (task != page->owner &&
            now.count[task] != page->at_handover.count[task])
            die(1, "task %d wrote page %u, which is task %d's", task, number,
                page->owner);
    return now;
}

/* ---- the pager ---- */

static int uffd[TASKS];

static unsigned long address_of(unsigned page)
{
    return (unsigned long)region + page * PAGE_SIZE;
}

static void give(unsigned number, int task)
{
    volatile struct page *page = &shared->pages[number];

    if (page->owner != NOBODY && page->owner != task) {
        uffd_protect(uffd[page->owner], address_of(number), PAGE_SIZE, 1);
        shared->taken++;
    }
    if (page->owner != task)
        page->at_handover = check(number);
    page->owner = task;
    shared->given++;
    uffd_protect(uffd[task], address_of(number), PAGE_SIZE, 0);
}

static void serve(int task, const struct uffd_msg *message)
{
    unsigned long address = message->arg.pagefault.address;
    unsigned long page = (address - (unsigned long)region) / PAGE_SIZE;

    if (message->event == UFFD_EVENT_FORK && !shared->ready) {
        uffd[1] = message->arg.fork.ufd;
        shared->ready = 1;
        return;
    }
    if (message->event != UFFD_EVENT_PAGEFAULT || page >= PAGES ||
        !(message->arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP))
        die(1, "unexpected event %#x at %#lx", message->event, address);
    give(page, task);
}

static _Noreturn void serve_all(pid_t client)
{
    struct uffd_msg messages[UFFD_MESSAGES];

    for (unsigned i = 0; i < PAGES; i++)
        shared->pages[i].owner = NOBODY;
    for (;;) {
        int task = uffd_wait_any(uffd, shared->ready ? TASKS : 1, client);
        int count = uffd_wait(uffd[task], client, messages);

        for (int i = 0; i < count; i++)
            serve(task, &messages[i]);
    }
}

/* ---- the tasks ---- */

static void work(int me)
{
    volatile struct counters *page;
    unsigned seed = me + 1, other;

    for (int run = 0; run < RUNS; run++) {
        seed = seed * 1664525 + 1013904223;
        page = (void *)(region + (seed >> 8) % PAGES * PAGE_SIZE);
        for (int i = 0; i < RUN; i++) {
            other = page->count[!me];
            page->count[me]++;
            if (page->count[!me] < other)
                die(1, "task %d: the other's counter went back", me);
        }
        sched_yield();
    }
}

static unsigned total(int task)
{
    unsigned sum = 0;

    for (unsigned page = 0; page < PAGES; page++)
        sum += ((struct counters *)(region + page * PAGE_SIZE))->count[task];
    return sum;
}

/* In the first task, which has become the second as well once this is over. */
static pid_t start_second(int fd)
{
    pid_t second;

    uffd_register(fd, region, PAGES * PAGE_SIZE, UFFDIO_REGISTER_MODE_WP);
    uffd_protect(fd, (unsigned long)region, PAGES * PAGE_SIZE, 1);
    second = fork();
    if (second < 0)
        die_errno(2, "fork");
    close(fd); /* Only the pager has it: if it dies nobody waits. */
    if (!second) {
        work(1);
        exit(0);
    }
    return second;
}

static void check_end(pid_t pager, pid_t second)
{
    int status;

    if (waitpid(second, &status, 0) != second || status)
        die(1, "the second task failed");
    kill(pager, SIGKILL);
    if (waitpid(pager, &status, 0) != pager || !WIFSIGNALED(status))
        die(1, "the pager failed");
    for (unsigned page = 0; page < PAGES; page++)
        (void)check(page);
    for (int task = 0; task < TASKS; task++)
        if (total(task) != RUNS * RUN)
            die(1, "%u writes of task %d are there", total(task), task);
}

static void demo(void)
{
    pid_t self = getpid(), pager, second;

    object = syscall(SYS_memfd_create, "shared", 0);
    if (object < 0 || ftruncate(object, PAGES * PAGE_SIZE) < 0)
        die_errno(2, "the object");
    shared = map_or_die(sizeof(*shared), MAP_SHARED | MAP_ANONYMOUS, -1);
    region = map_or_die(PAGES * PAGE_SIZE, MAP_SHARED, object);
    uffd[0] =
        uffd_open(UFFD_FEATURE_PAGEFAULT_FLAG_WP |
                  UFFD_FEATURE_WP_HUGETLBFS_SHMEM | UFFD_FEATURE_EVENT_FORK);
    pager = fork();
    if (pager < 0)
        die_errno(2, "fork");
    if (!pager)
        serve_all(self);
    second = start_second(uffd[0]);
    work(0);
    check_end(pager, second);
    printf("shared: %d tasks wrote %d times each to %d pages\n", TASKS,
           RUNS * RUN, PAGES);
    printf("shared: %u times a page was given to a writer, %u times taken from "
           "the other first\n",
           shared->given, shared->taken);
    puts("shared: no page had two writers, and no write is lost");
}

int main(int argc, char **argv)
{
    program_name = "pager-shared";
    if (argc != 2 || strcmp(argv[1], "--demo"))
        die(2, "usage: pager-shared --demo");
    demo();
    return 0;
}
