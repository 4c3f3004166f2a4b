/*
 * In which order what one call does is told: mremap that cuts off a tail, that
 * moves over registered memory, without the one or the other event; munmap
 * over sealed memory; and to whom, that waits in read(2) or poll(2).
 */
#define _GNU_SOURCE
#include "uffd_range.h"

#define UNMAPS UFFD_FEATURE_EVENT_UNMAP
#define REMAPS UFFD_FEATURE_EVENT_REMAP

#ifndef SYS_mseal
#define SYS_mseal 462
#endif

enum {
    COUNT = 8
};

static char *target;

static void set_up(unsigned long features)
{
    range_set_up(COUNT, 0, features, UFFDIO_REGISTER_MODE_MISSING);
    target = map_pages(COUNT);
}

static void end(void)
{
    tear_down();
    munmap(target, COUNT * PAGE);
}

static struct uffd_msg next_of(int event)
{
    struct uffd_msg message;

    must(read(fd, &message, sizeof(message)) == sizeof(message));
    is(message.event, event, "event %x", event);
    return message;
}

static void is_unmapped(const char *start, int count)
{
    struct uffd_msg message = next_of(UFFD_EVENT_UNMAP);

    is(message.arg.remove.start, (long)start, "from");
    is(message.arg.remove.end, (long)(start + count * PAGE), "to");
}

static void is_moved(int count)
{
    struct uffd_msg message = next_of(UFFD_EVENT_REMAP);

    is(message.arg.remap.from, (long)pages, "from");
    is(message.arg.remap.to, (long)target, "to");
    is(message.arg.remap.len, count * PAGE, "how much");
}

/* Nothing is left to be told. */
static void is_done(pthread_t thread, const char *what)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN};

    ok(thread_join(thread) == target, "%s: done", what);
    must(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    is(poll(&entry, 1, 0), 0, "nothing else is told");
}

static void *cut_and_move(void *unused)
{
    (void)unused;
    return mremap(pages, 4 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
                  target);
}

static void test_cut(void)
{
    pthread_t thread;

    set_up(UNMAPS | REMAPS);
    thread = thread_start(cut_and_move, NULL);
    is_moved(4);
    is_unmapped(pages + 2 * PAGE, 2);
    is_unmapped(pages, 2);
    is_done(thread, "a tail is cut off");
    end();
    set_up(UNMAPS);
    thread = thread_start(cut_and_move, NULL);
    is_unmapped(pages + 2 * PAGE, 2);
    is_unmapped(pages, 2);
    is_done(thread, "and the move not told");
    end();
    set_up(REMAPS);
    thread = thread_start(cut_and_move, NULL);
    is_moved(4);
    is_done(thread, "or just the move");
    end();
}

static void test_over(void)
{
    pthread_t thread;

    set_up(UNMAPS | REMAPS);
    must(!uffd_register(fd, target, PAGE));
    thread = thread_start(cut_and_move, NULL);
    is_unmapped(target, 2);
    is_moved(4);
    is_unmapped(pages + 2 * PAGE, 2);
    is_unmapped(pages, 2);
    is_done(thread, "over registered memory");
    end();
}

/* It fails before it comes to what is registered, or after. */
static void *unmap_all(void *unused)
{
    (void)unused;
    return munmap(pages, COUNT * PAGE) ? target : NULL;
}

static void test_sealed(void)
{
    pthread_t thread;

    set_up(UNMAPS);
    must(!uffd_unregister(fd, pages, PAGE));
    must(syscall(SYS_mseal, pages, PAGE, 0) == 0);
    thread = thread_start(unmap_all, NULL);
    is_done(thread, "munmap of sealed memory");
    close(fd);
    set_up(UNMAPS);
    must(!uffd_unregister(fd, pages + 2 * PAGE, PAGE));
    must(syscall(SYS_mseal, pages + 2 * PAGE, PAGE, 0) == 0);
    thread = thread_start(unmap_all, NULL);
    is_unmapped(pages, COUNT);
    is_done(thread, "behind what is not");
    close(fd);
}

static void *unmap_page(void *page)
{
    return munmap(page, PAGE) ? NULL : target;
}

static void *unmap_later(void *page)
{
    let_run();
    return unmap_page(page);
}

/* What came first is read first; and whoever waits for it is woken. */
static void test_reading(void)
{
    struct pollfd entry;
    pthread_t threads[2];

    set_up(UNMAPS);
    must(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    threads[0] = thread_start(unmap_page, pages + 2 * PAGE);
    while (!uffd_poll(fd))
        sched_yield();
    must(fcntl(fd, F_SETFL, 0) == 0);
    threads[1] = thread_start(unmap_page, pages + PAGE);
    let_run();
    is_unmapped(pages + 2 * PAGE, 1);
    thread_join(threads[0]);
    is_unmapped(pages + PAGE, 1);
    thread_join(threads[1]);
    threads[0] = thread_start(unmap_later, pages + 3 * PAGE);
    is_unmapped(pages + 3 * PAGE, 1);
    thread_join(threads[0]);
    must(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    threads[0] = thread_start(unmap_later, pages + 4 * PAGE);
    entry = (struct pollfd){.fd = fd, .events = POLLIN};
    is(poll(&entry, 1, -1), 1, "poll(2) ends");
    is_unmapped(pages + 4 * PAGE, 1);
    is_done(threads[0], "and that");
    end();
}

int main(void)
{
    test_cut();
    test_over();
    test_sealed();
    test_reading();
    return done_testing();
}
