/*
 * A pager is not trusted: one that lies, hangs, answers twice, waits for
 * itself or hands over rubbish harms nobody but its clients, and they can
 * always be killed.
 */
#include "uffd_pages.h"

#define KERNEL_HALF   ((char *)0xffff888000000000UL)
#define NON_CANONICAL ((char *)0x0000900000000000UL)

/* Whether UFFDIO_COPY with these arguments fails and wakes nobody. */
static int copy_refused(void *to, const void *from, size_t size)
{
    return uffd_copy(fd, to, from, size) < 0;
}

static void test_wild_copies(void)
{
    char *other = map_pages(1);
    pthread_t thread;

    set_up();
    other[0] = 'o';
    thread = thread_start(read_byte, pages);
    must(uffd_next_page(fd) == pages);
    ok(copy_refused(other, source, PAGE), "a copy to other memory");
    ok(copy_refused(KERNEL_HALF, source, PAGE), "to the kernel");
    ok(copy_refused(NON_CANONICAL, source, PAGE), "to no address");
    ok(copy_refused(NULL, source, PAGE), "to page 0");
    ok(copy_refused(pages, KERNEL_HALF, PAGE), "from the kernel");
    ok(copy_refused(pages, NON_CANONICAL, PAGE), "from no address");
    ok(copy_refused(pages, (void *)-PAGE, PAGE), "from the last page of all");
    ok(copy_refused(pages, source, 1UL << 62), "a copy too long");
    ok(copy_refused(pages, source, -PAGE), "one that wraps around");
    is(other[0], 'o', "other memory is as it was");
    is(uffd_poll(fd), 0, "nobody was woken");
    must(!uffd_fill(fd, pages, 'k'));
    is(thread_join(thread), 'k', "and the client goes on when served");
    munmap(other, PAGE);
    tear_down();
}

static void test_wild_ranges(void)
{
    long starts[] = {1, 4095, -1, 1L << 62, 1L << 63, -4096, 1L << 61};
    long sizes[] = {0, 1, 4096, -1, -4096, 1L << 62, 1L << 63, 1L << 61};
    int wrong = 0;

    set_up();
    for (int i = 0; i < 7; i++) {
        for (int j = 0; j < 8; j++) {
            void *start = (void *)starts[i];

            wrong += uffd_register(fd, start, sizes[j]) == 0;
            wrong += uffd_unregister(fd, start, sizes[j]) == 0;
            wrong += uffd_zero(fd, start, sizes[j], NULL) == 0;
            wrong += uffd_wake(fd, start, sizes[j]) == 0;
        }
    }
    is(wrong, 0, "wild ranges are refused by every ioctl");
    is(uffd_fill(fd, pages, 'w'), 0, "and harm nothing");
    tear_down();
}

static void test_wild_ioctls(void)
{
    long arguments[] = {0, 1, -1, 1L << 62, 1L << 63, -4096};
    unsigned long requests[] = {
        UFFDIO_API,
        UFFDIO_REGISTER,
        UFFDIO_UNREGISTER,
        UFFDIO_WAKE,
        UFFDIO_COPY,
        UFFDIO_ZEROPAGE,
        0,
        -1UL,
        0xaa7f,
    };
    int wrong = 0;

    set_up();
    for (int i = 0; i < 9; i++)
        for (int j = 0; j < 6; j++)
            wrong += uffd_ioctl(fd, requests[i], (void *)arguments[j]) >= 0;
    is(wrong, 0, "wild ioctls are refused");
    tear_down();
}

/* Reads the message into a buffer that is not there: it is not lost. */
static void test_wild_read(void)
{
    pthread_t thread;

    set_up();
    thread = thread_start(read_byte, pages);
    while (!uffd_poll(fd))
        sched_yield();
    fails(read(fd, KERNEL_HALF, 32), EFAULT, "a message for the kernel's half");
    /* Linux has taken the message off the queue by then: do not ask it. */
    must(!uffd_fill(fd, pages, 'r'));
    is(thread_join(thread), 'r', "the client is served all the same");
    tear_down();
}

/* Answers before there is a question, twice, and wakes for no reason. */
static void test_noise(void)
{
    pthread_t thread;
    int wrong = 0;

    set_up();
    thread = thread_start(read_byte, pages + PAGE);
    must(uffd_next_page(fd) == pages + PAGE);
    for (int i = 0; i < 50; i++)
        wrong += uffd_wake(fd, pages + 2 * PAGE, PAGE) != 0;
    is(uffd_poll(fd), 0, "waking other pages does not wake this one's reader");
    for (int i = 0; i < 20; i++) {
        wrong += uffd_wake(fd, pages + PAGE, PAGE) != 0;
        wrong += uffd_next_page(fd) != pages + PAGE;
    }
    is(wrong, 0, "twenty false alarms, twenty new questions");
    is(uffd_fill(fd, pages + PAGE, 'n'), 0, "an answer");
    is(uffd_fill(fd, pages + PAGE, 'x'), -EEXIST, "a second one");
    is(thread_join(thread), 'n', "the first counts");
    tear_down();
}

struct report {
    volatile int waiting;
};

/* Two threads: one says that the other waits, for a page nobody brings. */
static void *report_waiting(void *argument)
{
    struct report *report = argument;

    while (!uffd_poll(fd))
        sched_yield();
    report->waiting = 1;
    for (;;)
        sched_yield();
    return NULL;
}

/* The pager copies from a page that only it could bring. */
static int wait_for_oneself(struct report *report)
{
    set_up();
    thread_start(report_waiting, report);
    return uffd_copy(fd, pages, pages + PAGE, PAGE) != 0;
}

/* The pager reads a message into such a page, while a client waits. */
static int read_into_oneself(struct report *report)
{
    set_up();
    leave_hope();
    thread_start(read_byte, pages + PAGE);
    while (!uffd_poll(fd))
        sched_yield();
    report->waiting = 1;
    return read(fd, pages, 32) != 32;
}

static void kill_when_waiting(int (*work)(struct report *), const char *what)
{
    struct report *report = map_shared(1);
    pid_t pid = fork();

    must(pid >= 0);
    if (!pid)
        _exit(work(report));
    while (!report->waiting)
        sched_yield();
    for (int i = 0; i < 20; i++)
        sched_yield();
    kill(pid, SIGKILL);
    is(wait_status(pid), 1000 + SIGKILL, "%s can be killed", what);
    munmap(report, PAGE);
}

static int never_answer(struct report *report)
{
    set_up();
    thread_start(report_waiting, report);
    return *(volatile char *)pages;
}

/* The same in the kernel: a system call that waits for the pager. */
static int never_answer_kernel(struct report *report)
{
    set_up();
    thread_start(report_waiting, report);
    return syscall(SYS_nanosleep, pages, NULL) != 0;
}

static void test_hang(void)
{
    kill_when_waiting(never_answer, "a client whose pager hangs");
    kill_when_waiting(never_answer_kernel, "one that waits in the kernel");
    kill_when_waiting(wait_for_oneself, "a pager that waits for itself");
    kill_when_waiting(read_into_oneself, "one that reads into its own range");
}

static volatile int cleaner_ready;

/* While one fills, another thread takes the mapping away, over and over. */
static void *unmap_again(void *unused)
{
    for (int i = 0; i < 100; i++) {
        void *again;

        munmap(pages, PAGE);
        again = mmap(pages, PAGE, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        if (again != pages || uffd_register(fd, pages, PAGE))
            return (void *)1;
        cleaner_ready = 1;
        sched_yield();
    }
    return unused;
}

static void test_race(void)
{
    pthread_t thread;
    int wrong = 0;

    set_up();
    thread = thread_start(unmap_again, NULL);
    while (!cleaner_ready)
        sched_yield();
    for (int i = 0; i < 100; i++) {
        int result = uffd_fill(fd, pages, 'r');

        wrong += result && result != -EEXIST && result != -ENOENT &&
                 result != -EAGAIN;
        sched_yield();
    }
    is(thread_join(thread), 0, "a mapping comes and goes");
    is(wrong, 0, "and every fill either works or says why not");
    tear_down();
}

int main(void)
{
    test_wild_copies();
    test_wild_ranges();
    test_wild_ioctls();
    test_wild_read();
    test_noise();
    test_hang();
    test_race();
    return done_testing();
}
