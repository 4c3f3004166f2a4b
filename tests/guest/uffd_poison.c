/*
 * UFFDIO_POISON: pages that were lost. Who touches one gets SIGBUS, a system
 * call EFAULT; fork hands the poison on, MADV_DONTNEED and MADV_FREE take it
 * away.
 */
#include "uffd_range.h"

enum {
    COUNT = 4
};

static void set_up(void)
{
    range_set_up(COUNT, O_NONBLOCK, UFFD_FEATURE_POISON,
                 UFFDIO_REGISTER_MODE_MISSING);
}

static int poison_mode(void *start, size_t size, unsigned long mode,
                       long *updated)
{
    struct uffdio_poison poison = {
        .range = {.start = (unsigned long)start, .len = size},
        .mode = mode,
        .updated = 12345,
    };
    int result = uffd_ioctl(fd, UFFDIO_POISON, &poison);

    if (updated)
        *updated = poison.updated;
    return result;
}

static int poison(void *start, size_t size)
{
    return poison_mode(start, size, 0, NULL);
}

static volatile int lost_bits;

static void note_lsb(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    lost_bits = info->si_addr_lsb;
    siglongjmp(probe_jump, 1);
}

static void test_touch(void)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO};
    long updated;

    set_up();
    is(poison_mode(pages, 2 * PAGE, 0, &updated), 0, "UFFDIO_POISON");
    is(updated, 2 * PAGE, "tells how much it poisoned");
    is(probe_read(pages + 5), BUS_MCEERR_AR, "a read of a poisoned page");
    is(probe_signal, SIGBUS, "is a SIGBUS");
    ok((void *)probe_address == pages + 5, "with the address");
    is(probe_write(pages + PAGE, 1), BUS_MCEERR_AR, "a write as well");
    action.sa_sigaction = note_lsb;
    sigaction(SIGBUS, &action, NULL);
    if (!sigsetjmp(probe_jump, 1))
        (void)*(volatile char *)pages;
    signal(SIGBUS, SIG_DFL);
    is(lost_bits, 12, "a page's worth is lost");
    fails(syscall(SYS_nanosleep, pages, NULL), EFAULT, "the kernel: EFAULT");
    is(uffd_poll(fd), 0, "nobody is asked for it");
    tear_down();
}

static void test_errors(void)
{
    long updated;

    set_up();
    is(poison(pages + 1, PAGE), -EINVAL, "within a page");
    is(poison(pages, PAGE - 1), -EINVAL, "part of a page");
    is(poison(pages, 0), -EINVAL, "no bytes");
    is(poison_mode(pages, PAGE, 2, NULL), -EINVAL, "an unknown mode");
    is(uffd_ioctl(fd, UFFDIO_POISON, NULL), -EFAULT, "no structure");
    must(!uffd_fill(fd, pages + PAGE, 'x'));
    is(poison(pages + PAGE, PAGE), -EEXIST, "a page that is there");
    is(poison_mode(pages, 2 * PAGE, 0, &updated), -EAGAIN, "a page too many");
    is(updated, PAGE, "the first was poisoned");
    is(poison(pages, PAGE), -EEXIST, "a second time");
    must(!uffd_unregister(fd, pages + 2 * PAGE, PAGE));
    is(poison(pages + 2 * PAGE, PAGE), -ENOENT, "not a registered page");
    tear_down();
}

static void test_afterwards(void)
{
    set_up();
    must(!poison(pages, 2 * PAGE));
    is(uffd_zero(fd, pages, PAGE, NULL), -EEXIST, "no zero page instead");
    is(uffd_fill(fd, pages, 'c'), 0, "but a copy heals");
    is(pages[0], 'c', "and is there");
    must(!mprotect(pages, COUNT * PAGE, PROT_READ));
    is(probe_read(pages + PAGE), BUS_MCEERR_AR, "mprotect leaves poison");
    must(!mprotect(pages, COUNT * PAGE, PROT_READ | PROT_WRITE));
    is(probe_read(pages + PAGE), BUS_MCEERR_AR, "also on the way back");
    must(!uffd_unregister(fd, pages, COUNT * PAGE));
    is(probe_read(pages + PAGE), BUS_MCEERR_AR, "so does UNREGISTER");
    must(!madvise(pages, COUNT * PAGE, MADV_DONTNEED));
    is(probe_read(pages + PAGE), 0, "MADV_DONTNEED takes it away");
    is(pages[PAGE], 0, "for zeros");
    tear_down();
    set_up();
    must(!poison(pages, PAGE));
    must(!madvise(pages, PAGE, MADV_FREE));
    must(!uffd_unregister(fd, pages, COUNT * PAGE));
    is(probe_read(pages), 0, "so does MADV_FREE");
    tear_down();
}

static int child_reads(void *argument)
{
    return probe_read(argument) != BUS_MCEERR_AR;
}

static void test_fork(void)
{
    set_up();
    must(!poison(pages, PAGE));
    is(in_child(child_reads, pages), 0, "a child inherits the poison");
    is(probe_read(pages), BUS_MCEERR_AR, "the parent keeps it");
    tear_down();
}

static void *probe_it(void *address)
{
    return (void *)(long)probe_read(address);
}

static void test_waiting(void)
{
    pthread_t thread;

    set_up();
    thread = thread_start(probe_it, pages);
    must(uffd_next_page(fd) == pages);
    must(!poison_mode(pages, PAGE, UFFDIO_POISON_MODE_DONTWAKE, NULL));
    let_run();
    must(!uffd_wake(fd, pages, PAGE));
    is(thread_join(thread), BUS_MCEERR_AR, "a waiting thread gets SIGBUS");
    thread = thread_start(probe_it, pages + PAGE);
    must(uffd_next_page(fd) == pages + PAGE);
    must(!poison(pages + PAGE, PAGE));
    is(thread_join(thread), BUS_MCEERR_AR, "woken by UFFDIO_POISON itself");
    tear_down();
}

int main(void)
{
    test_touch();
    test_errors();
    test_afterwards();
    test_fork();
    test_waiting();
    return done_testing();
}
