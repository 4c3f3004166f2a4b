/* A pager task that does one thing over and over until it is killed. */
#pragma once

#include <time.h>

#include "uffd_util.h"

/* It has begun when this returns. */
static inline pid_t pager_start(void (*call)(void))
{
    volatile int *busy = map_shared(1);
    pid_t pid = fork();

    must(pid >= 0);
    if (!pid) {
        *busy = 1;
        for (;;)
            call();
    }
    while (!*busy)
        sched_yield();
    munmap((void *)busy, PAGE);
    return pid;
}

/* ns from now, and after what goes on before. */
static inline void pager_kill_after(pid_t pid, long ns, void (*before)(void))
{
    struct timespec time = {0, ns};

    nanosleep(&time, NULL);
    if (before)
        before();
    must(!kill(pid, SIGKILL));
    must(wait_status(pid) == 1000 + SIGKILL);
}
