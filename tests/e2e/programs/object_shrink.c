/*
 * When memory is short the pagers of objects are asked to shrink them, before
 * any task is killed. To be run with 64 MiB. Prints TAP.
 */
#include "object_util.h"

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

int main(void)
{
    long want;
    pid_t pid;
    char *at;

    alarm(60);
    asked = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    *asked = 0;
    object_new(COUNT, 0, 0);
    must(!request(UFFDIO_FL_FILL, UFFD_FL_MODE_ZERO, 0, COUNT, NULL, NULL));
    pid = fork();
    if (!pid)
        serve_shrinking();
    while (!*asked)
        sched_yield();
    want = pages_free() + MORE;
    at = mmap(NULL, want * PAGE, RW,
              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    must(at != MAP_FAILED);
    for (long i = 0; i < want; i++)
        at[i * PAGE] = 1;
    ok(1, "there was more than was free");
    ok(*asked > 1, "for the pager was asked");
    ok(stat_of(object).st_blocks < COUNT * 8, "and gave");
    kill(pid, SIGKILL);
    is(wait_status(pid), 1000 + SIGKILL, "and lived");
    return done_testing();
}
