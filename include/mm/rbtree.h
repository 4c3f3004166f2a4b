/*
 * Intrusive red-black tree with augmentation (CLRS chapters 13 and 14). The
 * user walks and compares by hand; the tree rebalances and calls `update`
 * wherever a subtree changed.
 */
#ifndef MM_RBTREE_H
#define MM_RBTREE_H

#include <base/types.h>

struct rb_node {
    struct rb_node *parent, *left, *right;
    u32 red;
};

/* Recomputes node's augmented value from itself and its children; returns
 * whether it changed (false stops the walk to the root). */
typedef bool (*rb_update_fn)(struct rb_node *node);

struct rb_root {
    struct rb_node *node;
    rb_update_fn update; /* NULL: not augmented */
};

/*
 * Hangs node at *link under parent (both from the caller's search) / takes it
 * out, colours and rebalances. also: node's successor in order if the change
 * changed that one's own augmented inputs too, so that one walk upwards does
 * for both; else NULL.
 */
void rb_insert(struct rb_root *root, struct rb_node *node,
               struct rb_node *parent, struct rb_node **link,
               struct rb_node *also);
void rb_erase(struct rb_root *root, struct rb_node *node, struct rb_node *also);

/* node's own augmented inputs changed: recompute upwards. Before any other
 * change of the tree. */
void rb_propagate(struct rb_root *root, struct rb_node *node);

struct rb_node *rb_first(const struct rb_root *root);
struct rb_node *rb_last(const struct rb_root *root);
struct rb_node *rb_next(const struct rb_node *node);
struct rb_node *rb_prev(const struct rb_node *node);

/* Red-black rules, parent links and augmentation hold: black height, or -1. */
int rb_validate(const struct rb_root *root);

#endif
