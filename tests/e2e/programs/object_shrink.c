/*
 * When memory is short the pagers of objects are asked to shrink them, before
 * any task is killed. To be run with 64 MiB. Prints TAP.
 */
#include "object_util.h"

#include <faultline/prctl.h>
#include <sys/prctl.h>
#include <sys/sysinfo.h>

enum {
    COUNT = 4096,
    MORE = 2048 /* pages wanted beyond those that are free */
};

static volatile int *asked;

/* Gives all it has, when asked. */
static void serve_shrinking(void)
{
    for (;;) {
        *asked += !*asked; /* and what is touched here, is there */
        must(message(1).event == UFFD_EVENT_FL_SHRINK);
        must(!evict(0, COUNT));
        ++*asked;
    }
}

static long pages_free(void)
{
    struct sysinfo info;

    must(!sysinfo(&info));
    return info.freeram * info.mem_unit / PAGE;
}

/* 0: the pages were there, in the end, and the pager still is. */
static int want_more(void *of_group)
{
    long want = MORE;
    pid_t pid;
    char *at;

    *asked = 0;
    if (of_group)
        must(!prctl(PR_MEMORY_GROUP, PR_GROUP_CREATE, COUNT + MORE / 2));
    object_new(COUNT, 0, 0);
    must(!request(UFFDIO_FL_FILL, UFFD_FL_MODE_ZERO, 0, COUNT, NULL, NULL));
    pid = fork();
    if (!pid)
        serve_shrinking();
    while (!*asked)
        sched_yield();
    if (!of_group)
        want += pages_free();
    at = mmap(NULL, want * PAGE, RW,
              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    must(at != MAP_FAILED);
    for (long i = 0; i < want; i++)
        at[i * PAGE] = 1;
    kill(pid, SIGKILL);
    return wait_status(pid) != 1000 + SIGKILL;
}

int main(void)
{
    alarm(60);
    asked = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    is(in_child(want_more, NULL), 0, "there is more than was free");
    ok(*asked > 1, "for the pager is asked, and gives");
    is(in_child(want_more, (void *)1), 0, "the same in a memory group");
    ok(*asked > 1, "with a limit of its own");
    return done_testing();
}
