/*
 * UFFDIO_MOVE: pages change their place, at random against an array; and what
 * it refuses. The lower half is ordinary memory, the upper is the pager's.
 */
#include "arena.h"

#include <mm/rmap.h>
#include <mm/userfaultfd.h>

#define HALF (PAGES / 2)

static struct userfaultfd_ctx *ctx;
static struct model {
    bool there;
    u8 byte;
} pages[PAGES];

static int setup(void **state)
{
    int r = arena_setup(state);

    ctx = userfaultfd_ctx_create(mm, 0);
    map_pages(0, HALF, RW, ANON);
    map_pages(HALF, HALF, RW, ANON);
    assert_int_equal(userfaultfd_register(ctx, page_at(HALF), page_at(PAGES),
                                          VM_UFFD_MISSING),
                     0);
    memset(pages, 0, sizeof(pages));
    return r;
}

static int teardown(void **state)
{
    userfaultfd_release(ctx);
    return arena_teardown(state);
}

static s64 move(unsigned dst, unsigned src, unsigned count, bool holes)
{
    return userfaultfd_move(ctx, page_at(dst), page_at(src), count * PAGE_SIZE,
                            holes);
}

static void op_move(void)
{
    unsigned count = 1 + (unsigned)fake_rand(4), n;
    unsigned src = (unsigned)fake_rand(HALF - count + 1);
    unsigned dst = HALF + (unsigned)fake_rand(HALF - count + 1);
    bool holes = fake_rand(2);
    s64 got = move(dst, src, count, holes), want = 0;

    for (n = 0; n < count && !want; n++) {
        if (pages[dst + n].there)
            want = -EEXIST;
        else if (!pages[src + n].there && !holes)
            want = -ENOENT;
        else if (pages[src + n].there)
            pages[dst + n] = pages[src + n];
        if (!want)
            memset(&pages[src + n], 0, sizeof(pages[0]));
    }
    n -= want != 0;
    assert_int_equal(got, n ? (s64)(n * PAGE_SIZE) : want);
}

static void op_touch(unsigned n)
{
    u8 byte = (u8)fake_rand(256);

    if (n >= HALF && !pages[n].there)
        return;
    if (fake_rand(2)) {
        assert_int_equal(fake_read(mm, page_at(n)), pages[n].byte);
    } else {
        assert_true(fake_write(mm, page_at(n), (char)byte));
        pages[n].byte = byte;
    }
    pages[n].there = true;
}

static void op_discard(unsigned n)
{
    assert_int_equal(do_madvise(mm, page_at(n), PAGE_SIZE, MADV_DONTNEED), 0);
    memset(&pages[n], 0, sizeof(pages[0]));
}

static void random_moves(void **state __maybe_unused)
{
    for (unsigned n = 0; fake_more(n, 20000); n++) {
        u64 what = fake_rand(10);

        if (what < 4)
            op_move();
        else if (what < 8)
            op_touch((unsigned)fake_rand(PAGES));
        else
            op_discard((unsigned)fake_rand(PAGES));
        for (unsigned i = 0; i < PAGES; i++)
            assert_int_equal(is_there(i), pages[i].there);
        assert_int_equal(validate_mm(mm), 0);
        assert_int_equal(validate_rmap(mm, ~0ull, true), 0);
        fake_tlb_check();
    }
}

static void what_it_refuses(void **state __maybe_unused)
{
    struct mm_struct *child;

    assert_true(fake_write(mm, page_at(0), 1));
    page_alloc_fail_nth(1);
    assert_int_equal(move(HALF, 0, 1, false), -ENOMEM);
    page_alloc_fail_nth(0);
    assert_int_equal(move(0, HALF, 1, false), -EINVAL); /* not ctx's */
    assert_int_equal(do_munmap(mm, page_at(5), PAGE_SIZE), 0);
    assert_int_equal(move(HALF, 5, 1, false), -ENOENT);
    assert_int_equal(move(HALF, 4, 2, false), -EINVAL);
    assert_int_equal(do_mprotect(mm, page_at(1), PAGE_SIZE, PROT_READ), 0);
    assert_int_equal(move(HALF, 1, 1, true), -EINVAL);
    map_pages(6, 1, RW, SHARED);
    assert_int_equal(move(HALF, 6, 1, true), -EINVAL);
    child = mm_fork(mm);
    assert_int_equal(move(HALF, 0, 1, false), -EBUSY);
    mm_put(child);
    assert_int_equal(move(HALF, 0, 1, false), -EBUSY); /* not used since */
    assert_true(fake_write(mm, page_at(0), 2));
    ctx->changing = 1;
    assert_int_equal(move(HALF, 0, 1, false), -EAGAIN);
    ctx->changing = 0;
    assert_int_equal(
        userfaultfd_fill(ctx, FILL_POISON, page_at(HALF), 0, PAGE_SIZE, false),
        PAGE_SIZE);
    assert_int_equal(move(HALF + 1, HALF, 1, false), -EFAULT);
    assert_int_equal(move(HALF + 1, 0, 1, false), PAGE_SIZE);
}

/* A fatal signal ends it between two pages. */
static void killed_half_way(void **state __maybe_unused)
{
    for (unsigned i = 0; i < 4; i++)
        assert_true(fake_write(mm, page_at(i), 1));
    fake_signal = true;
    assert_int_equal(move(HALF, 0, 4, false), PAGE_SIZE);
    assert_int_equal(userfaultfd_fill(ctx, FILL_ZERO, page_at(PAGES - 3), 0,
                                      2 * PAGE_SIZE, false),
                     PAGE_SIZE);
}

#define MOVE_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        MOVE_TEST(random_moves),
        MOVE_TEST(what_it_refuses),
        MOVE_TEST(killed_half_way),
    };

    return cmocka_run_group_tests_name("uffd_move", tests, fake_boot, NULL);
}
