/*
 * Intrusive red-black tree with augmentation (CLRS chapters 13 and 14). The
 * user walks and compares by hand; the tree rebalances and calls `update`
 * wherever a subtree changed.
 */
#pragma once

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
    rb_update_fn update; /* never NULL */
};

/*
 * Recomputes upwards from node: at least up to and with until (NULL: node
 * alone), then on as long as something changes.
 */
static inline void rb_walk_up(struct rb_node *node, struct rb_node *until,
                              rb_update_fn update)
{
    for (; node; node = node->parent) {
        bool changed = update(node);

        if (node == until)
            until = NULL;
        if (!changed && !until)
            break;
    }
}

/* What an erased node leaves to be done: values from `from` to `until`, then
 * the colours. */
struct rb_erased {
    struct rb_node *child, *parent, *from, *until;
    bool black;
};

struct rb_erased rb_erase_begin(struct rb_root *root, struct rb_node *node,
                                struct rb_node *also);
void rb_erase_fixup(struct rb_root *root, const struct rb_erased *e);
void rb_insert_fixup(struct rb_root *root, struct rb_node *node);

/*
 * Hangs node at *link under parent (both from the caller's search) / takes it
 * out, colours and rebalances. also: node's successor in order if the change
 * changed that one's own augmented inputs too, so that one walk upwards does
 * for both; else NULL. update: root->update, named by the caller so that the
 * compiler sees it and the walk is a plain loop.
 */
static inline void rb_insert(struct rb_root *root, struct rb_node *node,
                             struct rb_node *parent, struct rb_node **link,
                             struct rb_node *also, rb_update_fn update)
{
    /* A new leaf's successor, if it has one, is among its ancestors. */
    *node = (struct rb_node){.parent = parent, .red = 1};
    *link = node;
    rb_walk_up(node, also ? also : parent, update);
    rb_insert_fixup(root, node);
}

static inline void rb_erase(struct rb_root *root, struct rb_node *node,
                            struct rb_node *also, rb_update_fn update)
{
    struct rb_erased e = rb_erase_begin(root, node, also);

    rb_walk_up(e.from, e.until, update);
    rb_erase_fixup(root, &e);
}

/* node's own augmented inputs changed: recompute upwards. Before any other
 * change of the tree. */
void rb_propagate(struct rb_root *root, struct rb_node *node);

struct rb_node *rb_first(const struct rb_root *root);
struct rb_node *rb_next(const struct rb_node *node);

/* Red-black rules, parent links and augmentation hold: black height, or -1. */
int rb_validate(const struct rb_root *root);
