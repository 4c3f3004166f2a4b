/*
 * Memory groups: a tree of limits, each page counted where it was first
 * touched and in all groups around that, until it is freed.
 */
#include "arena.h"

#include <mm/group.h>
#include <mm/object_pager.h>

static struct mm_group *outer, *inner;

static int setup(void **state)
{
    int r = arena_setup(state);

    outer = mm_group_create(NULL, 20);
    inner = mm_group_create(outer, 8);
    mm_set_group(mm, inner);
    map_pages(0, PAGES, RW, ANON);
    return r || !outer || !inner ? -1 : 0;
}

static int teardown(void **state)
{
    struct mm_group *groups[] = {outer, inner};

    /* The groups go with the last page and the last member. */
    for (unsigned i = 0; i < 2; i++)
        mm_group_put(groups[i]);
    return arena_teardown(state);
}

static void pages_count_on_all_levels(void **state __maybe_unused)
{
    for (unsigned i = 0; i < 5; i++)
        assert_true(fake_write(mm, page_at(i), 1));
    assert_int_equal(fake_read(mm, page_at(9)), 0); /* the zero page */
    assert_int_equal(inner->used, 5);
    assert_int_equal(outer->used, 5);
    assert_int_equal(do_munmap(mm, page_at(0), 2 * PAGE_SIZE), 0);
    assert_int_equal(inner->used, 3);
    assert_int_equal(outer->used, 3);
}

static void the_inner_limit(void **state __maybe_unused)
{
    char *p;

    for (unsigned i = 0; i < 8; i++)
        assert_true(fake_write(mm, page_at(i), 1));
    assert_ptr_equal(mm_group_full(mm), inner);
    assert_int_equal(fake_access(mm, page_at(8), true, &p), FAKE_OOM);
    assert_int_equal(inner->used, 8);
    assert_int_equal(outer->used, 8);
    assert_int_equal(do_madvise(mm, page_at(3), PAGE_SIZE, MADV_DONTNEED), 0);
    assert_null(mm_group_full(mm));
    assert_true(fake_write(mm, page_at(8), 1));
}

/* An object's page counts, and so does a copy of it. */
static void object_pages_count(void **state __maybe_unused)
{
    struct mem_object *object = object_create_shmem(4 * PAGE_SIZE);
    long at = do_mmap(mm, 0, 4 * PAGE_SIZE, RW, MAP_PRIVATE, object, 0, false);

    assert_true(at > 0);
    object_put(object);
    assert_int_equal(fake_read(mm, (u64)at), 0);
    assert_int_equal(inner->used, 1);
    assert_true(fake_write(mm, (u64)at, 1));
    assert_int_equal(inner->used, 2);
    assert_true(fake_write(mm, (u64)at + PAGE_SIZE, 1));
    assert_int_equal(inner->used, 4);
}

/* So does what a pager fills, of either kind of memory or of its own object,
 * and what fallocate(2) sets aside. */
static void other_ways_count(void **state __maybe_unused)
{
    struct userfaultfd_ctx *ctx = userfaultfd_ctx_create(mm, 0);
    struct mem_object *object = object_create_shmem(4 * PAGE_SIZE);
    struct mem_object *paged = fake_object();
    const struct uffdio_fl_bind bind = {0};
    const struct uffdio_fl_object zeros = {.mode = UFFD_FL_MODE_ZERO,
                                           .len = PAGE_SIZE};
    long at = do_mmap(mm, 0, 4 * PAGE_SIZE, RW, MAP_SHARED, object, 0, true);

    assert_true(at > 0);
    assert_int_equal(
        userfaultfd_register(ctx, page_at(0), page_at(1), VM_UFFD_MISSING), 0);
    assert_int_equal(userfaultfd_register(ctx, (u64)at, (u64)at + PAGE_SIZE,
                                          VM_UFFD_MISSING),
                     0);
    assert_true(fake_write(mm, page_at(2), 1));
    assert_int_equal(inner->used, 1);
    assert_int_equal(userfaultfd_fill(ctx, FILL_COPY, page_at(0), page_at(2),
                                      PAGE_SIZE, false),
                     PAGE_SIZE);
    assert_int_equal(inner->used, 2);
    assert_int_equal(
        userfaultfd_fill(ctx, FILL_ZERO, (u64)at, 0, PAGE_SIZE, false),
        PAGE_SIZE);
    assert_int_equal(inner->used, 3);
    assert_int_equal(object_reserve(object, PAGE_SIZE, PAGE_SIZE, true), 0);
    assert_int_equal(inner->used, 4);
    assert_int_equal(object_resize(paged, PAGE_SIZE), 0);
    assert_int_equal(object_bind(paged, ctx, &bind), 0);
    assert_int_equal(object_fill(paged, ctx, &zeros), PAGE_SIZE);
    assert_int_equal(inner->used, 5);
    userfaultfd_release(ctx);
    object_put(object);
    object_put(paged);
}

/* A copy counts, as its maker's. */
static void fork_hands_it_on(void **state __maybe_unused)
{
    struct mm_struct *child;

    assert_true(fake_write(mm, page_at(0), 1));
    child = mm_fork(mm);
    assert_ptr_equal(child->group, inner);
    assert_int_equal(inner->used, 1);
    assert_true(fake_write(child, page_at(0), 2));
    assert_int_equal(inner->used, 2);
    mm_put(child);
    assert_int_equal(inner->used, 1);
}

/* A new group inside, for one task: both limits hold, the nearer is found. */
static void the_outer_limit(void **state __maybe_unused)
{
    struct mm_group *second = mm_group_create(outer, 100);
    struct mm_struct *other = mm_create();
    u64 at = page_at(0);
    char *p;

    mm_set_group(other, second);
    mm_group_put(second);
    assert_int_equal(do_mmap(other, at, PAGES * PAGE_SIZE, RW, ANON | MAP_FIXED,
                             NULL, 0, false),
                     at);
    for (unsigned i = 0; i < 5; i++)
        assert_true(fake_write(mm, page_at(i), 1));
    for (unsigned i = 0; i < 15; i++)
        assert_true(fake_write(other, page_at(i), 1));
    assert_int_equal(fake_access(other, page_at(15), true, &p), FAKE_OOM);
    assert_int_equal(second->used, 15);
    assert_int_equal(outer->used, 20);
    assert_ptr_equal(mm_group_full(other), outer);
    assert_true(mm_group_within(second, outer));
    assert_true(mm_group_within(inner, inner));
    assert_false(mm_group_within(outer, inner));
    assert_false(mm_group_within(NULL, outer));
    mm_put(other);
    assert_int_equal(outer->used, 5);
}

static void no_memory_for_a_group(void **state __maybe_unused)
{
    alloc_fail_nth(1);
    assert_null(mm_group_create(outer, 1));
    alloc_fail_nth(0);
}

#define GROUP_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GROUP_TEST(pages_count_on_all_levels), GROUP_TEST(the_inner_limit),
        GROUP_TEST(fork_hands_it_on),          GROUP_TEST(the_outer_limit),
        GROUP_TEST(no_memory_for_a_group),     GROUP_TEST(object_pages_count),
        GROUP_TEST(other_ways_count),
    };

    return cmocka_run_group_tests_name("group", tests, fake_boot, NULL);
}
