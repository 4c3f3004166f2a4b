/*
 * Events: fork, mremap, munmap and discarding pages are messages for a pager
 * that asked for them, and wait until they have been read.
 */
#define _GNU_SOURCE
#include "uffd_range.h"

#define ALL                                                                    \
    (UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP |                      \
     UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_EVENT_UNMAP)

enum {
    COUNT = 8
};

static void set_up(unsigned long features)
{
    range_set_up(COUNT, O_NONBLOCK | O_CLOEXEC, features,
                 UFFDIO_REGISTER_MODE_MISSING);
}

static unsigned long address(const void *p)
{
    return (unsigned long)p;
}

/* The next message of any kind. */
static struct uffd_msg next_event(void)
{
    struct uffd_msg message;

    while (read(fd, &message, sizeof(message)) != sizeof(message)) {
        must(errno == EAGAIN || errno == EINTR);
        sched_yield();
    }
    return message;
}

static volatile int returned;

static void *unmap_two(void *start)
{
    long result = munmap(start, 2 * PAGE);

    returned = 1;
    return (void *)result;
}

static void test_unmap(void)
{
    struct uffd_msg message;
    pthread_t thread;

    set_up(ALL);
    must(!uffd_fill(fd, pages + PAGE, 'u'));
    returned = 0;
    thread = thread_start(unmap_two, pages + PAGE);
    while (!uffd_poll(fd))
        sched_yield();
    is(uffd_poll(fd), POLLIN, "an event makes it readable");
    let_run();
    is(returned, 0, "munmap waits");
    is(uffd_fill(fd, pages, 'x'), -EAGAIN, "nothing is filled meanwhile");
    is(uffd_zero(fd, pages, PAGE, NULL), -EAGAIN, "in no way");
    message = next_event();
    is(message.event, UFFD_EVENT_UNMAP, "its message");
    is(message.arg.remove.start, address(pages + PAGE), "has the start");
    is(message.arg.remove.end, address(pages + 3 * PAGE), "and the end");
    is(thread_join(thread), 0, "then it returns");
    is(uffd_fill(fd, pages, 'x'), 0, "and filling works again");
    is(probe_read(pages + PAGE), SEGV_MAPERR, "the pages are gone");
    tear_down();
}

static void *discard_two(void *start)
{
    return (void *)(long)madvise(start, 2 * PAGE, MADV_DONTNEED);
}

static void test_remove(void)
{
    struct uffd_msg message;
    pthread_t thread;

    set_up(ALL);
    must(!uffd_fill(fd, pages + PAGE, 'u'));
    thread = thread_start(discard_two, pages + PAGE);
    message = next_event();
    is(message.event, UFFD_EVENT_REMOVE, "MADV_DONTNEED is told");
    is(message.arg.remove.start, address(pages + PAGE), "from");
    is(message.arg.remove.end, address(pages + 3 * PAGE), "to");
    is(thread_join(thread), 0, "and done");
    is(uffd_fill(fd, pages + PAGE, 'v'), 0, "the page is missing again");
    is(pages[PAGE], 'v', "and filled anew");
    tear_down();
}

static char *target;

static void *move_two(void *start)
{
    return mremap(start, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
                  target);
}

static void test_remap(void)
{
    struct uffd_msg message;
    pthread_t thread;

    set_up(UFFD_FEATURE_EVENT_REMAP);
    target = map_pages(2);
    must(!uffd_fill(fd, pages + 2 * PAGE, 'm'));
    thread = thread_start(move_two, pages + 2 * PAGE);
    message = next_event();
    is(message.event, UFFD_EVENT_REMAP, "mremap is told");
    is(message.arg.remap.from, address(pages + 2 * PAGE), "from");
    is(message.arg.remap.to, address(target), "to");
    is(message.arg.remap.len, 2 * PAGE, "how much");
    ok(thread_join(thread) == target, "and done");
    is(target[0], 'm', "the page moved");
    is(uffd_fill(fd, target + PAGE, 'n'), 0, "the registration too");
    is(target[PAGE], 'n', "the new place is filled");
    is(uffd_fill(fd, pages + 2 * PAGE, 'n'), -ENOENT, "the old is not");
    munmap(target, 2 * PAGE);
    tear_down();
}

/* With all events on, the old place's end is told as well. */
static void test_remap_unmap(void)
{
    struct uffd_msg message;
    pthread_t thread;

    set_up(ALL);
    target = map_pages(2);
    thread = thread_start(move_two, pages + 2 * PAGE);
    message = next_event();
    is(message.event, UFFD_EVENT_REMAP, "mremap is told first");
    message = next_event();
    is(message.event, UFFD_EVENT_UNMAP, "then that the old place is unmapped");
    is(message.arg.remove.start, address(pages + 2 * PAGE), "from");
    is(message.arg.remove.end, address(pages + 4 * PAGE), "to");
    ok(thread_join(thread) == target, "and done");
    close(fd);
    is(target[0], 0, "closed: zeros");
    munmap(target, 2 * PAGE);
    munmap(pages, COUNT * PAGE);
}

/* Without the feature a moved range is registered no more. */
static void test_remap_quiet(void)
{
    set_up(0);
    target = map_pages(2);
    ok(move_two(pages) == target, "mremap without the feature");
    is(uffd_poll(fd), 0, "is not told");
    is(target[0], 0, "and ends the registration");
    munmap(target, 2 * PAGE);
    tear_down();
}

/* ---- fork ---- */

struct seen {
    volatile int go, value, done;
};

static pid_t fork_reader(struct seen *seen)
{
    pid_t pid = fork();

    must(pid >= 0);
    if (pid)
        return pid;
    seen->value = *(volatile char *)(pages + PAGE);
    seen->done = 1;
    while (!seen->go)
        sched_yield();
    _exit(0);
}

static void *fork_thread(void *seen)
{
    return (void *)(long)fork_reader(seen);
}

static void test_fork(void)
{
    struct seen *seen = map_shared(1);
    struct uffd_msg message;
    pthread_t thread;
    pid_t pid;
    int child;

    set_up(ALL);
    must(!uffd_fill(fd, pages, 'p'));
    thread = thread_start(fork_thread, seen);
    while (!uffd_poll(fd))
        sched_yield();
    is(uffd_fill(fd, pages + PAGE, 'x'), -EAGAIN, "fork: nothing is filled");
    message = next_event();
    is(message.event, UFFD_EVENT_FORK, "fork is told");
    child = message.arg.fork.ufd;
    ok(child >= 0 && child != fd, "with a new descriptor");
    is(fcntl(child, F_GETFD), FD_CLOEXEC, "close-on-exec as the first");
    ok(fcntl(child, F_GETFL) & O_NONBLOCK, "not blocking as the first");
    pid = (long)thread_join(thread);
    ok(uffd_next_page(child) == pages + PAGE, "it tells the child's faults");
    is(uffd_fill(child, pages + PAGE, 'c'), 0, "and fills its memory");
    while (!seen->done)
        sched_yield();
    is(seen->value, 'c', "which the child sees");
    is(uffd_fill(fd, pages + PAGE, 'q'), 0, "the parent's is another");
    is(pages[PAGE], 'q', "with its own bytes");
    seen->go = 1;
    is(wait_status(pid), 0, "the child ends");
    is(uffd_fill(child, pages + 2 * PAGE, 'c'), -ESRCH, "no memory to fill");
    close(child);
    tear_down();
    munmap(seen, PAGE);
}

/* The child's descriptor closed: its memory is ordinary. */
static void test_fork_closed(void)
{
    struct seen *seen = map_shared(1);
    pthread_t thread;
    pid_t pid;
    int child;

    set_up(ALL);
    thread = thread_start(fork_thread, seen);
    child = next_event().arg.fork.ufd;
    pid = (long)thread_join(thread);
    uffd_next(child);
    close(child);
    while (!seen->done)
        sched_yield();
    is(seen->value, 0, "the child's descriptor closed: zeros for the child");
    seen->go = 1;
    is(wait_status(pid), 0, "which ends");
    is(uffd_fill(fd, pages, 'o'), 0, "the parent's works still");
    tear_down();
    munmap(seen, PAGE);
}

/* Nobody reads; the descriptor goes. */
static void *wait_and_close(void *unused)
{
    while (!uffd_poll(fd))
        sched_yield();
    let_run();
    close(fd);
    return unused;
}

static void test_close(void)
{
    pthread_t thread;

    set_up(ALL);
    thread = thread_start(wait_and_close, NULL);
    is(munmap(pages, PAGE), 0, "close lets munmap go on");
    thread_join(thread);
    munmap(pages, COUNT * PAGE);
}

/* Waits in each call for a reader that never comes, and is killed. */
static int never_read(void *argument)
{
    volatile int *waiting = argument;
    pid_t pid;

    set_up(ALL);
    leave_hope();
    *waiting = 1;
    if (waiting[1] == 0)
        munmap(pages, PAGE);
    else if (waiting[1] == 1)
        madvise(pages, PAGE, MADV_DONTNEED);
    else if (waiting[1] == 2)
        move_two(pages);
    else if ((pid = fork()) == 0)
        _exit(0);
    return 0;
}

static void test_kill(void)
{
    static const char *const what[] = {"munmap", "madvise", "mremap", "fork"};
    volatile int *shared = map_shared(1);

    target = map_pages(2);
    for (int i = 0; i < 4; i++) {
        pid_t pid;

        shared[0] = 0;
        shared[1] = i;
        pid = fork();
        must(pid >= 0);
        if (!pid)
            _exit(never_read((void *)shared));
        while (!shared[0])
            sched_yield();
        let_run();
        kill(pid, SIGKILL);
        is(wait_status(pid), 1000 + SIGKILL, "%s that waits can be killed",
           what[i]);
    }
    munmap(target, 2 * PAGE);
    munmap((void *)shared, PAGE);
}

/* Two descriptors on one range: each is told, of the whole. */
static void *unmap_all(void *start)
{
    return (void *)(long)munmap(start, COUNT * PAGE);
}

static void test_two(void)
{
    pthread_t thread;
    struct uffd_msg message;
    int first, second = uffd_new_with(O_NONBLOCK, ALL);

    set_up(ALL);
    first = fd;
    must(!uffd_unregister(fd, pages, 2 * PAGE));
    must(!uffd_register(second, pages, PAGE));
    thread = thread_start(unmap_all, pages);
    for (int i = 0; i < 2; i++) {
        fd = i ? first : second;
        message = next_event();
        is(message.event, UFFD_EVENT_UNMAP, "descriptor %d is told", i);
        is(message.arg.remove.start, address(pages), "from");
        is(message.arg.remove.end, address(pages + COUNT * PAGE), "to");
    }
    is(thread_join(thread), 0, "then it is done");
    close(first);
    close(second);
}

/* A mapping put over a registered one unmaps it. */
static void *map_over(void *start)
{
    return mmap(start, PAGE, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

static void test_map_over(void)
{
    struct uffd_msg message;
    pthread_t thread;

    set_up(ALL);
    thread = thread_start(map_over, pages + PAGE);
    message = next_event();
    is(message.event, UFFD_EVENT_UNMAP, "MAP_FIXED is told");
    is(message.arg.remove.start, address(pages + PAGE), "from");
    is(message.arg.remove.end, address(pages + 2 * PAGE), "to");
    ok(thread_join(thread) == pages + PAGE, "and done");
    is(pages[PAGE], 0, "new memory is ordinary");
    tear_down();
}

/* What is protected stays so for a child that has its own descriptor. */
static int child_writes(void *page)
{
    *(volatile char *)page = 'w';
    return *(volatile char *)page != 'w';
}

static void *fork_writer(void *page)
{
    return (void *)(long)in_child(child_writes, page);
}

static void test_fork_protected(void)
{
    struct uffd_msg message;
    pthread_t thread;
    int child;

    pages = map_pages(COUNT);
    pages[0] = 'a';
    fd = uffd_new_with(O_NONBLOCK, ALL | UFFD_FEATURE_WP_UNPOPULATED);
    must(!uffd_register_mode(fd, pages, COUNT * PAGE, UFFDIO_REGISTER_MODE_WP));
    must(!uffd_protect(fd, pages, COUNT * PAGE, UFFDIO_WRITEPROTECT_MODE_WP));
    for (int i = 0; i < 2; i++) {
        thread = thread_start(fork_writer, pages + i * PAGE);
        child = next_event().arg.fork.ufd;
        message = uffd_next(child);
        is(message.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP,
           UFFD_PAGEFAULT_FLAG_WP, "a child's page %d is protected", i);
        must(!uffd_protect(child, pages + i * PAGE, PAGE, 0));
        is(thread_join(thread), 0, "until its descriptor frees it");
        close(child);
    }
    is(pages[0], 'a', "the parent's is untouched");
    tear_down();
}

int main(void)
{
    test_unmap();
    test_remove();
    test_remap();
    test_remap_unmap();
    test_remap_quiet();
    test_fork();
    test_fork_closed();
    test_close();
    test_kill();
    test_two();
    test_map_over();
    test_fork_protected();
    return done_testing();
}
