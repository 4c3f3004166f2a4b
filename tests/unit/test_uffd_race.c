/*
 * A fault on its way into the queue, and out of it with nothing done: the pager
 * that is faster, and whom a signal has called away.
 */
#include "arena.h"

#include <mm/userfaultfd.h>

static struct userfaultfd_ctx *ctx;
static struct fault_record rec;

static int setup(void **state)
{
    int r = arena_setup(state);

    ctx = userfaultfd_ctx_create(mm, 0);
    map_pages(0, 4, RW, ANON);
    assert_int_equal(
        userfaultfd_register(ctx, page_at(0), page_at(4), VM_UFFD_MISSING), 0);
    memset(&rec, 0, sizeof(rec));
    return r;
}

static int teardown(void **state)
{
    userfaultfd_release(ctx);
    return arena_teardown(state);
}

/* One try of a write by user code to page n. */
static unsigned fault(unsigned n, unsigned flags)
{
    unsigned r;

    mmap_read_lock(mm);
    r = handle_mm_fault(find_vma(mm, page_at(n)), page_at(n),
                        flags | FAULT_WRITE | FAULT_USER | FAULT_RETRY_OK,
                        &rec);
    if (!(r & VM_FAULT_RETRY))
        mmap_read_unlock(mm);
    return r;
}

static void zero_first(void)
{
    assert_int_equal(
        userfaultfd_fill(ctx, FILL_ZERO, page_at(0), 0, PAGE_SIZE, false),
        PAGE_SIZE);
    userfaultfd_wake(ctx, page_at(0), PAGE_SIZE);
}

/* The page comes when the entry has been looked at and nobody is queued that
 * could be woken: the fault may not wait for what has been. */
static void filled_before_it_queues(void **state __maybe_unused)
{
    fake_on_cycles = zero_first;
    assert_int_equal(fault(0, 0), VM_FAULT_RETRY);
    assert_null(ctx->lone);
    assert_false(userfaultfd_has_msg(ctx));
}

/* What the record says was there is what the first try found. */
static void the_first_walk_counts(void **state __maybe_unused)
{
    fake_on_cycles = zero_first;
    assert_int_equal(fault(0, 0), VM_FAULT_RETRY);
    assert_int_equal(fault(0, FAULT_TRIED), 0);
    assert_int_equal(rec.walk_before[PT_LEVELS - 1], 0);
    assert_int_equal(rec.walk_after[PT_LEVELS - 1], entry_of(mm, 0).v);
}

static int interrupted(void)
{
    return -EINTR;
}

static int another_is_interrupted(void)
{
    fake_on_block = interrupted;
    assert_int_equal(fault(1, 0), VM_FAULT_RETRY);
    assert_ptr_equal(interval_first(&ctx->crowd, 0, ~0ul), NULL);
    assert_non_null(ctx->lone);
    return -EINTR;
}

/* Whether alone or among others, it leaves nothing behind. */
static void called_away(void **state __maybe_unused)
{
    fake_on_block = another_is_interrupted;
    assert_int_equal(fault(0, 0), VM_FAULT_RETRY);
    assert_null(ctx->lone);
    assert_false(userfaultfd_has_msg(ctx));
}

#define RACE_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RACE_TEST(filled_before_it_queues),
        RACE_TEST(the_first_walk_counts),
        RACE_TEST(called_away),
    };

    return cmocka_run_group_tests_name("uffd_race", tests, fake_boot, NULL);
}
