/*
 * A child goes to sleep in some way, is sent SIGKILL and must be dead of it
 * soon after. The first word of a shared page says that it is about to wait.
 */
#pragma once

#include <time.h>

#include "uffd_util.h"

#define SETTLE_NS 15000000 /* from the word to the wait itself */
#define LOOKS     400      /* at most so many, each this long: */
#define LOOK_NS   5000000

/* Shared with the children. */
static struct {
    volatile int waiting;
    volatile int grandchild;
    int word;
} * shared;

static inline void pass_time(long ns)
{
    struct timespec time = {0, ns};

    nanosleep(&time, NULL);
}

/* The child's status as wait_status() has it, -1 if it does not die. */
static inline int dies(pid_t pid)
{
    int status;

    for (int i = 0; i < LOOKS; i++) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            return WIFSIGNALED(status) ? 1000 + WTERMSIG(status)
                                       : WEXITSTATUS(status);
        pass_time(LOOK_NS);
    }
    return -1;
}

static inline void test_wait(const char *name, void (*wait)(void))
{
    pid_t pid;

    shared->waiting = shared->grandchild = 0;
    pid = fork();
    must(pid >= 0);
    if (!pid) {
        shared->waiting = 1;
        wait();
        _exit(3);
    }
    while (!shared->waiting)
        pass_time(LOOK_NS);
    pass_time(SETTLE_NS);
    must(!kill(pid, SIGKILL));
    is(dies(pid), 1000 + SIGKILL, "killed in: %s", name);
    if (shared->grandchild)
        kill(shared->grandchild, SIGKILL);
}
