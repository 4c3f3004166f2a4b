/*
 * process_mrelease(2): the memory of a task that is about to die is given back
 * before it comes to that itself. And MADV_PAGEOUT of memory that may be
 * dropped, which drops it.
 */
#include "mm_util.h"
#include "proc.h"

#include <signal.h>
#include <sys/eventfd.h>

#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE 8
#endif
#define PAGES 512

static long pidfd_open(pid_t pid)
{
    return syscall(434, pid, 0);
}

static long release(int fd, unsigned flags)
{
    return syscall(448, fd, flags);
}

/* A child that has touched its memory and waits. */
static pid_t waiting_child(void)
{
    int there = eventfd(0, 0);
    pid_t pid = fork();
    uint64_t n = 1;

    must(there >= 0 && pid >= 0);
    if (!pid) {
        memset(map_pages(PAGES), 1, PAGES * PAGE);
        must(write(there, &n, 8) == 8);
        for (;;)
            pause();
    }
    must(read(there, &n, 8) == 8);
    close(there);
    return pid;
}

static void test_release(void)
{
    pid_t pid = waiting_child();
    int fd = (int)pidfd_open(pid);

    must(fd >= 0);
    fails(release(-1, 0), EBADF, "no descriptor");
    fails(release(0, 0), EBADF, "no descriptor of a task");
    fails(release(fd, 1), EINVAL, "there are no flags");
    fails(release(fd, 0), EINVAL, "the task is alive");
    must(!kill(pid, SIGKILL));
    ok(!release(fd, 0) || errno == ESRCH, "of a task that was killed");
    is(wait_status(pid), 1000 + SIGKILL, "it dies");
    fails(release(fd, 0), ESRCH, "now it has no memory any more");
    close(fd);
}

static void test_pageout(void)
{
    char *drop =
        mmap(NULL, PAGES * PAGE, RW, MAP_DROPPABLE | MAP_ANONYMOUS, -1, 0);
    char *keep = map_pages(PAGES);
    const char *status = "/proc/self/status";
    int tries = 20;
    long peak;

    must(drop != MAP_FAILED);
    memset(drop, 1, PAGES * PAGE);
    memset(keep, 1, PAGES * PAGE);
    peak = proc_number(status, "VmRSS");
    /* Linux may be holding a page in one of its lists for a moment. */
    do {
        must(!madvise(drop, PAGES * PAGE, MADV_PAGEOUT));
    } while (!all_bytes(drop, 0, PAGES * PAGE) && --tries && !usleep(10000));
    ok(all_bytes(drop, 0, PAGES * PAGE), "MAP_DROPPABLE memory is dropped");
    ok(proc_number(status, "VmHWM") >= peak - 1024,
       "which its high-water mark remembers");
    works(madvise(keep, PAGES * PAGE, MADV_PAGEOUT), "other memory");
    ok(all_bytes(keep, 1, PAGES * PAGE), "is not");
}

int main(void)
{
    test_release();
    test_pageout();
    return done_testing();
}
