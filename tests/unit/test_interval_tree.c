/* The interval tree against a plain array: random inserts, removals and
 * questions; and the order of intervals that begin alike. */
#include "fake.h"

#include <base/string.h>
#include <mm/interval_tree.h>

#define NODES 64
#define RANGE 100
#define OPS   20000

static struct interval_node nodes[NODES];
static unsigned born[NODES]; /* when it was put in; 0: it is not */
static unsigned now;
static struct rb_root root;

static bool before(unsigned a, unsigned b)
{
    if (nodes[a].first != nodes[b].first)
        return nodes[a].first < nodes[b].first;
    return born[a] < born[b];
}

/* The model's answer: the least that meets the range and comes after `after`
 * (-1: none yet), or -1. */
static int model_next(int after, u64 first, u64 last)
{
    int best = -1;

    for (int i = 0; i < NODES; i++) {
        if (!born[i] || nodes[i].first > last || nodes[i].last < first)
            continue;
        if (after >= 0 && !before(after, i))
            continue;
        if (best < 0 || before(i, best))
            best = i;
    }
    return best;
}

static void check_range(u64 first, u64 last)
{
    struct interval_node *node = interval_first(&root, first, last);
    int want = model_next(-1, first, last);

    while (node) {
        assert_int_equal(node - nodes, want);
        want = model_next(want, first, last);
        node = interval_next(node, first, last);
    }
    assert_int_equal(want, -1);
}

static void toggle(unsigned i)
{
    if (born[i]) {
        interval_remove(&root, &nodes[i]);
        born[i] = 0;
        return;
    }
    nodes[i].first = fake_rand(RANGE);
    nodes[i].last = nodes[i].first + fake_rand(fake_rand(2) ? 4 : RANGE);
    interval_insert(&root, &nodes[i]);
    born[i] = ++now;
}

static void random_operations(void **state __maybe_unused)
{
    interval_tree_init(&root);
    memset(born, 0, sizeof(born));
    for (unsigned op = 0; fake_more(op, OPS); op++) {
        u64 first = fake_rand(RANGE);

        toggle((unsigned)fake_rand(op & 4096 ? NODES : NODES / 8));
        assert_true(rb_validate(&root) >= 0);
        check_range(first, first + fake_rand(RANGE / 4));
    }
    check_range(0, ~0ull);
}

static void extremes(void **state __maybe_unused)
{
    struct interval_node all = {.first = 0, .last = ~0ull};
    struct interval_node end = {.first = ~0ull, .last = ~0ull};

    interval_tree_init(&root);
    assert_null(interval_first(&root, 0, ~0ull));
    interval_insert(&root, &end);
    assert_null(interval_first(&root, 0, ~0ull - 1));
    interval_insert(&root, &all);
    assert_ptr_equal(interval_first(&root, ~0ull, ~0ull), &all);
    assert_ptr_equal(interval_next(&all, ~0ull, ~0ull), &end);
    assert_null(interval_next(&all, 0, 0));
    assert_null(interval_next(&end, 0, ~0ull));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations),
        cmocka_unit_test(extremes),
    };

    fake_seed();
    return cmocka_run_group_tests_name("interval_tree", tests, NULL, NULL);
}
