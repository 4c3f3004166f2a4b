/*
 * Whom the end of memory kills: the largest, page tables counted and mere
 * address space not; a child of vfork(2) that has not called execve(2) yet is
 * not asked, however it stands. It is not the one who wanted the last page.
 */
#define _GNU_SOURCE
#include "proc.h"

#include <sys/sysinfo.h>

#define ANON  (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)
#define TABLE (512 * PAGE) /* what one page table translates */
#define SPACE (64UL << 30)

static struct {
    volatile int ready, stop;
} * shared;

static size_t percent; /* of what was free, in pages */

static char *map(size_t size)
{
    char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, ANON, -1, 0);

    if (at == MAP_FAILED)
        _exit(1);
    return at;
}

static void touch(char *at, size_t pages, size_t step)
{
    for (size_t i = 0; i < pages; i++)
        at[i * step] = 1;
}

/* Waits to be killed, or for the end. */
static void rest(void)
{
    __atomic_fetch_add(&shared->ready, 1, __ATOMIC_SEQ_CST);
    while (shared->stop < 2)
        usleep(1000);
    _exit(0);
}

static void has_half(void)
{
    touch(map(50 * percent * PAGE), 50 * percent, PAGE);
    rest();
}

static void has_a_third(void)
{
    touch(map(33 * percent * PAGE), 33 * percent, PAGE);
    rest();
}

static void has_address_space(void)
{
    touch(map(SPACE), 1, PAGE);
    rest();
}

/* As many page tables as pages. */
static void has_tables(void)
{
    touch(map(24 * percent * TABLE), 24 * percent, TABLE);
    rest();
}

static void has_no_program_yet(void)
{
    pid_t pid = vfork();

    if (!pid) {
        if (proc_store("/proc/self/oom_score_adj", "1000"))
            _exit(1);
        rest();
    }
    _exit(2);
}

static pid_t start(void (*work)(void), int count)
{
    pid_t pid = fork();

    must(pid >= 0);
    if (!pid)
        work();
    while (__atomic_load_n(&shared->ready, __ATOMIC_SEQ_CST) < count)
        usleep(1000);
    return pid;
}

/* Takes what is left, page by page, until somebody has been killed for it. */
static void takes_the_rest(void)
{
    char *at = map(SPACE);

    for (size_t i = 0; !shared->stop; i++)
        at[i * PAGE] = 1;
    _exit(0);
}

/* The same, but in an object that nobody maps. */
static void writes_the_rest(void)
{
    int fd = memfd_create("rest", 0);
    char *from = map(16 * PAGE);

    while (!shared->stop)
        if (write(fd, from, 16 * PAGE) != 16 * PAGE)
            _exit(1);
    _exit(0);
}

/* Starts them in turn; FIRST is to be killed, and nobody else. */
static void race(void (*first)(void), void (*second)(void), void (*taker)(void),
                 const char *what)
{
    pid_t one, two, last, killed;
    int status;

    shared->ready = shared->stop = 0;
    one = start(first, 1);
    two = start(second, 2);
    last = start(taker, 2);
    killed = waitpid(-1, &status, 0);
    shared->stop = 1;
    ok(killed == one && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
       "%s", what);
    is(killed == last ? -1 : wait_status(last), 0, "who asked goes on");
    is(waitpid(two, &status, WNOHANG), 0, "the other is left");
    shared->stop = 2;
    wait_status(two);
}

int main(void)
{
    struct sysinfo info;

    must(!sysinfo(&info));
    percent = info.freeram * info.mem_unit / PAGE / 100;
    shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    race(has_half, has_a_third, takes_the_rest, "the largest is killed");
    race(has_half, has_address_space, takes_the_rest,
         "address space is not memory");
    race(has_tables, has_a_third, takes_the_rest, "page tables are");
    race(has_half, has_no_program_yet, takes_the_rest,
         "a child of vfork is not asked");
    race(has_half, has_a_third, writes_the_rest, "so is it for a write");
    return done_testing();
}
