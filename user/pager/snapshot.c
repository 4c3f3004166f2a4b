/*
 * pager-snapshot --demo: copies the memory of a running task as it was at one
 * moment, without stopping the task.
 *
 * One UFFDIO_WRITEPROTECT over the whole region is the moment. After it the
 * pager copies page by page and lifts each page's protection when it has it;
 * where the task writes first, it waits for the copy of that one page.
 *
 * The task writes 1 to every word of the region in order, then 2, and so on.
 * So at any moment its memory has one place before which all words are N and
 * behind which all are N - 1; a copy that has anything else is torn.
 */
#define _GNU_SOURCE /* process_vm_readv */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "sys.h"
#include "uffd.h"

#define PAGES     256
#define WORDS     (PAGES * PAGE_SIZE / sizeof(unsigned))
#define SNAPSHOTS 3

/* What the two tasks tell each other. */
static volatile struct {
    unsigned round; /* that the writer has begun */
    int done;       /* the pager has what it wants */
} * shared;

static unsigned *region; /* the writer's */

struct snapshot {
    int uffd;
    pid_t writer;
    unsigned words[WORDS];
    unsigned char have[PAGES];
    unsigned in_turn, on_demand;
};

static void copy_page(struct snapshot *s, unsigned page)
{
    char *from = (char *)region + page * PAGE_SIZE;
    char *to = (char *)s->words + page * PAGE_SIZE;
    struct iovec local = {to, PAGE_SIZE}, remote = {from, PAGE_SIZE};

    if (process_vm_readv(s->writer, &local, 1, &remote, 1, 0) != PAGE_SIZE)
        die_errno(1, "process_vm_readv of page %u", page);
    s->have[page] = 1;
    uffd_protect(s->uffd, (unsigned long)from, PAGE_SIZE, 0);
}

/* The writer waits for a page that it wants to write. */
static void serve(struct snapshot *s, const struct uffd_msg *message)
{
    unsigned long address = message->arg.pagefault.address;
    unsigned long page = (address - (unsigned long)region) / PAGE_SIZE;

    if (message->event != UFFD_EVENT_PAGEFAULT || page >= PAGES ||
        !(message->arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP))
        die(1, "unexpected event %#x at %#lx", message->event, address);
    if (s->have[page]) {
        uffd_wake(s->uffd, address);
        return;
    }
    copy_page(s, page);
    s->on_demand++;
}

static void serve_waiting(struct snapshot *s)
{
    struct uffd_msg messages[UFFD_MESSAGES];
    ssize_t got = read(s->uffd, messages, sizeof(messages));

    for (ssize_t i = 0; i < got / (ssize_t)sizeof(messages[0]); i++)
        serve(s, &messages[i]);
}

static void take(struct snapshot *s)
{
    memset(s->have, 0, sizeof(s->have));
    s->in_turn = s->on_demand = 0;
    uffd_protect(s->uffd, (unsigned long)region, PAGES * PAGE_SIZE, 1);
    for (unsigned page = 0; page < PAGES; page++) {
        serve_waiting(s);
        if (s->have[page])
            continue;
        copy_page(s, page);
        s->in_turn++;
        sched_yield();
    }
    /* Whoever faulted before his page was lifted looks again. */
    serve_waiting(s);
}

/* Says where the words go from N to N - 1; dies if that is in two places. */
static void check(const struct snapshot *s, unsigned number)
{
    size_t edge = 0;

    while (edge < WORDS && s->words[edge] == s->words[0])
        edge++;
    for (size_t i = edge; i < WORDS; i++)
        if (s->words[i] != s->words[0] - 1)
            die(1, "torn: word %zu is %u, the first is %u", i, s->words[i],
                s->words[0]);
    printf("snapshot %u: %zu words are %u, %zu still %u (%u pages copied in "
           "turn, %u on demand)\n",
           number, edge, s->words[0], WORDS - edge, s->words[0] - 1, s->in_turn,
           s->on_demand);
    fflush(stdout);
}

static void take_all(int uffd, pid_t writer)
{
    struct snapshot *s =
        map_or_die(sizeof(*s), MAP_PRIVATE | MAP_ANONYMOUS, -1);

    s->uffd = uffd;
    s->writer = writer;
    for (unsigned i = 1; i <= SNAPSHOTS; i++) {
        unsigned round = shared->round;

        while (shared->round < round + 2 && getppid() == writer)
            sched_yield();
        take(s);
        check(s, i);
    }
    puts("snapshot: each is the memory as it was at one moment");
    shared->done = 1;
    exit(0);
}

static void write_round(unsigned number)
{
    volatile unsigned *word = region;

    shared->round = number;
    for (size_t i = 0; i < WORDS; i++)
        word[i] = number;
}

/* Returns the pager's wait status. */
static int demo(void)
{
    int uffd = uffd_open(UFFD_FEATURE_PAGEFAULT_FLAG_WP);
    pid_t writer = getpid(), pager;
    int status;

    shared = map_or_die(PAGE_SIZE, MAP_SHARED | MAP_ANONYMOUS, -1);
    region = map_or_die(PAGES * PAGE_SIZE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    write_round(1);
    uffd_register(uffd, region, PAGES * PAGE_SIZE, UFFDIO_REGISTER_MODE_WP);
    /* Else the first write to each page would copy it, for the pager's sake. */
    if (madvise(region, PAGES * PAGE_SIZE, MADV_DONTFORK) < 0)
        die_errno(2, "madvise");
    pager = fork();
    if (pager < 0)
        die_errno(2, "fork");
    if (!pager)
        take_all(uffd, writer);
    close(uffd); /* If the pager dies, nobody waits for it. */
    for (unsigned round = 2; !shared->done; round++) {
        write_round(round);
        if (waitpid(pager, &status, WNOHANG) == pager)
            return status;
    }
    if (waitpid(pager, &status, 0) != pager)
        die_errno(1, "wait for the pager");
    return status;
}

int main(int argc, char **argv)
{
    program_name = "pager-snapshot";
    if (argc != 2 || strcmp(argv[1], "--demo"))
        die(2, "usage: pager-snapshot --demo");
    if (demo())
        die(1, "the pager failed");
    return 0;
}
