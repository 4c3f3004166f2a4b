/*
 * Pages by index: a radix tree of whole frames, 512 slots a node, as tall as
 * its highest index needs. Holds no references and takes no lock: the object
 * that owns the tree does both.
 */
#pragma once

#include <base/types.h>

struct page_tree {
    struct page_tree_node *root; /* NULL: empty */
    u32 levels;                  /* nodes on the way to a page */
};

/* The page at index, or NULL. */
struct page *page_tree_find(const struct page_tree *tree, u64 index);

/* Puts page at index, growing the tree as needed.
 * Returns 0, -EEXIST (something is there), -ENOMEM. */
__must_check int page_tree_insert(struct page_tree *tree, u64 index,
                                  struct page *page);

/* Takes the page at index out and returns it, or NULL. */
struct page *page_tree_remove(struct page_tree *tree, u64 index);

/* The first page at or after *index, which moves there; NULL: none. */
struct page *page_tree_next(const struct page_tree *tree, u64 *index);

/* Frees every node; the pages are the caller's. Empty afterwards. */
void page_tree_free(struct page_tree *tree);
