/* The radix tree of pages against an array of (index, page) pairs. */
#include "fake.h"

#include <base/errno.h>
#include <mm/page_tree.h>

#define ENTRIES 400

static struct {
    u64 index;
    struct page *page; /* NULL: not in the tree */
} model[ENTRIES];
static struct page_tree tree;

/* Stand-ins: the tree never looks into a page. */
static struct page *page_number(unsigned n)
{
    return (struct page *)((uintptr_t)(n + 1) * 64);
}

/* Distinct indices: dense ones, then ever sparser ones. */
static void choose_indices(unsigned bits)
{
    for (unsigned i = 0; i < ENTRIES; i++) {
        u64 spread = bits > 9 ? (u64)i << (bits - 9) : i;

        model[i].index = i % 2 ? i : spread + (1ul << (bits - 1));
        model[i].page = NULL;
    }
}

static void check_one(unsigned i)
{
    assert_ptr_equal(page_tree_find(&tree, model[i].index), model[i].page);
}

/* last index + 1, number of pages */
static void count_page(struct page *page, u64 index, u64 *last)
{
    assert_true(index >= last[0]);
    last[0] = index + 1;
    last[1]++;
    for (unsigned i = 0; i < ENTRIES; i++)
        if (model[i].page == page)
            assert_int_equal(model[i].index, index);
}

static void count_pages(u64 *seen)
{
    struct page *page;
    u64 index = 0;

    while ((page = page_tree_next(&tree, &index))) {
        count_page(page, index, seen);
        if (!++index)
            break;
    }
}

static void random_ops(unsigned bits)
{
    u64 seen[2] = {0, 0}, expected = 0;

    choose_indices(bits);
    for (unsigned op = 0; fake_more(op, 2000); op++) {
        unsigned i = (unsigned)fake_rand(ENTRIES);

        if (fake_rand(3)) {
            int r = page_tree_insert(&tree, model[i].index, page_number(i));

            assert_int_equal(r, model[i].page ? -EEXIST : 0);
            model[i].page = page_number(i);
        } else {
            struct page *was = page_tree_remove(&tree, model[i].index);

            assert_ptr_equal(was, model[i].page);
            model[i].page = NULL;
        }
        check_one(i);
    }
    for (unsigned i = 0; i < ENTRIES; i++) {
        check_one(i);
        expected += model[i].page != NULL;
    }
    count_pages(seen);
    assert_int_equal(seen[1], expected);
    page_tree_free(&tree);
    assert_null(tree.root);
}

static void sizes(void **state __maybe_unused)
{
    static const unsigned bits[] = {10, 12, 18, 27, 28, 36, 45, 52, 63};

    for (unsigned i = 0; i < ARRAY_SIZE(bits); i++)
        random_ops(bits[i]);
}

static void empty(void **state __maybe_unused)
{
    u64 seen[2] = {0, 0};

    assert_null(page_tree_find(&tree, 0));
    assert_null(page_tree_remove(&tree, 12345));
    count_pages(seen);
    assert_int_equal(seen[1], 0);
    page_tree_free(&tree);
}

/* As tall as the highest index needs, and no taller. */
static void height(void **state __maybe_unused)
{
    static const struct {
        u64 index;
        unsigned levels;
    } steps[] = {{0, 1},      {511, 1},    {512, 2},
                 {262143, 2}, {262144, 3}, {~0ul, 8}};

    for (unsigned i = 0; i < ARRAY_SIZE(steps); i++) {
        assert_int_equal(
            page_tree_insert(&tree, steps[i].index, page_number(i)), 0);
        assert_int_equal(tree.levels, steps[i].levels);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(steps); i++)
        assert_ptr_equal(page_tree_find(&tree, steps[i].index), page_number(i));
    assert_null(page_tree_find(&tree, 1ul << 40));
    page_tree_free(&tree);
}

/* Without memory nothing that was there is lost, whatever fails. */
static void no_memory_left(void **state __maybe_unused)
{
    unsigned failures = 0;
    int r;

    assert_int_equal(page_tree_insert(&tree, 7, page_number(7)), 0);
    do {
        page_alloc_fail_nth(++failures);
        r = page_tree_insert(&tree, 1ul << 30, page_number(30));
        page_alloc_fail_nth(0);
        assert_ptr_equal(page_tree_find(&tree, 7), page_number(7));
    } while (r == -ENOMEM);
    assert_int_equal(r, 0);
    assert_true(failures > 1);
    assert_ptr_equal(page_tree_find(&tree, 1ul << 30), page_number(30));
    page_tree_free(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_TEST(empty),
        LEAK_TEST(sizes),
        LEAK_TEST(height),
        LEAK_TEST(no_memory_left),
    };

    return cmocka_run_group_tests_name("page_tree", tests, fake_boot, NULL);
}
