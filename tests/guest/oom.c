/*
 * Out of memory: a child that takes all there is gets killed, by the fault of
 * its own or in a system call of its own, and nobody else notices.
 * oom_score_adj says who goes first, and fork hands it on.
 */
#define _GNU_SOURCE
#include "proc.h"

#include <sys/random.h>
#include <sys/uio.h>

#define MIB   (1UL << 20)
#define ADJ   "/proc/self/oom_score_adj"
#define SCORE "/proc/self/oom_score"

static long number(const char *path)
{
    must(proc_read_all(path) > 0);
    return atol(proc_text);
}

static char *chunk(void)
{
    return mmap(NULL, MIB, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

/* Takes memory until there is no more, which it does not live to see. */
static int hog(void *adj)
{
    if (adj && proc_store(ADJ, adj))
        return 1;
    for (;;) {
        char *pages = chunk();

        if (pages == MAP_FAILED)
            return 2;
        for (size_t at = 0; at < MIB; at += PAGE)
            pages[at] = 1;
    }
}

/* The kernel writes the pages, and so the fault is in a user copy. */
static int copy_hog(void *unused)
{
    (void)unused;
    for (;;) {
        char *pages = chunk();

        if (pages == MAP_FAILED)
            return 2;
        for (size_t at = 0; at < MIB; at += PAGE)
            if (getrandom(pages + at + PAGE - 8, 8, 0) != 8)
                return 3;
    }
}

/* Another task's pages, which happen to be ours, are taken hold of first. */
static int pin_hog(void *unused)
{
    char byte = 1;

    (void)unused;
    for (;;) {
        char *pages = chunk();

        if (pages == MAP_FAILED)
            return 2;
        for (size_t at = 0; at < MIB; at += PAGE) {
            struct iovec from = {&byte, 1}, to = {pages + at, 1};

            if (process_vm_writev(getpid(), &from, 1, &to, 1, 0) != 1)
                return 3;
        }
    }
}

/* Shared memory is as real. */
static int shared_hog(void *unused)
{
    (void)unused;
    for (;;) {
        char *pages = mmap(NULL, MIB, PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        if (pages == MAP_FAILED)
            return 2;
        for (size_t at = 0; at < MIB; at += PAGE)
            pages[at] = 1;
    }
}

static void test_hogs(void)
{
    char *page = map_pages(1);

    page[0] = 5;
    is(in_child(hog, NULL), 1000 + SIGKILL, "a hog is killed");
    is(in_child(copy_hog, NULL), 1000 + SIGKILL, "so is one in system calls");
    is(in_child(pin_hog, NULL), 1000 + SIGKILL, "and one in another task");
    is(in_child(shared_hog, NULL), 1000 + SIGKILL, "and one of shared memory");
    is(page[0], 5, "we go on");
    munmap(page, PAGE);
}

static void test_adj(void)
{
    is(number(ADJ), 0, "no adjustment at first");
    is(proc_store(ADJ, "1001"), EINVAL, "1000 is the most");
    is(proc_store(ADJ, "-1001"), EINVAL, "-1000 the least");
    is(proc_store(ADJ, "500"), 0, "500");
    is(number(ADJ), 500, "is 500");
    ok(number(SCORE) > 900, "the score follows: %ld", number(SCORE));
    is(proc_store(ADJ, "-1000"), 0, "never");
    is(number(SCORE), 0, "has score 0");
    is(proc_store(ADJ, "0"), 0, "and back");
}

static int has_adj(void *adj)
{
    return number(ADJ) == atol(adj);
}

static int fork_has_adj(void *adj)
{
    return !proc_store(ADJ, adj) && in_child(has_adj, adj);
}

/* Waits to be killed. */
static int bystander(const char *adj)
{
    pid_t pid = fork();

    must(pid >= 0);
    if (pid)
        return pid;
    if (proc_store(ADJ, adj))
        _exit(1);
    for (;;)
        pause();
}

static void test_choice(void)
{
    pid_t pid = bystander("1000");
    char path[64];

    ok(in_child(fork_has_adj, (void *)"300"), "fork hands it on");
    snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", pid);
    while (number(path) != 1000)
        usleep(1000);
    is(in_child(hog, (void *)"-500"), 1000 + SIGKILL, "a hog of good standing");
    is(wait_status(pid), 1000 + SIGKILL, "goes after a task of bad standing");
}

int main(void)
{
    test_adj();
    test_hogs();
    test_choice();
    return done_testing();
}
