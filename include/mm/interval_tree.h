/*
 * Intervals of u64 in an augmented red-black tree (CLRS 14.3): find all that
 * meet a range. The owner locks.
 */
#pragma once

#include <mm/rbtree.h>

struct interval_node {
    struct rb_node rb;
    u64 first, last;  /* both included; fixed while in a tree */
    u64 subtree_last; /* the greatest last of this subtree */
};

void interval_tree_init(struct rb_root *root);

/* Of nodes that begin alike, the one put in later comes later. */
void interval_insert(struct rb_root *root, struct interval_node *node);
void interval_remove(struct rb_root *root, struct interval_node *node);

/* The first node, by rising `first`, that meets [first, last]; the one after
 * node that does. NULL: none. */
struct interval_node *interval_first(const struct rb_root *root, u64 first,
                                     u64 last);
struct interval_node *interval_next(struct interval_node *node, u64 first,
                                    u64 last);
