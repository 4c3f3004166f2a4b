/*
 * Looking while things change: one thread reads and clears everything of its
 * own address space while another maps, faults, forks and unmaps; children are
 * read until they are gone.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>

#include "proc.h"

#define ROUNDS   40
#define CHILDREN 16
#define PAGES    24

static volatile int stop;
static volatile long reads, bad;

/* Reads a whole file; counts it as bad if a read fails but for ESRCH. */
static void drain(const char *path)
{
    static __thread char buffer[8192];
    int fd = open(path, O_RDONLY);
    ssize_t n;

    if (fd < 0) {
        bad += errno != ENOENT && errno != ESRCH;
        return;
    }
    while ((n = read(fd, buffer, sizeof(buffer))) > 0)
        reads++;
    bad += n < 0 && errno != ESRCH;
    close(fd);
}

static void look_around(const char *who, const void *at)
{
    static const char *const files[] = {"maps",   "smaps", "smaps_rollup",
                                        "status", "statm", "stat"};
    unsigned long entries[64];
    char path[64];
    int fd;

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        snprintf(path, sizeof(path), "/proc/%s/%s", who, files[i]);
        drain(path);
    }
    snprintf(path, sizeof(path), "/proc/%s/pagemap", who);
    fd = open(path, O_RDONLY);
    if (fd < 0)
        return;
    bad +=
        pread(fd, entries, sizeof(entries), (unsigned long)at / PAGE * 8) < 0;
    close(fd);
}

static void *looker(void *area)
{
    while (!stop) {
        look_around("self", area);
        bad += proc_store("/proc/self/clear_refs", "1") != 0;
        bad += proc_store("/proc/self/clear_refs", "4") != 0;
        sched_yield();
    }
    return NULL;
}

/* One life of a few pages: what is written is read, whoever looks. */
static int live(char *area, int round)
{
    int right = 1;

    must(mmap(area, PAGES * PAGE, PROT_READ | PROT_WRITE,
              MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == area);
    for (int i = 0; i < PAGES; i += 2)
        area[i * PAGE] = (char)(round + i);
    must(mprotect(area + 3 * PAGE, 5 * PAGE, PROT_READ) == 0);
    must(mprotect(area + 3 * PAGE, 5 * PAGE, PROT_READ | PROT_WRITE) == 0);
    for (int i = 0; i < PAGES; i += 2) {
        right &= area[i * PAGE] == (char)(round + i);
        area[i * PAGE] = (char)(round + i + 1);
    }
    if (round % 8 == 0) {
        pid_t child = fork();

        must(child >= 0);
        if (!child)
            _exit(area[0] == (char)(round + 1));
        right &= wait_status(child) == 1;
    }
    for (int i = 0; i < PAGES; i += 2)
        right &= area[i * PAGE] == (char)(round + i + 1);
    must(munmap(area + PAGE, 4 * PAGE) == 0);
    return right;
}

static void test_own_space(void)
{
    char *area = map_pages(PAGES);
    pthread_t thread;
    int right = 1;

    stop = 0;
    must(pthread_create(&thread, NULL, looker, area) == 0);
    for (int round = 0; round < ROUNDS || reads < 40; round++) {
        right &= live(area, round);
        if (round % 4 == 0)
            sched_yield();
    }
    stop = 1;
    must(pthread_join(thread, NULL) == 0);
    ok(right, "every byte stayed what it was");
    is(bad, 0, "every read worked");
    ok(reads >= 40, "and there were many");
}

/* Children that map and end while they are looked at. */
static void test_children(void)
{
    char *area = map_pages(PAGES), who[16];

    bad = 0;
    for (int i = 0; i < CHILDREN; i++) {
        pid_t child = fork();

        must(child >= 0);
        if (!child) {
            for (int round = 0; round < 3 + i % 5; round++)
                live(area, 1 + 8 * round);
            _exit(0);
        }
        snprintf(who, sizeof(who), "%d", child);
        for (int n = 0; n < 1 + i % 4; n++) {
            look_around(who, area);
            sched_yield();
        }
        if (i % 3 == 0)
            kill(child, SIGKILL);
        look_around(who, area);
        must(waitpid(child, NULL, 0) == child);
        look_around(who, area);
    }
    is(bad, 0, "children come and go");
}

int main(void)
{
    test_own_space();
    test_children();
    return done_testing();
}
