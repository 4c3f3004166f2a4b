/*
 * Pages by index, 9 bits of it per level, like a page table that grows at the
 * root. A tree of n levels holds the indices below 512^n. Relies on
 * page_alloc.c for its nodes, a frame each.
 */
#include <mm/page.h>
#include <mm/page_tree.h>

#define SLOT_BITS 9
#define SLOTS     (1u << SLOT_BITS)

struct page_tree_node {
    void *slots[SLOTS]; /* nodes; on the lowest level pages */
};

_Static_assert(sizeof(struct page_tree_node) == PAGE_SIZE, "a node is a frame");

static unsigned slot_index(u64 index, unsigned level)
{
    return (index >> (SLOT_BITS * level)) & (SLOTS - 1);
}

static bool covers(const struct page_tree *tree, u64 index)
{
    unsigned bits = SLOT_BITS * tree->levels;

    return tree->levels && (bits >= 64 || !(index >> bits));
}

static struct page_tree_node *node_alloc(void)
{
    struct page *page = alloc_zeroed_page();

    return page ? page_address(page) : NULL;
}

static void node_free(struct page_tree_node *node)
{
    put_page(virt_to_page(node));
}

/* The slot for index, or NULL when a node on the way is missing; make: and
 * there is no memory for it. */
static inline void **find_slot(const struct page_tree *tree, u64 index,
                               bool make)
{
    struct page_tree_node *node = tree->root;

    if (!covers(tree, index))
        return NULL;
    for (unsigned level = tree->levels - 1; level && node; level--) {
        void **slot = &node->slots[slot_index(index, level)];

        if (make && !*slot)
            *slot = node_alloc();
        node = *slot;
    }
    return node ? &node->slots[slot_index(index, 0)] : NULL;
}

struct page *page_tree_find(const struct page_tree *tree, u64 index)
{
    void **slot = find_slot(tree, index, false);

    return slot ? *slot : NULL;
}

struct page *page_tree_remove(struct page_tree *tree, u64 index)
{
    void **slot = find_slot(tree, index, false);
    struct page *page = NULL;

    if (slot) {
        page = *slot;
        *slot = NULL;
    }
    return page;
}

struct page *page_tree_next(const struct page_tree *tree, u64 *index)
{
    while (covers(tree, *index)) {
        void *slot = tree->root;
        unsigned level = tree->levels;

        while (slot && level--)
            slot = ((struct page_tree_node *)slot)
                       ->slots[slot_index(*index, level)];
        if (slot)
            return slot;
        /* Nothing below that slot: on to where the next one begins. */
        *index = ((*index >> (SLOT_BITS * level)) + 1) << (SLOT_BITS * level);
        if (!*index)
            break;
    }
    return NULL;
}

/* Adds levels on top until index fits; false: no memory. */
static bool grow(struct page_tree *tree, u64 index)
{
    while (!covers(tree, index)) {
        struct page_tree_node *node = node_alloc();

        if (!node)
            return false;
        node->slots[0] = tree->root;
        tree->root = node;
        tree->levels++;
    }
    return true;
}

int page_tree_insert(struct page_tree *tree, u64 index, struct page *page)
{
    void **slot = grow(tree, index) ? find_slot(tree, index, true) : NULL;

    if (!slot)
        return -ENOMEM;
    if (*slot)
        return -EEXIST;
    *slot = page;
    return 0;
}

static void free_nodes(struct page_tree_node *node, unsigned level)
{
    for (unsigned i = 0; level && i < SLOTS; i++)
        if (node->slots[i])
            free_nodes(node->slots[i], level - 1);
    node_free(node);
}

void page_tree_free(struct page_tree *tree)
{
    if (tree->root)
        free_nodes(tree->root, tree->levels - 1);
    *tree = (struct page_tree){NULL, 0};
}
