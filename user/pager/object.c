/*
 * pager-object --demo: an object with a pager, larger than the frames it may
 * use. Two tasks have it mapped, each in its own address space, and read and
 * write it, also by read(2) and write(2); the pager, a third task, keeps what
 * does not fit in an object that stands for a disk.
 *
 * Faultline's own calls: docs/object-pagers.md. A miss, from wherever, is one
 * message; a page brought once is there for both. The kernel tells which pages
 * get dirty and refuses to evict one that is: it is cleaned, read and saved
 * first, in this order, so that a write in between makes it dirty again.
 */
#include <errno.h>
#include <faultline/object_pager.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "sys.h"
#include "uffd.h"

#define PAGES  512
#define FRAMES 64
#define STEPS  2000 /* of each task */

static int uffd, object, disk;
static char *region;

/* What the tasks tell each other. */
static volatile struct {
    int done[2];
    unsigned long misses, saved, dropped, told;
} * notes;

/* ---- the pager ---- */

static unsigned long ring[FRAMES]; /* pages in memory, first in first out */
static unsigned oldest, resident;
static unsigned char dirty[PAGES]; /* as far as we have been told */

static int request(unsigned long what, unsigned long page, const void *source)
{
    struct uffdio_fl_object c = {.fd = object,
                                 .offset = page * PAGE_SIZE,
                                 .len = PAGE_SIZE,
                                 .src = (unsigned long)source};

    return ioctl(uffd, what, &c);
}

static void save(unsigned long page)
{
    static char bytes[PAGE_SIZE];

    if (request(UFFDIO_FL_CLEAN, page, NULL) < 0)
        die_errno(1, "cleaning page %lu", page);
    dirty[page] = 0;
    if (pread(object, bytes, PAGE_SIZE, page * PAGE_SIZE) != PAGE_SIZE ||
        pwrite(disk, bytes, PAGE_SIZE, page * PAGE_SIZE) != PAGE_SIZE)
        die_errno(1, "saving page %lu", page);
    notes->saved++;
}

/* One page leaves; those written while we look stay, and are the newest. */
static void make_room(void)
{
    for (;;) {
        unsigned long page = ring[oldest];

        if (dirty[page])
            save(page);
        oldest = (oldest + 1) % FRAMES;
        if (!request(UFFDIO_FL_EVICT, page, NULL))
            break;
        if (errno != EBUSY)
            die_errno(1, "evicting page %lu", page);
        dirty[page] = 1;
        ring[(oldest + resident - 1) % FRAMES] = page;
    }
    notes->dropped++;
    resident--;
}

static void bring(unsigned long page)
{
    static char bytes[PAGE_SIZE];

    if (resident == FRAMES)
        make_room();
    if (pread(disk, bytes, PAGE_SIZE, page * PAGE_SIZE) != PAGE_SIZE)
        die_errno(1, "reading page %lu", page);
    if (request(UFFDIO_FL_FILL, page, bytes) < 0)
        die_errno(1, "filling page %lu", page);
    ring[(oldest + resident++) % FRAMES] = page;
    notes->misses++;
}

static void serve(const struct uffd_fl_object_msg *message)
{
    unsigned long page = message->offset / PAGE_SIZE;

    switch (message->event) {
    case UFFD_EVENT_FL_MISS:
        bring(page);
        break;
    case UFFD_EVENT_FL_DIRTY:
        notes->told += message->info / PAGE_SIZE;
        memset(dirty + page, 1, message->info / PAGE_SIZE);
        break;
    default:
        die(1, "unexpected event %#x", message->event);
    }
}

static _Noreturn void serve_all(pid_t client)
{
    struct uffd_msg messages[UFFD_MESSAGES];

    for (;;) {
        int count = uffd_wait(uffd, client, messages);

        for (int i = 0; i < count; i++)
            serve((const struct uffd_fl_object_msg *)&messages[i]);
    }
}

/* ---- the tasks ---- */

static unsigned count_of[PAGES]; /* that this task has written */

/* Each task has a word of its own in every page. */
static void step(int who, unsigned seed)
{
    unsigned page = seed % PAGES, value = 0;
    volatile unsigned *word =
        (volatile unsigned *)(region + page * PAGE_SIZE) + who;
    off_t at = page * PAGE_SIZE + who * sizeof(value);

    if (seed >> 12 & 1)
        value = *word;
    else if (pread(object, &value, sizeof(value), at) != sizeof(value))
        die_errno(1, "read of page %u", page);
    if (value != count_of[page])
        die(1, "page %u has %u, not %u", page, value, count_of[page]);
    if (seed >> 13 & 1)
        return;
    value = ++count_of[page];
    if (seed >> 14 & 1)
        *word = value;
    else if (pwrite(object, &value, sizeof(value), at) != sizeof(value))
        die_errno(1, "write of page %u", page);
}

static void check_frames(void)
{
    struct stat info;

    if (fstat(object, &info) < 0)
        die_errno(1, "fstat");
    if (info.st_blocks > (long)(FRAMES * PAGE_SIZE / 512))
        die(1, "%ld blocks in use", (long)info.st_blocks);
}

static void work(int who)
{
    unsigned seed = who + 1;

    for (int i = 0; i < STEPS; i++) {
        seed = seed * 1664525 + 1013904223;
        /* Half of the steps go to an eighth of the pages. */
        step(who, seed >> 30 & 1 ? seed >> 8
                                 : (seed >> 8 & ~(PAGES - 1u)) |
                                       (seed >> 8) % (PAGES / 8));
        check_frames();
    }
    for (unsigned page = 0; page < PAGES; page++)
        step(who, page | 3 << 12);
    notes->done[who] = 1;
    while (!notes->done[!who])
        sched_yield();
}

static pid_t start(void (*run)(pid_t parent))
{
    pid_t me = getpid(), pid = fork();

    if (pid < 0)
        die_errno(2, "fork");
    if (!pid) {
        run(me);
        exit(0);
    }
    return pid;
}

static void run_pager(pid_t client)
{
    serve_all(client);
}

static void run_second(pid_t client)
{
    (void)client;
    close(uffd);
    work(1);
}

static int new_object(const char *name)
{
    int fd = syscall(SYS_memfd_create, name, 0);

    if (fd < 0 || ftruncate(fd, PAGES * PAGE_SIZE) < 0)
        die_errno(2, "memory object of %d pages", PAGES);
    return fd;
}

static void demo(void)
{
    struct uffdio_fl_bind b = {.flags = UFFD_FL_BIND_DIRTY, .limit = FRAMES};
    pid_t pager, second;
    int status;

    notes = map_or_die(PAGE_SIZE, MAP_SHARED | MAP_ANONYMOUS, -1);
    disk = new_object("disk");
    b.fd = object = new_object("paged");
    uffd = uffd_open(0);
    if (ioctl(uffd, UFFDIO_FL_BIND, &b) < 0)
        die_errno(2, "UFFDIO_FL_BIND (only Faultline has it)");
    region = map_or_die(PAGES * PAGE_SIZE, MAP_SHARED, object);
    printf("object: %d pages in %d frames, 2 tasks\n", PAGES, FRAMES);
    fflush(stdout);
    pager = start(run_pager);
    second = start(run_second);
    close(uffd); /* If the pager dies, nobody waits for it. */
    work(0);
    if (waitpid(second, &status, 0) != second || status)
        die(1, "the second task failed");
    kill(pager, SIGKILL);
    waitpid(pager, NULL, 0);
    printf("object: %lu misses served, %lu pages told dirty, %lu saved, %lu "
           "evicted\n",
           notes->misses, notes->told, notes->saved, notes->dropped);
    puts("object: both tasks read what they wrote, in mappings and by read(2)");
}

int main(int argc, char **argv)
{
    program_name = "pager-object";
    if (argc != 2 || strcmp(argv[1], "--demo"))
        die(2, "usage: pager-object --demo");
    demo();
    return 0;
}
