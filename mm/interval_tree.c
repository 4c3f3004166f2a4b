/*
 * Intervals that may overlap, sorted by where they begin. Each node knows the
 * greatest end in its subtree, so that subtrees which end too early are not
 * entered. Relies on rbtree.c.
 */
#include <mm/interval_tree.h>

static struct interval_node *node_of(struct rb_node *node)
{
    return container_of(node, struct interval_node, rb);
}

static bool last_update(struct rb_node *rb)
{
    struct interval_node *node = node_of(rb);
    u64 last = node->last;

    if (rb->left)
        last = max(last, node_of(rb->left)->subtree_last);
    if (rb->right)
        last = max(last, node_of(rb->right)->subtree_last);
    if (last == node->subtree_last)
        return false;
    node->subtree_last = last;
    return true;
}

void interval_tree_init(struct rb_root *root)
{
    *root = (struct rb_root){.update = last_update};
}

void interval_insert(struct rb_root *root, struct interval_node *node)
{
    struct rb_node **link = &root->node, *parent = NULL;

    while (*link) {
        parent = *link;
        link = node->first < node_of(parent)->first ? &parent->left
                                                    : &parent->right;
    }
    rb_insert(root, &node->rb, parent, link, NULL, last_update);
}

void interval_remove(struct rb_root *root, struct interval_node *node)
{
    rb_erase(root, &node->rb, NULL, last_update);
}

static bool reaches(const struct rb_node *rb, u64 first)
{
    return rb &&
           container_of(rb, struct interval_node, rb)->subtree_last >= first;
}

/*
 * The leftmost of the subtree that meets [first, last]. If anything on the
 * left reaches first, the answer is there or, where all that reaches begins
 * after last, nowhere.
 */
static struct interval_node *leftmost(struct rb_node *rb, u64 first, u64 last)
{
    while (reaches(rb, first)) {
        struct interval_node *node = node_of(rb);

        if (reaches(rb->left, first)) {
            rb = rb->left;
            continue;
        }
        if (node->first > last)
            return NULL;
        if (node->last >= first)
            return node;
        rb = rb->right;
    }
    return NULL;
}

struct interval_node *interval_first(const struct rb_root *root, u64 first,
                                     u64 last)
{
    return leftmost(root->node, first, last);
}

struct interval_node *interval_next(struct interval_node *node, u64 first,
                                    u64 last)
{
    struct interval_node *found = leftmost(node->rb.right, first, last);
    struct rb_node *rb = &node->rb, *up;

    for (; !found && (up = rb->parent); rb = up) {
        if (up->left != rb)
            continue;
        if (node_of(up)->first > last)
            return NULL;
        if (node_of(up)->last >= first)
            return node_of(up);
        found = leftmost(up->right, first, last);
    }
    return found;
}
