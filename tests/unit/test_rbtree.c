/* The red-black tree against a sorted array: random inserts and erases, with
 * an augmented value (the largest weight in the subtree). */
#include "fake.h"

#define KEYS 512
#define OPS  20000

struct item {
    struct rb_node rb;
    unsigned key, weight, max_weight;
    bool in;
};

static struct item items[KEYS];
static struct rb_root root;
static unsigned count;

static struct item *item_of(struct rb_node *node)
{
    return container_of(node, struct item, rb);
}

static bool update(struct rb_node *node)
{
    struct item *it = item_of(node);
    unsigned v = it->weight;

    if (node->left)
        v = max(v, item_of(node->left)->max_weight);
    if (node->right)
        v = max(v, item_of(node->right)->max_weight);
    if (v == it->max_weight)
        return false;
    it->max_weight = v;
    return true;
}

/* Often the change of one changes its successor's weight as well. */
static struct rb_node *disturb_next(struct item *it)
{
    unsigned i = it->key + 1;

    while (i < KEYS && !items[i].in)
        i++;
    if (i == KEYS || fake_rand(3) == 0)
        return NULL;
    items[i].weight = (unsigned)fake_rand(1000);
    return &items[i].rb;
}

static void insert(struct item *it)
{
    struct rb_node **link = &root.node, *parent = NULL;

    while (*link) {
        parent = *link;
        link = it->key < item_of(parent)->key ? &parent->left : &parent->right;
    }
    it->in = true;
    it->max_weight = (unsigned)fake_rand(1000); /* stale, as after an erase */
    rb_insert(&root, &it->rb, parent, link, disturb_next(it), root.update);
    count++;
}

static void erase(struct item *it)
{
    rb_erase(&root, &it->rb, disturb_next(it), root.update);
    it->in = false;
    count--;
}

/* Everything: rules, order both ways, the augmented maximum at the root. */
static void check(void)
{
    struct rb_node *up = rb_first(&root);
    unsigned heaviest = 0;
    int height = rb_validate(&root);

    assert_true(height >= 0);
    assert_true(count == 0 || count >= (1u << height) - 1);
    for (unsigned i = 0; i < KEYS; i++) {
        if (items[i].in) {
            assert_ptr_equal(up, &items[i].rb);
            up = rb_next(up);
            heaviest = max(heaviest, items[i].weight);
        }
    }
    assert_null(up);
    if (root.node && root.update == update)
        assert_int_equal(item_of(root.node)->max_weight, heaviest);
}

static void reset(rb_update_fn fn)
{
    root = (struct rb_root){.update = fn};
    count = 0;
    for (unsigned i = 0; i < KEYS; i++)
        items[i] = (struct item){.key = i, .weight = (unsigned)fake_rand(1000)};
}

static void empty(void **state __maybe_unused)
{
    reset(update);
    check();
    assert_null(rb_first(&root));
    insert(&items[3]);
    check();
    erase(&items[3]);
    check();
    assert_null(root.node);
}

/* Rising and falling keys: the worst case for an unbalanced tree. */
static void in_order(void **state __maybe_unused)
{
    reset(update);
    for (unsigned i = 0; i < KEYS / 2; i++) {
        insert(&items[KEYS / 2 + i]);
        insert(&items[KEYS / 2 - 1 - i]);
        if (i % 16 == 0)
            check();
    }
    check();
    for (unsigned i = 0; i < KEYS; i++) {
        erase(&items[i]);
        if (i % 16 == 0)
            check();
    }
    check();
}

static void random_ops(rb_update_fn fn, unsigned fill)
{
    reset(fn);
    for (unsigned op = 0; op < OPS; op++) {
        struct item *it = &items[fake_rand(fill)];

        if (!it->in) {
            insert(it);
        } else if (fake_rand(4) == 0) {
            it->weight = (unsigned)fake_rand(1000);
            rb_propagate(&root, &it->rb);
        } else {
            erase(it);
        }
        if (fill < 32 || op % 37 == 0)
            check();
    }
    check();
}

static void random_small(void **state __maybe_unused)
{
    random_ops(update, 12);
}

static void random_large(void **state __maybe_unused)
{
    random_ops(update, KEYS);
}

static bool nothing(struct rb_node *node __maybe_unused)
{
    return false;
}

/* A tree that keeps no value. */
static void random_plain(void **state __maybe_unused)
{
    random_ops(nothing, KEYS);
}

/* rb_validate() sees each kind of damage. */
static void damage_is_seen(void **state __maybe_unused)
{
    struct rb_node *leaf;

    reset(update);
    for (unsigned i = 0; i < 64; i++)
        insert(&items[i]);
    leaf = rb_first(&root);
    leaf->red = !leaf->red;
    assert_int_equal(rb_validate(&root), -1);
    leaf->red = !leaf->red;
    root.node->red = 1;
    assert_int_equal(rb_validate(&root), -1);
    root.node->red = 0;
    leaf->parent = leaf;
    assert_int_equal(rb_validate(&root), -1);
}

static void stale_value_is_seen(void **state __maybe_unused)
{
    reset(update);
    for (unsigned i = 0; i < 64; i++)
        insert(&items[i]);
    items[40].weight = 5000;
    assert_int_equal(rb_validate(&root), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty),
        cmocka_unit_test(in_order),
        cmocka_unit_test(random_small),
        cmocka_unit_test(random_large),
        cmocka_unit_test(random_plain),
        cmocka_unit_test(damage_is_seen),
        cmocka_unit_test(stale_value_is_seen),
    };

    fake_seed();
    return cmocka_run_group_tests_name("rbtree", tests, NULL, NULL);
}
