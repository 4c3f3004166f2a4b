/*
 * UFFDIO_MOVE: a page changes its place, untouched; which pages and areas are
 * refused; how far a move that fails half-way has come.
 */
#define _GNU_SOURCE
#include "uffd_util.h"

#include <sys/uio.h>

#define DONTWAKE UFFDIO_MOVE_MODE_DONTWAKE
#define HOLES    UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES

static char *pages, *from;
static int fd;

enum {
    COUNT = 4
};

/* COUNT pages to move from, all but the last with their number plus 1. */
static void set_up(void)
{
    pages = map_pages(COUNT);
    from = map_pages(COUNT);
    for (int i = 0; i < COUNT - 1; i++)
        memset(from + i * PAGE, i + 1, PAGE);
    fd = uffd_new_with(O_NONBLOCK, UFFD_FEATURE_MOVE);
    must(!uffd_register(fd, pages, COUNT * PAGE));
}

static void tear_down(void)
{
    close(fd);
    munmap(pages, COUNT * PAGE);
    munmap(from, COUNT * PAGE);
}

static int move_mode(void *to, void *start, size_t size, unsigned long mode,
                     long *moved)
{
    struct uffdio_move move = {
        .dst = (unsigned long)to,
        .src = (unsigned long)start,
        .len = size,
        .mode = mode,
        .move = 12345,
    };
    int result = uffd_ioctl(fd, UFFDIO_MOVE, &move);

    if (moved)
        *moved = move.move;
    return result;
}

static int move(void *to, void *start, size_t size)
{
    return move_mode(to, start, size, 0, NULL);
}

static void test_move(void)
{
    pthread_t thread;
    long moved;

    set_up();
    is(move_mode(pages, from, 2 * PAGE, 0, &moved), 0, "UFFDIO_MOVE");
    is(moved, 2 * PAGE, "tells how much it moved");
    ok(all_bytes(pages, 1, PAGE) && all_bytes(pages + PAGE, 2, PAGE),
       "the bytes are there");
    ok(all_bytes(from, 0, 2 * PAGE), "and no longer where they were");
    pages[0] = 'x';
    is(pages[0], 'x', "the page can be written");
    thread = thread_start(read_byte, pages + 2 * PAGE);
    must(uffd_next_page(fd) == pages + 2 * PAGE);
    must(!move(pages + 2 * PAGE, from + 2 * PAGE, PAGE));
    is(thread_join(thread), 3, "a waiting thread goes on with it");
    tear_down();
}

static void test_quiet(void)
{
    pthread_t thread;

    set_up();
    thread = thread_start(read_byte, pages);
    must(uffd_next_page(fd) == pages);
    is(move_mode(pages, from, PAGE, DONTWAKE, NULL), 0, "MODE_DONTWAKE");
    must(!uffd_wake(fd, pages, PAGE));
    is(thread_join(thread), 1, "UFFDIO_WAKE wakes");
    tear_down();
}

static void test_holes(void)
{
    char *untouched = map_pages(2);
    long moved;

    set_up();
    is(move_mode(pages + PAGE, from + 2 * PAGE, 2 * PAGE, 0, &moved), -EAGAIN,
       "a page that is not there");
    is(moved, PAGE, "ends it");
    is(move_mode(pages, from + 3 * PAGE, PAGE, 0, &moved), -ENOENT,
       "as the first one");
    is(moved, -ENOENT, "says so");
    is(move_mode(pages, from + 3 * PAGE, PAGE, HOLES, &moved), 0,
       "with ALLOW_SRC_HOLES");
    is(moved, PAGE, "it counts");
    is(uffd_poll(fd), 0, "and leaves a hole");
    is(uffd_fill(fd, pages, 'h'), 0, "to be filled");
    is(move(pages + 2 * PAGE, untouched, PAGE), -ENOENT, "no table either");
    is(move_mode(pages + 2 * PAGE, untouched, PAGE, HOLES, NULL), 0,
       "nor a need for one");
    munmap(untouched, 2 * PAGE);
    tear_down();
}

static void test_zero_page(void)
{
    set_up();
    is(from[3 * PAGE], 0, "a page that was only read");
    is(move(pages, from + 3 * PAGE, PAGE), 0, "moves");
    is(pages[0], 0, "as zeros");
    pages[0] = 'z';
    is(pages[0], 'z', "to be written");
    is(from[3 * PAGE], 0, "alone");
    tear_down();
}

static void test_arguments(void)
{
    set_up();
    is(move(pages + 1, from, PAGE), -EINVAL, "to within a page");
    is(move(pages, from + 1, PAGE), -EINVAL, "from within a page");
    is(move(pages, from, PAGE + 1), -EINVAL, "part of a page");
    is(move(pages, from, 0), -EINVAL, "no bytes");
    is(move_mode(pages, from, PAGE, 4, NULL), -EINVAL, "an unknown mode");
    is(uffd_ioctl(fd, UFFDIO_MOVE, NULL), -EFAULT, "no structure");
    is(move(pages, from, 8 * PAGE), -EINVAL, "beyond the areas");
    is(move(from + 3 * PAGE, from, PAGE), -EINVAL, "to what is not registered");
    must(!uffd_fill(fd, pages, 'o'));
    is(move(pages, from, PAGE), -EEXIST, "onto a page that is there");
    is(from[0], 1, "leaves the page alone");
    must(!munmap(from, PAGE));
    is(move(pages + PAGE, from, PAGE), -ENOENT, "from a hole");
    tear_down();
}

static void test_areas(void)
{
    char *shared = map_shared(1);

    set_up();
    shared[0] = 's';
    is(move(pages, shared, PAGE), -EINVAL, "from shared memory");
    must(!mprotect(from, PAGE, PROT_READ));
    is(move(pages, from, PAGE), -EINVAL, "from other rights");
    must(!mprotect(pages, PAGE, PROT_READ));
    is(move(pages, from, PAGE), -EINVAL, "between read-only areas");
    must(!mprotect(pages, PAGE, PROT_READ | PROT_WRITE));
    must(!mprotect(from, PAGE, PROT_READ | PROT_WRITE));
    is(move(pages, from, PAGE), 0, "rights given back: it moves");
    is(move(pages + 3 * PAGE, pages, PAGE), 0, "within the registered area");
    is(pages[3 * PAGE], 1, "the page goes");
    is(uffd_fill(fd, pages, 'a'), 0, "and is missing where it was");
    munmap(shared, PAGE);
    tear_down();
}

static int wait_for_word(void *word)
{
    while (!*(volatile int *)word)
        sched_yield();
    return from[0] != 1;
}

static void test_fork(void)
{
    volatile int *word = map_shared(1);
    struct iovec to, of;
    char byte;
    pid_t pid;

    set_up();
    to = (struct iovec){&byte, 1};
    of = (struct iovec){from + PAGE, 1};
    pid = fork();
    must(pid >= 0);
    if (!pid)
        _exit(wait_for_word((void *)word));
    is(move(pages, from, PAGE), -EBUSY, "a page shared by fork stays");
    is(from[0], 1, "where it is");
    *word = 1;
    is(wait_status(pid), 0, "for the child as well");
    from[0] = 9;
    is(move(pages, from, PAGE), 0, "once it is ours it moves");
    is(pages[0], 9, "as we left it");
    is(move(pages + PAGE, from + PAGE, PAGE), -EBUSY,
       "nobody has used this one alone since");
    must(process_vm_readv(getpid(), &to, 1, &of, 1, 0) == 1);
    is(move(pages + PAGE, from + PAGE, PAGE), 0,
       "to be pinned for reading is a use");
    is(pages[PAGE], 2, "and changes nothing");
    tear_down();
    munmap((void *)word, PAGE);
}

static int move_for_parent(void *unused)
{
    (void)unused;
    return move(pages, from, PAGE) != -EINVAL;
}

static void test_other_task(void)
{
    set_up();
    is(in_child(move_for_parent, NULL), 0, "not another task's memory");
    tear_down();
}

int main(void)
{
    test_move();
    test_quiet();
    test_holes();
    test_zero_page();
    test_arguments();
    test_areas();
    test_fork();
    test_other_task();
    return done_testing();
}
