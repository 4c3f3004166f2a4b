/*
 * UFFDIO_FL_GUARD, Faultline's own request, see docs/userfaultfd.md: pagers
 * that are dead, late, or wait for themselves. Prints TAP.
 */
#define _GNU_SOURCE
#include "../../guest/uffd_util.h"

#define GUARD 0x4010fa01u

enum {
    COUNT = 4,
    NONE = 0,
    BUS = 1,
    KILL = 2,
    ZERO = 3,
    SELF = 1
};

struct guard {
    __u64 deadline;
    __u32 action, flags;
};

static char *pages;
static int fd;

static int guard(unsigned long deadline, unsigned action, unsigned flags)
{
    struct guard request = {deadline, action, flags};

    return uffd_ioctl(fd, GUARD, &request);
}

static void set_up(unsigned long deadline, unsigned action, unsigned flags)
{
    pages = map_pages(COUNT);
    fd = uffd_new(O_NONBLOCK);
    must(!uffd_register(fd, pages, COUNT * PAGE));
    must(!guard(deadline, action, flags));
}

static void tear_down(void)
{
    close(fd);
    munmap(pages, COUNT * PAGE);
}

static void test_arguments(void)
{
    set_up(0, NONE, 0);
    is(guard(0, 4, 0), -EINVAL, "an unknown action");
    is(guard(0, BUS, 2), -EINVAL, "an unknown flag");
    is(guard(1000, NONE, 0), -EINVAL, "a deadline for nothing");
    is(uffd_ioctl(fd, GUARD, NULL), -EFAULT, "no structure");
    tear_down();
}

static void test_dead(void)
{
    set_up(0, BUS, 0);
    close(fd);
    is(probe_read(pages), BUS_MCEERR_AR, "a dead pager: SIGBUS");
    is(probe_read(pages), BUS_MCEERR_AR, "and again");
    munmap(pages, COUNT * PAGE);
    set_up(0, ZERO, 0);
    close(fd);
    is(probe_read(pages), 0, "or zeros");
    is(pages[0], 0, "if so asked");
    munmap(pages, COUNT * PAGE);
}

static int touch_dead(void *unused)
{
    (void)unused;
    set_up(0, KILL, 0);
    close(fd);
    return *(volatile char *)pages;
}

static void *probe_it(void *address)
{
    return (void *)(long)probe_read(address);
}

static void test_dies_meanwhile(void)
{
    pthread_t thread;

    is(in_child(touch_dead, NULL), 1000 + SIGKILL, "or the toucher dies");
    set_up(0, BUS, 0);
    thread = thread_start(probe_it, pages);
    uffd_next(fd);
    close(fd);
    is(thread_join(thread), BUS_MCEERR_AR, "a pager that dies on duty: SIGBUS");
    munmap(pages, COUNT * PAGE);
}

static void test_late(void)
{
    pthread_t thread;

    set_up(20000000, BUS, 0);
    is(probe_read(pages), BUS_MCEERR_AR, "a late pager: SIGBUS");
    is(uffd_poll(fd), 0, "its message is gone");
    is(uffd_fill(fd, pages, 'l'), 0, "it may still bring the page");
    is(probe_read(pages), 0, "which heals");
    is(pages[0], 'l', "with its bytes");
    thread = thread_start(read_byte, pages + PAGE);
    must(uffd_next_page(fd) == pages + PAGE);
    must(!uffd_fill(fd, pages + PAGE, 'i'));
    is(thread_join(thread), 'i', "a pager in time is as ever");
    tear_down();
    set_up(20000000, ZERO, 0);
    is(probe_read(pages), 0, "late: zeros if so asked");
    fails(syscall(SYS_nanosleep, (char *)8, NULL), EFAULT, "a bad pointer");
    tear_down();
    set_up(20000000, BUS, 0);
    fails(syscall(SYS_nanosleep, pages, NULL), EFAULT,
          "a system call that waits in vain: EFAULT");
    tear_down();
}

static void test_self(void)
{
    pthread_t thread;

    set_up(0, BUS, SELF);
    thread = thread_start(read_byte, pages + 2 * PAGE);
    uffd_next(fd);
    must(!uffd_fill(fd, pages + 2 * PAGE, 's'));
    is(thread_join(thread), 's', "a pager at work");
    is(probe_read(pages), BUS_ADRERR, "does not wait for itself");
    is(uffd_copy(fd, pages, pages + PAGE, PAGE), -EFAULT, "nor in a copy");
    is(uffd_poll(fd), 0, "there is no message");
    tear_down();
}

int main(void)
{
    test_arguments();
    test_dead();
    test_dies_meanwhile();
    test_late();
    test_self();
    return done_testing();
}
