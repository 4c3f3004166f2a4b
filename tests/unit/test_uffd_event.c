/*
 * Events: who changes a mapping waits until the pager has read of it, or until
 * nobody will. The pager's turn comes when the change blocks.
 */
#include "arena.h"

#include <mm/userfaultfd.h>

#define ALL                                                                    \
    (UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP |                      \
     UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_EVENT_UNMAP)

static struct userfaultfd_ctx *ctx, *child_ctx;
static struct uffd_msg seen[8];
static unsigned count;
static struct userfaultfd_event *fork_event;

static int setup(void **state)
{
    int r = arena_setup(state);

    ctx = userfaultfd_ctx_create(mm, 0);
    ctx->features = ALL;
    map_pages(0, 16, RW, ANON);
    assert_int_equal(
        userfaultfd_register(ctx, page_at(0), page_at(16), VM_UFFD_WP), 0);
    count = 0;
    child_ctx = NULL;
    return r;
}

static int teardown(void **state)
{
    if (ctx)
        userfaultfd_release(ctx);
    return arena_teardown(state);
}

/* Reads one event; of a fork also takes the child's context, or does not. */
static int read_event(bool take)
{
    if (userfaultfd_next_event(ctx, &seen[count], &fork_event))
        return -EAGAIN;
    count++;
    if (!fork_event)
        return 0;
    if (take)
        child_ctx = fork_event->child;
    userfaultfd_fork_done(ctx, fork_event, take);
    return 0;
}

static int pager(void)
{
    assert_true(userfaultfd_has_msg(ctx));
    assert_int_equal(ctx->changing > 0, true);
    assert_int_equal(read_event(true), 0);
    return 0;
}

static void saw(unsigned n, u8 event, u64 a, u64 b)
{
    assert_true(n < count);
    assert_int_equal(seen[n].event, event);
    assert_int_equal(seen[n].words[0], a);
    assert_int_equal(seen[n].words[1], b);
}

static void unmapping(void **state __maybe_unused)
{
    fake_on_block = pager;
    map_pages(8, 2, RW, ANON); /* over a part of it */
    saw(0, UFFD_EVENT_UNMAP, page_at(8), page_at(10));
    /* Two areas of the same pager, one event. */
    assert_int_equal(do_munmap(mm, page_at(6), 6 * PAGE_SIZE), 0);
    saw(1, UFFD_EVENT_UNMAP, page_at(6), page_at(12));
    assert_int_equal(count, 2);
    assert_int_equal(ctx->changing, 0);
    assert_int_equal(do_munmap(mm, page_at(20), PAGE_SIZE), 0);
    assert_int_equal(count, 2);
}

static void discarding(void **state __maybe_unused)
{
    fake_on_block = pager;
    assert_int_equal(do_madvise(mm, page_at(2), PAGE_SIZE, MADV_DONTNEED), 0);
    saw(0, UFFD_EVENT_REMOVE, page_at(2), page_at(3));
    assert_int_equal(do_madvise(mm, page_at(3), PAGE_SIZE, MADV_FREE), 0);
    assert_int_equal(count, 2);
    assert_int_equal(do_mlock(mm, page_at(3), PAGE_SIZE, MLOCK_ONFAULT), 0);
    assert_int_equal(do_madvise(mm, page_at(3), PAGE_SIZE, MADV_DONTNEED),
                     -EINVAL);
    assert_int_equal(count, 2);
    assert_int_equal(
        do_madvise(mm, page_at(3), PAGE_SIZE, MADV_DONTNEED_LOCKED), 0);
    assert_int_equal(count, 3);
}

/* While the pager is told the area goes. */
static int unmap_meanwhile(void)
{
    fake_on_block = pager;
    (void)read_event(true);
    assert_int_equal(do_munmap(mm, page_at(0), 16 * PAGE_SIZE), 0);
    return 0;
}

static void gone_while_told(void **state __maybe_unused)
{
    fake_on_block = unmap_meanwhile;
    assert_int_equal(do_madvise(mm, page_at(2), PAGE_SIZE, MADV_DONTNEED),
                     -ENOMEM);
}

static void moving(void **state __maybe_unused)
{
    const u64 len = 4 * PAGE_SIZE;
    long at;

    fake_on_block = pager;
    at = do_mremap(mm, page_at(4), len, len, MREMAP_MAYMOVE | MREMAP_FIXED,
                   page_at(40));
    assert_int_equal(at, page_at(40));
    saw(0, UFFD_EVENT_REMAP, page_at(4), page_at(40));
    assert_int_equal(seen[0].remap.len, len);
    assert_ptr_equal(find_vma(mm, page_at(40))->vm_uffd, ctx); /* keeps it */
    /* The old place was told of as well, as on Linux. */
    while (userfaultfd_has_msg(ctx))
        (void)read_event(true);
}

/* No memory to tell of it: nothing is done. */
static void nothing_to_tell_with(void **state __maybe_unused)
{
    const u64 len = 4 * PAGE_SIZE;
    unsigned n = 0;
    long r;

    fake_on_block = pager;
    do {
        mm_shrink_all();
        alloc_fail_nth(++n);
        r = do_mremap(mm, page_at(4), len, len, MREMAP_MAYMOVE | MREMAP_FIXED,
                      page_at(40));
        alloc_fail_nth(0);
        if (r < 0)
            assert_int_equal(count, 0);
        assert_int_equal(ctx->changing, 0);
    } while (r == -ENOMEM);
    assert_int_equal(r, page_at(40));
    assert_true(n > 2);
    for (n = 1;; n++) {
        mm_shrink_all();
        alloc_fail_nth(n);
        r = do_munmap(mm, page_at(0), PAGE_SIZE);
        alloc_fail_nth(0);
        if (!r)
            break;
        assert_int_equal(r, -ENOMEM);
    }
    assert_true(n > 1);
}

/* ---- fork ---- */

static void forking(void **state __maybe_unused)
{
    const struct vm_area_struct *vma;
    struct mm_struct *child;

    assert_int_equal(do_munmap(mm, page_at(20), PAGE_SIZE), 0);
    map_pages(24, 2, RW, ANON);
    assert_int_equal(
        userfaultfd_register(ctx, page_at(24), page_at(26), VM_UFFD_WP), 0);
    assert_true(fake_write(mm, page_at(1), 1));
    assert_int_equal(
        userfaultfd_writeprotect(ctx, page_at(1), PAGE_SIZE, true, false), 0);
    fake_on_block = pager;
    child = mm_fork(mm);
    assert_non_null(child);
    assert_int_equal(count, 1); /* one context for both areas */
    assert_int_equal(seen[0].event, UFFD_EVENT_FORK);
    assert_ptr_equal(child_ctx->mm, child);
    for (vma = child->mmap; vma; vma = vma->vm_next)
        assert_ptr_equal(vma->vm_uffd, child_ctx);
    assert_true(pte_uffd_wp(entry_of(child, 1))); /* the child's, too */
    userfaultfd_release(child_ctx);
    mm_put(child);
}

/* The reader had no room for a descriptor: the event is there again. */
static int cannot_take_it(void)
{
    fake_on_block = pager;
    assert_int_equal(read_event(false), 0);
    assert_true(userfaultfd_has_msg(ctx));
    return 0;
}

static void read_once_more(void **state __maybe_unused)
{
    struct mm_struct *child;

    fake_on_block = cannot_take_it;
    child = mm_fork(mm);
    assert_non_null(child);
    assert_int_equal(count, 2);
    userfaultfd_release(child_ctx);
    mm_put(child);
}

/* Contexts that there are. */
static unsigned contexts(void)
{
    const struct list_head *l;
    unsigned n = 0;

    for (l = userfaultfd_all.next; l != &userfaultfd_all; l = l->next)
        n++;
    return n;
}

static void fork_fails_whole(void **state __maybe_unused)
{
    unsigned n = 0, before = contexts();
    struct mm_struct *child;

    map_pages(24, 2, RW, ANON); /* to fail with after the pager's */
    assert_true(fake_write(mm, page_at(24), 1));
    fake_on_block = pager;
    do {
        mm_shrink_all();
        alloc_fail_nth(++n);
        child = mm_fork(mm);
        alloc_fail_nth(0);
        assert_int_equal(ctx->changing, 0);
        assert_int_equal(count, child ? 1 : 0);
        assert_int_equal(contexts(), before + count);
    } while (!child);
    assert_true(n > 4);
    userfaultfd_release(child_ctx);
    mm_put(child);
}

/* ---- nobody reads ---- */

static int close_it(void)
{
    struct userfaultfd_ctx *closing = ctx;

    ctx = NULL;
    userfaultfd_release(closing);
    return 0;
}

static void closed_while_told(void **state __maybe_unused)
{
    struct mm_struct *child;

    fake_on_block = close_it;
    child = mm_fork(mm);
    assert_non_null(child);
    assert_null(child->mmap->vm_uffd); /* no descriptor will name it */
    mm_put(child);
}

static int close_while_reading(void)
{
    assert_int_equal(userfaultfd_next_event(ctx, &seen[0], &fork_event), 0);
    userfaultfd_ctx_get(ctx);
    userfaultfd_release(ctx);
    userfaultfd_fork_done(ctx, fork_event, false);
    assert_false(userfaultfd_has_msg(ctx));
    userfaultfd_ctx_put(ctx);
    ctx = NULL;
    return 0;
}

static void closed_while_read(void **state __maybe_unused)
{
    struct mm_struct *child;

    fake_on_block = close_while_reading;
    child = mm_fork(mm);
    assert_non_null(child);
    mm_put(child);
}

static int interrupted(void)
{
    fake_signal = true;
    return -EINTR;
}

/* To be killed: the event is taken back. */
static void killed_while_telling(void **state __maybe_unused)
{
    fake_on_block = interrupted;
    assert_int_equal(do_munmap(mm, page_at(3), PAGE_SIZE), 0);
    assert_false(userfaultfd_has_msg(ctx));
    assert_int_equal(ctx->changing, 0);
    fake_signal = false;
}

/* The reader is at it: its end is waited for, and only that. */
static int read_to_the_end(void)
{
    assert_ptr_equal(fork_event->child->mm, child_ctx->mm);
    userfaultfd_fork_done(ctx, fork_event, true);
    return 0;
}

static int killed_while_read(void)
{
    assert_int_equal(userfaultfd_next_event(ctx, &seen[0], &fork_event), 0);
    child_ctx = fork_event->child;
    fake_signal = true;
    fake_on_block = read_to_the_end;
    return -EINTR;
}

static void killed_while_reading(void **state __maybe_unused)
{
    struct mm_struct *child;

    fake_on_block = killed_while_read;
    child = mm_fork(mm);
    fake_signal = false;
    assert_non_null(child);
    assert_ptr_equal(child->mmap->vm_uffd, child_ctx);
    userfaultfd_release(child_ctx);
    mm_put(child);
}

static void closed_before(void **state __maybe_unused)
{
    userfaultfd_ctx_get(ctx);
    WRITE_ONCE(ctx->released, true);
    assert_int_equal(do_munmap(mm, page_at(3), PAGE_SIZE), 0); /* no waiting */
    assert_false(userfaultfd_has_msg(ctx));
    userfaultfd_ctx_put(ctx);
}

#define EVENT_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EVENT_TEST(unmapping),
        EVENT_TEST(discarding),
        EVENT_TEST(gone_while_told),
        EVENT_TEST(moving),
        EVENT_TEST(nothing_to_tell_with),
        EVENT_TEST(forking),
        EVENT_TEST(read_once_more),
        EVENT_TEST(fork_fails_whole),
        EVENT_TEST(closed_while_told),
        EVENT_TEST(closed_while_read),
        EVENT_TEST(killed_while_telling),
        EVENT_TEST(killed_while_reading),
        EVENT_TEST(closed_before),
    };

    return cmocka_run_group_tests_name("uffd_event", tests, fake_boot, NULL);
}
