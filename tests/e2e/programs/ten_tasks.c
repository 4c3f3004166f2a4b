/*
 * Ten thousand threads of ten tasks that wait for pages of one descriptor: all
 * are served, or, of five tasks, killed. The tasks share their memory, each
 * with a table of descriptors of its own; or they share an object with a
 * pager, and nothing else. Needs 512M. Prints TAP.
 */
#define _GNU_SOURCE
#include "object_util.h"

#include "crowd.h"

enum {
    TASKS = 10,
    THREADS = 1000,
    ALL = TASKS * THREADS
};

static char *pages;
static int *ended; /* atomic: of each task's threads */
static pid_t tasks[TASKS];

/* A task: its threads wait from page FIRST on. */
static int run_task(int task, int first)
{
    for (int i = 0; i < THREADS; i++)
        wait_start(pages + (first + i) * PAGE, ended + task);
    while (__atomic_load_n(ended + task, __ATOMIC_RELAXED) < THREADS)
        usleep(1000);
    return 0;
}

/* Killed or served: how many tasks have ended so. */
static int count_ended(int status)
{
    int n = 0;

    for (int i = 0; i < TASKS; i++)
        n += wait_status(tasks[i]) == (i < TASKS / 2 ? status : 0);
    return n;
}

static void kill_half(void)
{
    for (int i = 0; i < TASKS / 2; i++)
        must(!kill(tasks[i], SIGKILL));
}

/* Until ALL wait. Seldom asked: to count them keeps others from coming. */
static void await_all(void)
{
    while (uffd_count(pager, "total:") < ALL)
        usleep(20000);
}

static void begin(void)
{
    ended = map_shared(1);
}

static void end(void)
{
    munmap(ended, PAGE);
    munmap(pages, ALL * PAGE);
}

/* ---- one memory ---- */

static int run_sharing(void *task)
{
    return run_task((int)(long)task, (int)(long)task * THREADS);
}

static void test_memory(void)
{
    struct uffd_msg messages[64];
    int served = 0;
    ssize_t got;
    char *stacks = map_pages(TASKS * 4);

    begin();
    pages = map_pages(ALL);
    pager = uffd_new(O_NONBLOCK);
    must(!uffd_register(pager, pages, ALL * PAGE));
    for (long i = 0; i < TASKS; i++) {
        tasks[i] = clone(run_sharing, stacks + (i + 1) * 4 * PAGE,
                         CLONE_VM | SIGCHLD, (void *)i);
        must(tasks[i] > 0);
    }
    await_all();
    while ((got = read(pager, messages, sizeof(messages))) > 0)
        for (int i = 0; i < got / (int)sizeof(messages[0]); i++)
            served += !uffd_zero(
                pager, (char *)messages[i].arg.pagefault.address, PAGE, NULL);
    is(served, ALL, "ten tasks, one memory: each thread's page is asked for");
    is(count_ended(0), TASKS, "and all end");
    close(pager);
    munmap(stacks, TASKS * 4 * PAGE);
    end();
}

/* ---- one object ---- */

/* Two tasks each miss the same pages; one of them is killed, if any. */
static void gather(void)
{
    begin();
    object_new(ALL / 2, 0, 0);
    pages = object_map(MAP_SHARED, ALL / 2);
    for (int i = 0; i < TASKS; i++) {
        tasks[i] = fork();
        must(tasks[i] >= 0);
        if (!tasks[i])
            _exit(run_task(i, i % (TASKS / 2) * THREADS));
    }
    await_all();
}

/* How many pages were asked for. */
static int serve(void)
{
    struct uffd_fl_object_msg m;
    int n = 0;

    for (; (m = message(0)).event == UFFD_EVENT_FL_MISS; n++)
        must(!request(UFFDIO_FL_FILL, UFFD_FL_MODE_ZERO, m.offset / PAGE, 1,
                      NULL, NULL));
    return n;
}

static void test_object(int kills)
{
    int status = kills ? 1000 + SIGKILL : 0;

    gather();
    if (kills) {
        kill_half();
        while (uffd_count(pager, "total:") > ALL / 2)
            usleep(20000);
    }
    is(serve(), ALL / 2, "ten tasks, one object%s: each page is asked for once",
       kills ? ", half of them killed" : "");
    is(count_ended(status), TASKS, "and all end");
    object_end();
    end();
}

int main(void)
{
    test_memory();
    test_object(0);
    test_object(1);
    return done_testing();
}
