/*
 * Memory that may go: MADV_FREE and MAP_DROPPABLE, at random against an array.
 * After a shortage a page shows zeros if it was given up and not written to
 * since, and its byte otherwise.
 */
#include "arena.h"

#include <mm/userfaultfd.h>

static struct model {
    u8 byte;
    bool there, given_up;
} pages[PAGES];

#define DROPPABLE 48u /* from here on */

static void setup_pages(void)
{
    memset(pages, 0, sizeof(pages));
    map_pages(0, DROPPABLE, RW, ANON);
    map_pages(DROPPABLE, PAGES - DROPPABLE, RW, MAP_DROPPABLE | MAP_ANONYMOUS);
}

static void op_free(struct range r)
{
    assert_int_equal(do_madvise(mm, r.start, r.len, MADV_FREE), 0);
    for (unsigned i = r.first; i < r.first + r.count; i++)
        pages[i].given_up |= pages[i].there;
}

static void op_write(struct range r)
{
    u8 byte = (u8)(1 + fake_rand(255));

    assert_true(fake_write(mm, r.start, (char)byte));
    pages[r.first] = (struct model){byte, true, r.first >= DROPPABLE};
}

static void op_read(struct range r)
{
    assert_int_equal(fake_read(mm, r.start), pages[r.first].byte);
}

static void op_shortage(void)
{
    u64 want = 0, most = mm_hiwater_rss(mm);

    for (unsigned i = 0; i < PAGES; i++) {
        bool goes = pages[i].there && (pages[i].given_up || i >= DROPPABLE);

        want += goes;
        if (goes)
            memset(&pages[i], 0, sizeof(pages[i]));
    }
    assert_int_equal(mm_drop_lazy(mm), want);
    assert_int_equal(mm_hiwater_rss(mm), most);
}

static void random_calls(void **state __maybe_unused)
{
    setup_pages();
    for (unsigned n = 0; fake_more(n, 10000); n++) {
        u64 what = fake_rand(30), there = 0;
        struct range r = random_range();

        if (!what)
            op_shortage();
        else if (what < 6)
            op_free(r);
        else if (what < 18)
            op_write(r);
        else
            op_read(r);
        for (unsigned i = 0; i < PAGES; i++)
            there += pages[i].there;
        assert_int_equal(mm->rss[RSS_ANON], there);
        fake_tlb_check();
    }
}

/* Pages that others share, are locked or protected by a pager stay. */
static void what_stays(void **state __maybe_unused)
{
    struct userfaultfd_ctx *ctx = userfaultfd_ctx_create(mm, 0);
    struct mm_struct *child;

    map_pages(0, 8, RW, ANON);
    map_pages(8, 2, RW, SHARED);
    for (unsigned i = 0; i < 10; i++)
        assert_true(fake_write(mm, page_at(i), 1));
    child = mm_fork(mm);
    assert_int_equal(do_madvise(mm, page_at(0), 8 * PAGE_SIZE, MADV_FREE), 0);
    assert_int_equal(mm_drop_lazy(mm), 0);
    mm_put(child);
    assert_int_equal(do_madvise(mm, page_at(0), 8 * PAGE_SIZE, MADV_FREE), 0);
    assert_int_equal(do_mlock(mm, page_at(0), PAGE_SIZE, 0), 0);
    assert_int_equal(
        userfaultfd_register(ctx, page_at(2), page_at(3), VM_UFFD_WP), 0);
    assert_int_equal(
        userfaultfd_writeprotect(ctx, page_at(2), PAGE_SIZE, true, false), 0);
    assert_int_equal(mm_drop_lazy(mm), 6);
    assert_int_equal(fake_read(mm, page_at(0)), 1);
    assert_int_equal(fake_read(mm, page_at(2)), 1);
    assert_int_equal(fake_read(mm, page_at(3)), 0);
    assert_int_equal(fake_read(mm, page_at(9)), 1);
    userfaultfd_release(ctx);
    assert_int_equal(do_madvise(mm, page_at(0), PAGE_SIZE, MADV_FREE), -EINVAL);
    assert_int_equal(do_madvise(mm, page_at(8), PAGE_SIZE, MADV_FREE), -EINVAL);
}

/* Somebody holds the lock: the shortage has to be met elsewhere. */
static void not_while_it_changes(void **state __maybe_unused)
{
    setup_pages();
    assert_true(fake_write(mm, page_at(DROPPABLE), 1));
    mmap_write_lock(mm);
    assert_int_equal(mm_drop_lazy(mm), 0);
    mmap_write_unlock(mm);
    assert_int_equal(mm_drop_lazy(mm), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ARENA_TEST(random_calls),
        ARENA_TEST(what_stays),
        ARENA_TEST(not_while_it_changes),
    };

    return cmocka_run_group_tests_name("lazyfree", tests, fake_boot, NULL);
}
