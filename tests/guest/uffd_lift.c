/*
 * What lifting a protection leaves as it is: poison, rights, what is known of
 * writes; whom it wakes, and when it is refused.
 */
#define _GNU_SOURCE
#include "uffd_range.h"

#define MISSING UFFDIO_REGISTER_MODE_MISSING
#define WP      UFFDIO_REGISTER_MODE_WP
#define PROTECT UFFDIO_WRITEPROTECT_MODE_WP
#define QUIET   UFFDIO_WRITEPROTECT_MODE_DONTWAKE

enum {
    COUNT = 8
};

/* The first four pages are there. */
static void set_up(unsigned long features, unsigned long mode)
{
    range_set_up(COUNT, O_NONBLOCK, features, mode);
    for (int i = 0; i < 4; i++)
        must(!uffd_fill(fd, pages + i * PAGE, '0' + i));
}

static int protect(int page, int count, unsigned long mode)
{
    return uffd_protect(fd, pages + page * PAGE, count * PAGE, mode);
}

/* A thread that waits to write to the page, and was read of. */
static pthread_t start_writer(int page)
{
    pthread_t thread = thread_start(write_one, pages + page * PAGE);

    must(uffd_next_page(fd) == pages + page * PAGE);
    return thread;
}

static int is_written(int page)
{
    return ((volatile char *)pages)[page * PAGE] == 'w';
}

/* Nobody has written or asked. */
static int all_wait(int page)
{
    let_run();
    return !uffd_poll(fd) && !is_written(page);
}

static void test_poison(void)
{
    struct uffdio_poison poison;

    set_up(UFFD_FEATURE_WP_UNPOPULATED | UFFD_FEATURE_POISON, MISSING | WP);
    for (int i = 4; i < 6; i++) {
        poison = (struct uffdio_poison){
            {(unsigned long)(pages + i * PAGE), PAGE}, 0, 0};
        must(!uffd_ioctl(fd, UFFDIO_POISON, &poison));
    }
    must(!protect(4, 2, PROTECT));
    is(probe_read(pages + 4 * PAGE), BUS_MCEERR_AR, "poison, protected");
    must(!protect(4, 1, 0));
    is(probe_read(pages + 4 * PAGE), BUS_MCEERR_AR, "and freed");
    must(!protect(4, 2, 0));
    is(probe_read(pages + 5 * PAGE), BUS_MCEERR_AR, "is poison");
    tear_down();
}

static void test_rights(void)
{
    set_up(0, WP | MISSING);
    must(!protect(0, 4, PROTECT));
    must(mprotect(pages, 4 * PAGE, PROT_READ) == 0);
    must(!protect(0, 1, 0));
    must(!protect(1, 2, 0));
    is(probe_write(pages, 'w'), SEGV_ACCERR, "what was freed is read-only");
    is(probe_write(pages + PAGE, 'w'), SEGV_ACCERR, "if its area is");
    must(mprotect(pages, 4 * PAGE, PROT_READ | PROT_WRITE) == 0);
    is(probe_write(pages, 'w'), 0, "as long as it is");
    tear_down();
}

static int is_dirty(int page)
{
    return page_is(pages + page * PAGE, PAGE_DIRTY);
}

static void test_soft_dirty(void)
{
    set_up(0, WP | MISSING);
    must(!protect(0, 4, PROTECT));
    clear_soft_dirty();
    must(!protect(0, 1, 0));
    must(!protect(1, 3, 0));
    is(is_dirty(0) + is_dirty(1), 0, "freed is not written");
    pages[0] = pages[PAGE] = 'd';
    is(is_dirty(0), 1, "who writes then is noticed");
    is(is_dirty(1), 1, "one of many, too");
    is(is_dirty(2), 0, "its neighbour was not written");
    tear_down();
}

/* The page becomes an area without WP. */
static void without_wp(int page)
{
    must(!uffd_unregister(fd, pages + page * PAGE, PAGE));
    must(!uffd_register(fd, pages + page * PAGE, PAGE));
}

static void test_refused(void)
{
    set_up(0, MISSING | WP);
    must(munmap(pages + 4 * PAGE, PAGE) == 0);
    without_wp(6);
    is(protect(4, 1, 0), -ENOENT, "a hole");
    is(protect(4, 2, 0), 0, "but not a range that begins in one");
    is(protect(6, 1, 0), -ENOENT, "a page without WP");
    is(protect(5, 2, 0), -ENOENT, "a range that ends with it");
    must(!uffd_unregister(fd, pages + 5 * PAGE, PAGE));
    is(protect(5, 1, 0), -ENOENT, "what is not registered");
    tear_down();
}

static void test_waking(void)
{
    pthread_t threads[2];

    set_up(0, MISSING | WP);
    must(!protect(0, 4, PROTECT));
    threads[0] = start_writer(1);
    threads[1] = start_writer(2);
    must(!protect(0, 4, PROTECT));
    ok(all_wait(1) && all_wait(2), "protecting again wakes nobody");
    must(!protect(0, 1, 0));
    must(!protect(3, 1, 0));
    ok(all_wait(1) && all_wait(2), "nor does freeing pages beside them");
    without_wp(4);
    is(protect(2, 3, 0), -ENOENT, "freed as far as they can be");
    ok(all_wait(2), "nobody is told");
    must(!protect(1, 2, QUIET));
    ok(all_wait(1) && all_wait(2), "nor with DONTWAKE");
    must(!protect(1, 2, 0));
    thread_join(threads[0]);
    thread_join(threads[1]);
    ok(is_written(1) && is_written(2), "then all of the range");
    tear_down();
}

/* Marks in an area that is registered for WP no more are nothing. */
static void test_left_marks(void)
{
    pthread_t thread;

    range_set_up(COUNT, O_NONBLOCK, UFFD_FEATURE_WP_UNPOPULATED, WP);
    must(!protect(0, COUNT, PROTECT));
    must(!uffd_register(fd, pages, COUNT * PAGE));
    thread = start_writer(5);
    is(uffd_zero(fd, pages + 5 * PAGE, PAGE, NULL), 0,
       "registered anew without WP, a marked page is missing");
    thread_join(thread);
    ok(is_written(5), "and no more");
    tear_down();
}

/* A protection outlasts the registration that asked for it. */
static void test_come_back(void)
{
    pthread_t thread;

    range_set_up(COUNT, O_NONBLOCK, 0, WP);
    pages[0] = '0';
    must(!protect(0, 1, PROTECT));
    is(uffd_register(fd, pages, COUNT * PAGE), 0, "registered without WP");
    is(uffd_register_mode(fd, pages, COUNT * PAGE, WP), 0, "and with it");
    thread = start_writer(0);
    ok(all_wait(0), "what was protected is");
    must(!protect(0, 1, 0));
    thread_join(thread);
    tear_down();
}

/* The page was its parent's alone again before it was protected. */
static void test_after_fork(void)
{
    struct uffdio_move move = {0, 0, PAGE, 0, 0};
    pid_t pid;

    set_up(0, MISSING | WP);
    pid = fork();
    must(pid >= 0);
    if (!pid)
        _exit(0);
    is(wait_status(pid), 0, "a child came and went");
    must(!protect(0, 1, PROTECT));
    must(!protect(0, 1, 0));
    pages[0] = 'w';
    move.dst = (unsigned long)(pages + 6 * PAGE);
    move.src = (unsigned long)pages;
    is(uffd_ioctl(fd, UFFDIO_MOVE, &move), 0,
       "a page that was freed and written moves");
    is(pages[6 * PAGE], 'w', "with what was written");
    tear_down();
}

int main(void)
{
    test_poison();
    test_rights();
    test_soft_dirty();
    test_refused();
    test_waking();
    test_left_marks();
    test_come_back();
    test_after_fork();
    return done_testing();
}
