/*
 * RLIMIT_CPU: SIGXCPU at the soft limit, SIGKILL at the hard one, both of the
 * whole task's CPU time.
 */
#define _GNU_SOURCE
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "probe.h"

static volatile int never;

static int burn(void *limits)
{
    must(!setrlimit(RLIMIT_CPU, limits));
    while (!never)
        ;
    return 0;
}

static volatile int count;

static void note(int number)
{
    (void)number;
    count++;
}

/* Told at once, and the next limit lies a second later. */
static int handles(void *unused)
{
    struct rlimit limit = {0, 10}, now;

    (void)unused;
    signal(SIGXCPU, note);
    must(!setrlimit(RLIMIT_CPU, &limit));
    while (!count)
        ;
    must(!getrlimit(RLIMIT_CPU, &now));
    return (int)now.rlim_cur * 10 + count;
}

int main(void)
{
    struct rlimit hard = {1, 1}, now;

    is(in_child(handles, NULL), 11, "SIGXCPU at the soft limit");
    is(in_child(burn, &hard), 1000 + SIGKILL, "SIGKILL at the hard one");
    must(!getrlimit(RLIMIT_CPU, &now));
    ok(now.rlim_cur == RLIM_INFINITY, "no limit at first");
    return done_testing();
}
