/*
 * Faults in a registered range, served by another thread: messages, waking,
 * many at once, and faults that the kernel takes on behalf of a task.
 */
#include "uffd_range.h"

#include <time.h>

enum {
    COUNT = 8
};

static void set_up(int flags)
{
    range_set_up(COUNT, flags, 0, UFFDIO_REGISTER_MODE_MISSING);
}

static void *write_byte(void *address)
{
    *(volatile char *)address = 'w';
    return NULL;
}

static void test_message(void)
{
    struct uffd_msg message;
    pthread_t thread;

    set_up(O_NONBLOCK);
    is(uffd_poll(fd), 0, "no fault, nothing to read");
    thread = thread_start(read_byte, pages + 2 * PAGE + 99);
    while (!uffd_poll(fd))
        sched_yield();
    is(uffd_poll(fd), POLLIN, "a fault makes it readable");
    message = uffd_next(fd);
    is(message.arg.pagefault.address, (long)(pages + 2 * PAGE),
       "the message has the page's address");
    is(message.arg.pagefault.flags, 0, "a read has no flag");
    is(message.arg.pagefault.feat.ptid, 0, "nor a thread, unless asked for");
    is(uffd_poll(fd), 0, "it is read once");
    must(!uffd_fill(fd, pages + 2 * PAGE, 'm'));
    is(thread_join(thread), 'm', "UFFDIO_COPY lets the thread go on");
    thread = thread_start(write_byte, pages + 3 * PAGE);
    message = uffd_next(fd);
    is(message.arg.pagefault.flags, UFFD_PAGEFAULT_FLAG_WRITE,
       "a write is flagged");
    must(!uffd_fill(fd, pages + 3 * PAGE, 'n'));
    thread_join(thread);
    ok(pages[3 * PAGE] == 'w' && pages[3 * PAGE + 1] == 'n',
       "and goes to the page that was filled");
    tear_down();
}

static void test_poll_blocking(void)
{
    set_up(0);
    is(uffd_poll(fd), POLLERR, "without O_NONBLOCK poll says POLLERR");
    tear_down();
}

static void *serve_one(void *unused)
{
    void *page = uffd_next_page(fd);

    must(!uffd_fill(fd, page, 'o'));
    return unused;
}

/* The pager sleeps in read(2) before there is anything to read. */
static void test_blocking_read(void)
{
    pthread_t pager;

    set_up(0);
    pager = thread_start(serve_one, NULL);
    for (int i = 0; i < 20; i++)
        sched_yield();
    is(*(volatile char *)pages, 'o', "a blocked read is woken by a fault");
    thread_join(pager);
    tear_down();
}

/* Reads until COUNT faults are queued, however they come; returns reads. */
static int drain(struct uffd_msg *messages, int count)
{
    int reads = 0;

    for (int have = 0; have < count; reads++) {
        ssize_t got = read(fd, messages + have, (count - have) * 32);

        must(got > 0 && got % 32 == 0);
        have += got / 32;
    }
    return reads;
}

static void test_many(void)
{
    struct uffd_msg messages[COUNT];
    pthread_t threads[COUNT];
    unsigned seen = 0;
    int wrong = 0;

    set_up(0);
    for (int i = 0; i < COUNT; i++)
        threads[i] = thread_start(read_byte, pages + i * PAGE);
    /* All are asleep, or will be, before the first read. */
    for (int i = 0; i < 50; i++)
        sched_yield();
    ok(drain(messages, COUNT) <= COUNT, "eight faults are read");
    for (int i = 0; i < COUNT; i++) {
        char *page = (char *)(unsigned long)messages[i].arg.pagefault.address;
        int number = (page - pages) / PAGE;

        seen |= 1u << number;
        must(!uffd_fill(fd, page, number + 1));
    }
    is(seen, 255, "each page once");
    for (long i = 0; i < COUNT; i++)
        wrong += thread_join(threads[i]) != (void *)(i + 1);
    is(wrong, 0, "each thread got its bytes");
    tear_down();
}

static void test_batch(void)
{
    struct uffd_msg messages[COUNT];
    pthread_t threads[2];
    ssize_t got = 0;

    set_up(O_NONBLOCK);
    threads[0] = thread_start(read_byte, pages);
    threads[1] = thread_start(read_byte, pages + PAGE);
    /* Both wait: the messages stay queued while nobody reads them. */
    for (int i = 0; i < 2000; i++)
        sched_yield();
    while (got <= 0)
        got = read(fd, messages, sizeof(messages));
    ok(got == 32 || got == 64, "one read takes what is there");
    for (ssize_t i = 0; i < got / 32; i++)
        must(!uffd_fill(
            fd, (void *)(unsigned long)messages[i].arg.pagefault.address, 1));
    if (got == 32)
        must(!uffd_fill(fd, uffd_next_page(fd), 1));
    thread_join(threads[0]);
    thread_join(threads[1]);
    tear_down();
}

/* Several threads at one page: one fill serves all of them. */
static void test_same_page(void)
{
    pthread_t threads[COUNT];
    int wrong = 0;

    set_up(0);
    for (int i = 0; i < COUNT; i++)
        threads[i] = thread_start(read_byte, pages + i);
    must(uffd_next_page(fd) == pages);
    must(!uffd_fill(fd, pages, 's'));
    for (int i = 0; i < COUNT; i++)
        wrong += thread_join(threads[i]) != (void *)'s';
    is(wrong, 0, "one fill wakes all that wait for the page");
    tear_down();
}

static void test_dont_wake(void)
{
    pthread_t thread;
    long copied;

    set_up(O_NONBLOCK);
    thread = thread_start(read_byte, pages);
    must(uffd_next_page(fd) == pages);
    memset(source, 'd', PAGE);
    is(uffd_copy_mode(fd, pages, source, PAGE, UFFDIO_COPY_MODE_DONTWAKE,
                      &copied),
       0, "UFFDIO_COPY_MODE_DONTWAKE");
    is(copied, PAGE, "fills");
    is(uffd_wake(fd, pages, PAGE), 0, "UFFDIO_WAKE");
    is(thread_join(thread), 'd', "lets the thread go on");
    tear_down();
}

/* Woken with nothing filled, a thread faults again. */
static void test_wake_empty(void)
{
    pthread_t thread;
    int wrong = 0;

    set_up(O_NONBLOCK);
    thread = thread_start(read_byte, pages + PAGE);
    for (int i = 0; i < 5; i++) {
        wrong += uffd_next_page(fd) != pages + PAGE;
        wrong += uffd_wake(fd, pages, COUNT * PAGE) != 0;
    }
    wrong += uffd_next_page(fd) != pages + PAGE;
    is(wrong, 0, "a thread woken without its page asks again");
    is(uffd_zero(fd, pages + PAGE, PAGE, NULL), 0, "UFFDIO_ZEROPAGE");
    is(thread_join(thread), 0, "lets it go on");
    tear_down();
}

static void *serve_all(void *count)
{
    for (long i = 0; i < (long)count; i++) {
        char *page = uffd_next_page(fd);

        /* Zero would be an end of time for nanosleep: it is one for us. */
        must(!uffd_zero(fd, page, PAGE, NULL));
    }
    return NULL;
}

/* System calls that read from and write to pages which are not there. */
static void test_kernel_access(void)
{
    pthread_t pager;
    struct timespec *time;

    set_up(0);
    pager = thread_start(serve_all, (void *)5);
    works(syscall(SYS_nanosleep, pages, NULL), "nanosleep reads a time");
    time = (void *)(pages + PAGE);
    works(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, time),
          "clock_gettime writes one");
    ok(time->tv_sec > 0 || time->tv_nsec > 0, "which arrives");
    is(write(STDOUT_FILENO, pages + 2 * PAGE, 0), 0,
       "write of no bytes does not touch the page");
    is(syscall(SYS_getrandom, pages + 3 * PAGE - 8, 16, 0), 16,
       "getrandom writes over a page boundary");
    is(syscall(SYS_rt_sigprocmask, SIG_BLOCK, pages + 4 * PAGE, NULL, 8), 0,
       "rt_sigprocmask reads a set");
    thread_join(pager);
    is(uffd_register(fd, pages, COUNT * PAGE), 0, "all five were served");
    tear_down();
}

static void *serve_text(void *unused)
{
    static const char text[] = "# written from a page that the pager filled\n";
    void *page = uffd_next_page(fd);

    memset(source, 0, PAGE);
    memcpy(source, text, sizeof(text) - 1);
    must(!uffd_copy(fd, page, source, PAGE));
    return unused;
}

static void test_write(void)
{
    pthread_t pager;

    set_up(0);
    pager = thread_start(serve_text, NULL);
    is(write(STDOUT_FILENO, pages, 44), 44, "write from a missing page");
    thread_join(pager);
    tear_down();
}

/* The kernel itself may not fault for a task that asked so. */
static void test_user_mode_only(void)
{
    leave_hope(); /* it is not for want of that */
    set_up(UFFD_USER_MODE_ONLY | O_NONBLOCK);
    fails(syscall(SYS_nanosleep, pages, NULL), EFAULT,
          "UFFD_USER_MODE_ONLY: a system call gets EFAULT");
    is(uffd_poll(fd), 0, "and the pager no message");
    must(!uffd_fill(fd, pages, 0));
    works(syscall(SYS_nanosleep, pages, NULL), "once filled it works");
    tear_down();
}

int main(void)
{
    test_message();
    test_poll_blocking();
    test_blocking_read();
    test_many();
    test_batch();
    test_same_page();
    test_dont_wake();
    test_wake_empty();
    test_kernel_access();
    test_write();
    test_user_mode_only();
    return done_testing();
}
