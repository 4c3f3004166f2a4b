/*
 * System calls that would wait for ever for a pager, their caller being the
 * only one: those that touch memory for it fail, see docs/userfaultfd.md,
 * "Deadlocks"; those that tell of a change make it, and nobody is told. Prints
 * TAP.
 */
#define _GNU_SOURCE
#include <sys/uio.h>

#include "fl_uffd.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif

enum {
    COUNT = 4
};

static char *pages;
static int fd;

static void set_up(unsigned long features)
{
    pages = map_pages(COUNT);
    fd = uffd_new_with(O_NONBLOCK, features);
    must(!uffd_register(fd, pages, COUNT * PAGE));
}

static void tear_down(void)
{
    close(fd);
    munmap(pages, COUNT * PAGE);
}

/* ---- calls that touch ---- */

static long do_lock(void)
{
    return mlock(pages, PAGE);
}

static long do_populate_read(void)
{
    return madvise(pages, PAGE, MADV_POPULATE_READ);
}

static long do_populate_write(void)
{
    return madvise(pages, PAGE, MADV_POPULATE_WRITE);
}

static long do_vm(int number)
{
    char bytes[8] = {0};
    struct iovec local = {bytes, 8}, remote = {pages, 8};

    return syscall(number, getpid(), &local, 1, &remote, 1, 0);
}

static long do_vm_read(void)
{
    return do_vm(SYS_process_vm_readv);
}

static long do_vm_write(void)
{
    return do_vm(SYS_process_vm_writev);
}

static long do_mem(void)
{
    int mem = open("/proc/self/mem", O_RDWR);
    char byte;
    long r = pread(mem, &byte, 1, (long)pages), error = errno;

    close(mem);
    errno = error;
    return r;
}

static void test_touch(long (*call)(void), int error, const char *what)
{
    set_up(0);
    fails(call(), error, "%s: refused", what);
    is(uffd_poll(fd), 0, "its message is taken back");
    is(uffd_fill(fd, pages, 't'), 0, "the page can be brought still");
    ok(call() >= 0, "and then the call works");
    tear_down();
}

/* ---- somebody may help ---- */

static void *fill_when_needed(void *unused)
{
    await_faults(fd, 1);
    must(!uffd_fill(fd, pages, 'f'));
    return unused;
}

static void test_helped(long (*call)(void), const char *what)
{
    pthread_t thread;

    set_up(0);
    thread = thread_start(fill_when_needed, NULL);
    ok(call() >= 0, "%s waits while another may help", what);
    thread_join(thread);
    tear_down();
}

/* ---- a call and a fault: one of them is refused, and helps ---- */

static long (*the_call)(void);
static int refused; /* atomic */

static void help(void)
{
    __atomic_fetch_add(&refused, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < COUNT; i++) /* mlock has cut the area in two */
        must(!uffd_zero(fd, pages + i * PAGE, PAGE, NULL));
}

static void *call_or_help(void *unused)
{
    if (the_call() < 0)
        help();
    return unused;
}

static int fault_and_call(void *unused)
{
    pthread_t thread;

    (void)unused;
    set_up(0);
    thread = thread_start(call_or_help, NULL);
    if (syscall(SYS_nanosleep, pages + PAGE, NULL))
        help();
    thread_join(thread);
    return refused != 1;
}

static void test_both(long (*call)(void), const char *what)
{
    the_call = call;
    is(in_child(fault_and_call, NULL), 0, "one of a fault and %s", what);
}

/* ---- calls that tell ---- */

#define EVENTS                                                                 \
    (UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP |                      \
     UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_EVENT_UNMAP)

static int do_unmap(void)
{
    must(!munmap(pages, PAGE));
    return probe_read(pages) != SEGV_MAPERR;
}

static int do_discard(void)
{
    must(!uffd_fill(fd, pages, 'd'));
    must(!madvise(pages, PAGE, MADV_DONTNEED));
    return uffd_fill(fd, pages, 'e') || pages[0] != 'e';
}

static int do_move(void)
{
    char *to = map_pages(1);

    must(!uffd_fill(fd, pages, 'm'));
    must(mremap(pages, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
    return to[0] != 'm';
}

static int do_fork(void)
{
    pid_t pid = fork();

    must(pid >= 0);
    if (!pid)
        _exit(pages[0]); /* nobody brings it pages */
    return wait_status(pid);
}

static void test_tell(int (*change)(void), const char *what)
{
    set_up(EVENTS);
    is(change(), 0, "%s: the only one who could read of it", what);
    is(uffd_poll(fd), 0, "is not told");
    is(uffd_fill(fd, pages + PAGE, 'a'), 0, "and serves on");
    close(fd);
    munmap(pages, COUNT * PAGE);
}

/* The pager waits for a page when its memory changes, or the other way. */
static void *need_page(void *unused)
{
    if (syscall(SYS_nanosleep, pages + PAGE, NULL))
        refused++;
    return unused;
}

static int change_while_it_waits(void *change)
{
    pthread_t thread;

    set_up(EVENTS);
    thread = thread_start(need_page, NULL);
    await_faults(fd, 1);
    must(!((int (*)(void))change)());
    /* Refused, or to be served, now that its pager is back. */
    (void)uffd_zero(fd, pages + PAGE, PAGE, NULL);
    thread_join(thread);
    return 0;
}

/* One who waits to be told of, when the last who could read ends. */
static volatile int leaving;

static void *leave_later(void *unused)
{
    leaving = 1;
    while (!uffd_poll(fd))
        sched_yield();
    syscall(SYS_exit, 0); /* the C library's own would wait for fork */
    return unused;
}

static int reader_ends(void *change)
{
    set_up(EVENTS);
    thread_start(leave_later, NULL);
    while (!leaving)
        sched_yield();
    return ((int (*)(void))change)();
}

int main(void)
{
    test_touch(do_lock, ENOMEM, "mlock");
    test_touch(do_populate_read, EFAULT, "MADV_POPULATE_READ");
    test_touch(do_populate_write, EFAULT, "MADV_POPULATE_WRITE");
    test_touch(do_vm_read, EFAULT, "process_vm_readv");
    test_touch(do_vm_write, EFAULT, "process_vm_writev");
    test_touch(do_mem, EIO, "/proc/self/mem");
    test_helped(do_lock, "mlock");
    test_helped(do_vm_read, "process_vm_readv");
    test_both(do_lock, "mlock");
    test_both(do_vm_write, "process_vm_writev");
    test_tell(do_unmap, "munmap");
    test_tell(do_discard, "MADV_DONTNEED");
    test_tell(do_move, "mremap");
    test_tell(do_fork, "fork");
    is(in_child(change_while_it_waits, do_unmap), 0, "the reader waits");
    is(in_child(change_while_it_waits, do_fork), 0, "while another forks");
    is(in_child(reader_ends, do_unmap), 0, "the only other reader ends");
    is(in_child(reader_ends, do_fork), 0, "while one forks");
    return done_testing();
}
