/*
 * pager-dirty --demo: finds out, round by round, which pages another task has
 * written, without stopping it once.
 *
 * With UFFD_FEATURE_WP_ASYNC the kernel itself lifts the protection at the
 * first write: the task notices nothing, and bit 57 of its pagemap is clear
 * for every page written since the last UFFDIO_WRITEPROTECT.
 *
 * The task keeps a list of what it writes; the tracker, which has only the
 * userfaultfd and the pagemap, must come to the same list.
 */
#define _GNU_SOURCE /* MADV_DONTFORK */
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "sys.h"
#include "uffd.h"

#define PAGES          1024
#define ROUNDS         5
#define PAGEMAP_UFFDWP (1UL << 57)
#define RANGES_SHOWN   4

static volatile struct {
    unsigned ended, seen; /* rounds: by the task, by the tracker */
    /* Only for the check: what the task says it wrote in this round. */
    unsigned char written[PAGES];
} * shared;

static char *region; /* the task's */
static int uffd;

/* Sets FOUND for every page not protected any more, and protects it again. */
static unsigned collect(int pagemap, unsigned char *found)
{
    static uint64_t entries[PAGES];
    off_t first = (unsigned long)region / PAGE_SIZE * sizeof(entries[0]);
    unsigned count = 0;

    if (pread(pagemap, entries, sizeof(entries), first) != sizeof(entries))
        die_errno(1, "read of the pagemap");
    for (unsigned page = 0; page < PAGES; page++) {
        found[page] = !(entries[page] & PAGEMAP_UFFDWP);
        if (!found[page])
            continue;
        count++;
        uffd_protect(uffd, (unsigned long)region + page * PAGE_SIZE, PAGE_SIZE,
                     1);
    }
    return count;
}

static void show(unsigned round, unsigned count, const unsigned char *found)
{
    unsigned ranges = 0;

    printf("round %u: %4u pages written:", round, count);
    for (unsigned page = 0; page < PAGES; page++) {
        unsigned first = page;

        if (!found[page] || ranges > RANGES_SHOWN)
            continue;
        while (page + 1 < PAGES && found[page + 1])
            page++;
        if (ranges++ == RANGES_SHOWN)
            printf(" ...");
        else if (first == page)
            printf(" %u", first);
        else
            printf(" %u-%u", first, page);
    }
    puts(count ? "" : " none");
    fflush(stdout);
}

static _Noreturn void track(pid_t task)
{
    unsigned char found[PAGES];
    char path[32];
    int pagemap;

    snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)task);
    pagemap = open(path, O_RDONLY);
    if (pagemap < 0)
        die_errno(2, "%s", path);
    for (unsigned round = 1; round <= ROUNDS; round++) {
        unsigned count;

        while (shared->ended < round) {
            if (getppid() != task)
                die(1, "the task is gone");
            sched_yield();
        }
        count = collect(pagemap, found);
        show(round, count, found);
        if (memcmp(found, (void *)shared->written, PAGES) != 0)
            die(1, "that is not what the task wrote");
        shared->seen = round;
    }
    puts("dirty: every page written was found, and no other");
    exit(0);
}

static void write_page(unsigned page)
{
    region[page * PAGE_SIZE + page % PAGE_SIZE]++;
    shared->written[page] = 1;
}

/* All; none; every 37th; a block, read around it; scattered ones. */
static void work(unsigned round)
{
    static unsigned seed = 1;
    unsigned long sum = 0;

    memset((void *)shared->written, 0, PAGES);
    for (unsigned page = 0; page < PAGES; page++) {
        sum += *(volatile char *)(region + page * PAGE_SIZE);
        if (round == 1 || (round == 3 && page % 37 == 0) ||
            (round == 4 && page >= 100 && page < 180))
            write_page(page);
    }
    for (int i = 0; round == 5 && i < 200; i++) {
        seed = seed * 1664525 + 1013904223;
        write_page((seed >> 8) % PAGES);
    }
    (void)sum;
}

static int demo(void)
{
    pid_t task = getpid(), tracker;
    int status;

    uffd = uffd_open(UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_WP_ASYNC |
                     UFFD_FEATURE_WP_UNPOPULATED);
    shared = map_or_die(sizeof(*shared), MAP_SHARED | MAP_ANONYMOUS, -1);
    region = map_or_die(PAGES * PAGE_SIZE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (madvise(region, PAGES * PAGE_SIZE, MADV_DONTFORK) < 0)
        die_errno(2, "madvise");
    uffd_register(uffd, region, PAGES * PAGE_SIZE, UFFDIO_REGISTER_MODE_WP);
    uffd_protect(uffd, (unsigned long)region, PAGES * PAGE_SIZE, 1);
    tracker = fork();
    if (tracker < 0)
        die_errno(2, "fork");
    if (!tracker)
        track(task);
    for (unsigned round = 1; round <= ROUNDS; round++) {
        work(round);
        shared->ended = round;
        while (shared->seen < round) {
            if (waitpid(tracker, &status, WNOHANG) == tracker)
                return status;
            sched_yield();
        }
    }
    if (waitpid(tracker, &status, 0) != tracker)
        die_errno(1, "wait for the tracker");
    return status;
}

int main(int argc, char **argv)
{
    program_name = "pager-dirty";
    if (argc != 2 || strcmp(argv[1], "--demo"))
        die(2, "usage: pager-dirty --demo");
    if (demo())
        die(1, "the tracker failed");
    return 0;
}
