/*
 * Whom a wake-up reaches: those who wait within its range and nobody else.
 * Who is woken for nothing would fault again, and that were a message more.
 */
#include "uffd_range.h"

enum {
    COUNT = 8
};

static pthread_t threads[COUNT];

/* A thread waits at each of the pages whose bit is set; all were read of. */
static void set_up(unsigned waiting)
{
    range_set_up(COUNT, O_NONBLOCK, 0, UFFDIO_REGISTER_MODE_MISSING);
    for (int i = 0; i < COUNT; i++) {
        if (!(waiting >> i & 1))
            continue;
        threads[i] = thread_start(read_byte, pages + i * PAGE);
        must(uffd_next_page(fd) == pages + i * PAGE);
    }
}

static int nobody_came(void)
{
    let_run();
    return uffd_poll(fd) == 0;
}

/* The pages of those who fault again, as bits. */
static unsigned who_comes(int count)
{
    unsigned who = 0;

    while (count--)
        who |= 1u << ((char *)uffd_next_page(fd) - pages) / PAGE;
    return nobody_came() ? who : ~0u;
}

static void end(unsigned waiting)
{
    int wrong = 0;

    for (int i = 0; i < COUNT; i++) {
        if (!(waiting >> i & 1))
            continue;
        must(!uffd_fill(fd, pages + i * PAGE, i + 1));
        wrong += thread_join(threads[i]) != (void *)(long)(i + 1);
    }
    is(wrong, 0, "in the end each has its page");
    tear_down();
}

static void test_one(void)
{
    set_up(1 << 2);
    must(!uffd_wake(fd, pages, 2 * PAGE));
    ok(nobody_came(), "a range that ends before the only one who waits");
    must(!uffd_wake(fd, pages + 3 * PAGE, 5 * PAGE));
    ok(nobody_came(), "one that begins behind");
    must(!uffd_wake(fd, pages + 2 * PAGE, PAGE));
    is(who_comes(1), 1 << 2, "one of that page alone reaches it");
    must(!uffd_wake(fd, pages, COUNT * PAGE));
    is(who_comes(1), 1 << 2, "and one of all pages, for it waits again");
    end(1 << 2);
}

static void test_several(void)
{
    const unsigned waiting = 1 << 1 | 1 << 3 | 1 << 4 | 1 << 6;

    set_up(waiting);
    must(!uffd_wake(fd, pages, PAGE));
    must(!uffd_wake(fd, pages + 2 * PAGE, PAGE));
    must(!uffd_wake(fd, pages + 5 * PAGE, PAGE));
    must(!uffd_wake(fd, pages + 7 * PAGE, PAGE));
    ok(nobody_came(), "of four, none between or around whom is woken");
    must(!uffd_wake(fd, pages + 2 * PAGE, 3 * PAGE));
    is(who_comes(2), 1 << 3 | 1 << 4, "the two of the range and no others");
    must(!uffd_wake(fd, pages + PAGE, PAGE));
    is(who_comes(1), 1 << 1, "who came first");
    must(!uffd_wake(fd, pages + 4 * PAGE, 3 * PAGE));
    is(who_comes(2), 1 << 4 | 1 << 6, "to the end of a range");
    must(!uffd_wake(fd, pages, COUNT * PAGE));
    is(who_comes(4), waiting, "all of them");
    end(waiting);
}

/* A fill wakes as far as it came. */
static void test_part(void)
{
    long copied;

    set_up(1 << 1 | 1 << 4);
    memset(source + PAGE, 's', PAGE);
    must(!uffd_fill(fd, pages + 2 * PAGE, 'p'));
    ok(nobody_came(), "a page filled next to one that is waited for");
    is(uffd_copy_mode(fd, pages, source, 4 * PAGE, 0, &copied), -EAGAIN,
       "a copy that finds a page there");
    is(copied, 2 * PAGE, "ends before it");
    is(thread_join(threads[1]), 's', "who waits for what was copied goes on");
    is(uffd_zero(fd, pages + 3 * PAGE, 4 * PAGE, &copied), 0, "many zeros");
    is(thread_join(threads[4]), 0, "wake who waits in the middle");
    tear_down();
}

static void test_beyond_part(void)
{
    long copied;

    set_up(1 << 3);
    must(!uffd_fill(fd, pages + 2 * PAGE, 'p'));
    is(uffd_copy_mode(fd, pages + PAGE, source, 3 * PAGE, 0, &copied), -EAGAIN,
       "a copy that ends early");
    is(copied, PAGE, "after a page");
    ok(nobody_came(), "does not wake who waits behind its end");
    end(1 << 3);
}

static void *wait_and_read(void *address)
{
    while (!uffd_poll(fd))
        sched_yield();
    return read_byte(address);
}

/* Oldest first, and as many as there are. */
static void test_messages(void)
{
    struct uffd_msg messages[4];

    range_set_up(COUNT, O_NONBLOCK, 0, UFFDIO_REGISTER_MODE_MISSING);
    threads[1] = thread_start(wait_and_read, pages + PAGE);
    threads[2] = thread_start(read_byte, pages + 2 * PAGE);
    await_faults(fd, 2);
    is((long)uffd_next_page(fd), (long)(pages + 2 * PAGE),
       "who came first is told first");
    must(uffd_next_page(fd) == pages + PAGE);
    must(fcntl(fd, F_SETFL, 0) == 0);
    threads[3] = thread_start(read_byte, pages + 3 * PAGE);
    is(read(fd, messages, sizeof(messages)), sizeof(messages[0]),
       "a read that waits does not wait for more than it has");
    must(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    end(1 << 1 | 1 << 2 | 1 << 3);
}

int main(void)
{
    test_one();
    test_several();
    test_part();
    test_beyond_part();
    test_messages();
    return done_testing();
}
