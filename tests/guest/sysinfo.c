/*
 * sysinfo(2) and uname(2): what they tell agrees with the clock, with memory
 * that is taken and with tasks that are made.
 */
#define _GNU_SOURCE
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>

#include "probe.h"

#define TAKEN (16UL << 20)

static struct sysinfo now(void)
{
    struct sysinfo s;

    memset(&s, 0xee, sizeof(s));
    must(!sysinfo(&s));
    return s;
}

static unsigned long free_bytes(void)
{
    struct sysinfo s = now();

    return s.freeram * s.mem_unit;
}

static void test_clock(void)
{
    struct timespec before, after;
    long uptime;

    must(!clock_gettime(CLOCK_BOOTTIME, &before));
    uptime = now().uptime;
    must(!clock_gettime(CLOCK_BOOTTIME, &after));
    ok(uptime >= before.tv_sec && uptime <= after.tv_sec + 1,
       "the time since boot");
}

static void test_memory(void)
{
    struct sysinfo s = now();
    unsigned long before;
    char *pages;

    ok(s.mem_unit > 0, "a unit");
    ok(s.totalram * s.mem_unit >= 32UL << 20, "some memory");
    ok(s.freeram > 0 && s.freeram < s.totalram, "part of it free");
    is(s.totalhigh, 0, "no high memory");
    is(s.freehigh, 0, "none free");
    ok(s.freeswap <= s.totalswap, "swap, if there is any");
    before = free_bytes();
    pages = map_pages(TAKEN / PAGE);
    memset(pages, 1, TAKEN);
    ok(free_bytes() + TAKEN * 3 / 4 <= before, "memory that is taken");
    munmap(pages, TAKEN);
}

static void test_tasks(void)
{
    int before = now().procs, during;
    pid_t pid[3];

    for (int i = 0; i < 3; i++) {
        pid[i] = fork();
        must(pid[i] >= 0);
        if (!pid[i])
            for (;;)
                pause();
    }
    during = now().procs;
    for (int i = 0; i < 3; i++) {
        kill(pid[i], SIGKILL);
        must(wait_status(pid[i]) == 1000 + SIGKILL);
    }
    ok(before > 0, "some tasks");
    ok(during >= before + 2, "more, when there are more (%d, %d)", before,
       during);
}

static void test_names(void)
{
    struct utsname a, b;

    memset(&a, 0xee, sizeof(a));
    memset(&b, 0x11, sizeof(b));
    must(!uname(&a) && !uname(&b));
    ok(!strcmp(a.sysname, b.sysname) && !strcmp(a.release, b.release) &&
           !strcmp(a.version, b.version) && !strcmp(a.nodename, b.nodename),
       "the names stay");
    is(strcmp(a.machine, "x86_64"), 0, "the machine");
    is(syscall(SYS_uname, (char *)-1), -1, "nowhere");
}

int main(void)
{
    test_clock();
    test_memory();
    test_tasks();
    test_names();
    return done_testing();
}
