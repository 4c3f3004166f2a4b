/*
 * Guards: what becomes of a fault whose pager is late, gone or the faulting
 * thread itself; and reading by a thread that waits for its message.
 */
#include "arena.h"

#include <mm/userfaultfd.h>

static struct userfaultfd_ctx *ctx;
static struct uffd_msg message;

static int setup(void **state)
{
    int r = arena_setup(state);

    ctx = userfaultfd_ctx_create(mm, 0);
    map_pages(0, 16, RW, ANON);
    assert_int_equal(
        userfaultfd_register(ctx, page_at(0), page_at(8), VM_UFFD_MISSING), 0);
    return r;
}

static int teardown(void **state)
{
    if (ctx)
        userfaultfd_release(ctx);
    return arena_teardown(state);
}

static int guard(unsigned first, unsigned count, u64 deadline, u32 action,
                 u32 flags)
{
    const struct uffd_guard g = {deadline, action, flags};

    return userfaultfd_guard(ctx, page_at(first), page_at(first + count), &g);
}

static enum fake_result touch(unsigned n)
{
    char *p;

    return fake_access(mm, page_at(n), true, &p);
}

/* ---- what becomes of the page ---- */

static void late_pagers(void **state __maybe_unused)
{
    assert_int_equal(guard(0, 2, 1000, UFFD_FL_ACTION_SIGBUS, 0), 0);
    assert_int_equal(guard(2, 2, 1000, UFFD_FL_ACTION_ZERO, 0), 0);
    assert_int_equal(guard(4, 2, 1000, UFFD_FL_ACTION_KILL, 0), 0);
    assert_int_equal(touch(0), FAKE_POISON);
    assert_int_equal(fake_read(mm, page_at(2)), 0);
    assert_true(fake_write(mm, page_at(2), 3));
    assert_false(fake_signal);
    (void)touch(4);
    assert_true(fake_signal);
    /* Three guards, and what has none: four areas and the rest. */
    assert_int_equal(mm->map_count, 5);
    assert_int_equal(guard(0, 8, 0, UFFD_FL_ACTION_NONE, 0), 0);
}

/* A page that is there and protected stays so: the store fails. */
static void late_with_protected_pages(void **state __maybe_unused)
{
    assert_int_equal(
        userfaultfd_register(ctx, page_at(8), page_at(10), VM_UFFD_WP), 0);
    assert_true(fake_write(mm, page_at(8), 1));
    assert_int_equal(
        userfaultfd_writeprotect(ctx, page_at(8), PAGE_SIZE, true, false), 0);
    assert_int_equal(guard(8, 1, 1000, UFFD_FL_ACTION_ZERO, 0), 0);
    assert_int_equal(touch(8), FAKE_SIGBUS);
    assert_int_equal(fake_read(mm, page_at(8)), 1);
}

static int close_it(void)
{
    struct userfaultfd_ctx *closing = ctx;

    ctx = NULL;
    userfaultfd_release(closing);
    return 0;
}

/* No deadline, but the pager is gone: at once, and for who comes later. */
static void dead_pagers(void **state __maybe_unused)
{
    assert_int_equal(guard(0, 2, 0, UFFD_FL_ACTION_SIGBUS, 0), 0);
    fake_on_block = close_it;
    assert_int_equal(touch(0), FAKE_POISON);
    assert_int_equal(touch(1), FAKE_POISON);
    assert_int_equal(fake_read(mm, page_at(2)), 0); /* not guarded */
}

static int fill_it(void)
{
    assert_int_equal(userfaultfd_next_faults(ctx, &message, 1), 1);
    assert_int_equal(
        userfaultfd_fill(ctx, FILL_ZERO, page_at(1), 0, PAGE_SIZE, false),
        PAGE_SIZE);
    userfaultfd_wake(ctx, page_at(1), PAGE_SIZE);
    return 0;
}

/* A guard against deadlocks alone: otherwise it waits as ever. */
static void nothing_to_do(void **state __maybe_unused)
{
    assert_int_equal(guard(1, 1, 0, 0, UFFD_FL_GUARD_DEADLOCK), 0);
    fake_on_block = fill_it;
    assert_int_equal(touch(1), FAKE_OK);
}

/* ---- setting them ---- */

static void what_is_refused(void **state __maybe_unused)
{
    assert_int_equal(guard(0, 1, 0, UFFD_FL_ACTION_ZERO + 1, 0), -EINVAL);
    assert_int_equal(guard(0, 1, 0, UFFD_FL_ACTION_ZERO, 2), -EINVAL);
    assert_int_equal(guard(0, 1, 5, UFFD_FL_ACTION_NONE, 0), -EINVAL);
    assert_int_equal(guard(7, 2, 0, UFFD_FL_ACTION_ZERO, 0), -ENOENT);
    mm_shrink_all();
    alloc_fail_nth(1);
    assert_int_equal(guard(0, 1, 0, UFFD_FL_ACTION_ZERO, 0), -ENOMEM);
    alloc_fail_nth(0);
    assert_int_equal(validate_mm(mm), 0);
}

/* Numbers are used again; more than there are at a time cannot be. */
static void as_many_as_there_are(void **state __maybe_unused)
{
    map_pages(0, PAGES, RW, ANON);
    assert_int_equal(
        userfaultfd_register(ctx, page_at(0), page_at(PAGES), VM_UFFD_MISSING),
        0);
    for (unsigned i = 1; i < UFFD_GUARDS; i++)
        assert_int_equal(guard(i, 1, i, UFFD_FL_ACTION_ZERO, 0), 0);
    assert_int_equal(guard(0, 1, UFFD_GUARDS, UFFD_FL_ACTION_ZERO, 0), -ENOSPC);
    assert_int_equal(guard(0, 1, 1, UFFD_FL_ACTION_ZERO, 0), 0); /* known */
    assert_int_equal(guard(5, 1, 0, UFFD_FL_ACTION_NONE, 0), 0);
    assert_int_equal(guard(0, 1, UFFD_GUARDS, UFFD_FL_ACTION_ZERO, 0), 0);
}

static int read_fork(void)
{
    struct userfaultfd_event *fork;

    assert_int_equal(userfaultfd_next_event(ctx, &message, &fork), 0);
    userfaultfd_fork_done(ctx, fork, true);
    userfaultfd_release(fork->child);
    return 0;
}

/* The child's context has the guards, too, or there is no child. */
static void forked_guards(void **state __maybe_unused)
{
    struct mm_struct *child;
    unsigned n = 0;

    ctx->features |= UFFD_FEATURE_EVENT_FORK;
    assert_int_equal(guard(0, 2, 1000, UFFD_FL_ACTION_SIGBUS, 0), 0);
    fake_on_block = read_fork;
    do {
        mm_shrink_all();
        alloc_fail_nth(++n);
        child = mm_fork(mm);
        alloc_fail_nth(0);
    } while (!child);
    assert_int_equal(fake_read(child, page_at(0)), -1);
    mm_put(child);
}

/* The address space goes first. */
static void nobody_left(void **state __maybe_unused)
{
    mm_put(mm);
    assert_int_equal(guard(0, 1, 0, UFFD_FL_ACTION_ZERO, 0), -ESRCH);
    mm = mm_create();
}

/* ---- reading ---- */

/* A fault finds the reader waiting: the message is in its hand. */
static int handed(void)
{
    assert_int_equal(message.event, UFFD_EVENT_PAGEFAULT);
    assert_int_equal(message.pagefault.address, page_at(3));
    assert_false(userfaultfd_has_msg(ctx));
    assert_int_equal(
        userfaultfd_fill(ctx, FILL_ZERO, page_at(3), 0, PAGE_SIZE, false),
        PAGE_SIZE);
    userfaultfd_wake(ctx, page_at(3), PAGE_SIZE);
    return 0;
}

static void a_reader_that_waits(void **state __maybe_unused)
{
    struct thread *me = fake_thread;
    struct uffd_msg other;

    memset(&message, 0, sizeof(message));
    assert_true(userfaultfd_reader_enter(ctx, &message));
    fake_thread = (struct thread *)&other; /* one is enough */
    assert_false(userfaultfd_reader_enter(ctx, &other));
    userfaultfd_reader_leave(ctx);
    fake_thread = me;
    fake_on_block = handed;
    assert_int_equal(touch(3), FAKE_OK);
    userfaultfd_reader_leave(ctx);
    assert_true(userfaultfd_reader_enter(ctx, &message));
    userfaultfd_reader_leave(ctx);
}

/* The fault is interrupted: nobody waits any more. */
static int interrupted(void)
{
    unsigned pending, total;

    userfaultfd_count(ctx, &pending, &total);
    assert_int_equal(pending, 1);
    assert_int_equal(total, 1);
    assert_int_equal(userfaultfd_next_faults(ctx, &message, 1), 1);
    userfaultfd_count(ctx, &pending, &total);
    assert_int_equal(pending, 0);
    assert_int_equal(total, 1);
    fake_on_block = NULL;
    assert_int_equal(
        userfaultfd_fill(ctx, FILL_ZERO, page_at(5), 0, PAGE_SIZE, false),
        PAGE_SIZE);
    return -EINTR;
}

static void faults_are_counted(void **state __maybe_unused)
{
    unsigned pending, total;

    fake_on_block = interrupted;
    assert_int_equal(touch(5), FAKE_OK);
    userfaultfd_count(ctx, &pending, &total);
    assert_int_equal(total, 0);
}

/* What the kernel itself touches may not wait where only user code may. */
static void user_mode_only(void **state __maybe_unused)
{
    struct page *page;

    ctx->flags = UFFD_USER_MODE_ONLY;
    assert_int_equal(mm_pin_page(mm, page_at(0), true, &page), -EFAULT);
}

#define GUARD_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GUARD_TEST(late_pagers),         GUARD_TEST(late_with_protected_pages),
        GUARD_TEST(dead_pagers),         GUARD_TEST(nothing_to_do),
        GUARD_TEST(what_is_refused),     GUARD_TEST(as_many_as_there_are),
        GUARD_TEST(forked_guards),       GUARD_TEST(nobody_left),
        GUARD_TEST(a_reader_that_waits), GUARD_TEST(faults_are_counted),
        GUARD_TEST(user_mode_only),
    };

    return cmocka_run_group_tests_name("uffd_guard", tests, fake_boot, NULL);
}
