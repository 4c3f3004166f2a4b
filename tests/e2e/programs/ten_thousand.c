/*
 * Ten thousand threads that wait for pages of one descriptor: all are served,
 * in order or backwards, woken by its end, or killed; what each of them costs
 * is little more than with a thousand. Needs 512M, or 1G on Linux, where the
 * cost is not flat and so, as with several processors, not checked. Prints TAP.
 */
#define _GNU_SOURCE
#include <sys/utsname.h>
#include <x86intrin.h>

#include "crowd.h"

enum {
    FEW = 1000,
    MANY = 10000
};

static char *pages;
static int fd;
static int ended; /* atomic: of the threads */

static void gather(int count)
{
    pages = map_pages(count);
    fd = uffd_new(O_NONBLOCK);
    must(!uffd_register(fd, pages, count * PAGE));
    ended = 0;
    for (int i = 0; i < count; i++)
        wait_start(pages + i * PAGE, &ended);
    await_faults(fd, count);
}

/* All have ended; the cycles that each took since. */
static long await(int count, unsigned long long since)
{
    while (__atomic_load_n(&ended, __ATOMIC_RELAXED) < count)
        sched_yield();
    return (long)((__rdtsc() - since) / count);
}

static void leave(int count)
{
    close(fd);
    munmap(pages, count * PAGE);
}

/* Reads all messages, one page after the other: how many there were. */
static int read_all(int count, char **order)
{
    struct uffd_msg messages[64];
    int n = 0;
    ssize_t got;

    while ((got = read(fd, messages, sizeof(messages))) > 0)
        for (int i = 0; i < got / (int)sizeof(messages[0]) && n < count; i++)
            order[n++] = (char *)messages[i].arg.pagefault.address;
    return n;
}

static char *order[MANY];

/* The last first: for a queue in order of arrival the worst. */
static long serve_backwards(int count)
{
    unsigned long long begin;

    gather(count);
    begin = __rdtsc();
    must(read_all(count, order) == count);
    for (int i = count - 1; i >= 0; i--)
        must(!uffd_zero(fd, order[i], PAGE, NULL));
    return await(count, begin);
}

static long serve_in_turn(int count)
{
    unsigned long long begin;
    struct uffd_msg message;

    gather(count);
    begin = __rdtsc();
    while (read(fd, &message, sizeof(message)) > 0)
        must(!uffd_zero(fd, (char *)message.arg.pagefault.address, PAGE, NULL));
    return await(count, begin);
}

static long close_it(int count)
{
    unsigned long long begin;

    gather(count);
    begin = __rdtsc();
    close(fd);
    return await(count, begin);
}

/* Both read and not. */
static long serve_at_once(int count)
{
    unsigned long long begin;
    struct uffd_msg messages[64];

    gather(count);
    begin = __rdtsc();
    must(read(fd, messages, sizeof(messages)) == sizeof(messages));
    must(!uffd_zero(fd, pages, count * PAGE, NULL));
    return await(count, begin);
}

static long kill_them(int count)
{
    volatile int *go = map_shared(1);
    unsigned long long begin;
    pid_t pid = fork();

    must(pid >= 0);
    if (!pid) {
        gather(count);
        *go = 1;
        do_nothing(NULL);
    }
    while (!*go)
        usleep(1000);
    begin = __rdtsc();
    must(!kill(pid, SIGKILL));
    must(wait_status(pid) == 1000 + SIGKILL);
    munmap((void *)go, PAGE);
    return (long)((__rdtsc() - begin) / count);
}

static void test(const char *what, long (*serve)(int), int leaves)
{
    struct utsname name;
    long few = serve(FEW), many;

    if (leaves)
        leave(FEW);
    many = serve(MANY);
    if (leaves)
        leave(MANY);
    must(!uname(&name));
    diag("%s: %ld cycles each, %ld of a thousand", what, many, few);
    ok(strcmp(name.sysname, "Faultline") || sysconf(_SC_NPROCESSORS_ONLN) > 1 ||
           many <= few + few / 4,
       "ten thousand threads, %s", what);
}

int main(void)
{
    test("served in turn", serve_in_turn, 1);
    test("served backwards", serve_backwards, 1);
    test("served at once", serve_at_once, 1);
    test("left by their pager", close_it, 0);
    test("killed", kill_them, 0);
    return done_testing();
}
