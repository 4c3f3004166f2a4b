/*
 * Red-black trees after CLRS chapter 13, with NULL for the leaves and, after
 * chapter 14, a value per node that summarises its subtree and is recomputed
 * wherever the subtree's shape or contents change.
 */
#include <mm/rbtree.h>

static bool is_red(const struct rb_node *node)
{
    return node && node->red;
}

void rb_propagate(struct rb_root *root, struct rb_node *node)
{
    rb_walk_up(node, NULL, root->update);
}

/* Makes new stand where old stood under old's parent. */
static void replace_child(struct rb_root *root, struct rb_node *old,
                          struct rb_node *new)
{
    if (!old->parent)
        root->node = new;
    else if (old->parent->left == old)
        old->parent->left = new;
    else
        old->parent->right = new;
}

/*
 *      x              y
 *     / \            / \
 *    a   y    ->    x   c       The subtree as a whole holds what it held, so
 *       / \        / \          nothing above it needs an update.
 *      b   c      a   b
 *
 * To the left; or its mirror image.
 */
static void rotate(struct rb_root *root, struct rb_node *x, bool left)
{
    struct rb_node *y = left ? x->right : x->left;
    struct rb_node **inner = left ? &y->left : &y->right;

    *(left ? &x->right : &x->left) = *inner;
    if (*inner)
        (*inner)->parent = x;
    y->parent = x->parent;
    replace_child(root, x, y);
    *inner = x;
    x->parent = y;
    root->update(x);
    root->update(y);
}

/* node is red and so may be its parent: recolour upwards, rotate at the end. */
void rb_insert_fixup(struct rb_root *root, struct rb_node *node)
{
    struct rb_node *parent;

    while (is_red(parent = node->parent)) {
        struct rb_node *grand = parent->parent; /* exists: the root is black */
        bool on_left = grand->left == parent;
        struct rb_node *uncle = on_left ? grand->right : grand->left;

        if (is_red(uncle)) {
            parent->red = uncle->red = 0;
            grand->red = 1;
            node = grand;
            continue;
        }
        if (node == (on_left ? parent->right : parent->left)) {
            rotate(root, parent, on_left);
            parent = node;
        }
        parent->red = 0;
        grand->red = 1;
        rotate(root, grand, !on_left);
        break;
    }
    root->node->red = 0;
}

/*
 * The paths through node (possibly NULL, hence parent) lack one black node.
 * One turn of CLRS's loop with sibling black; true when all is mended.
 */
static bool erase_mend(struct rb_root *root, struct rb_node *parent,
                       struct rb_node *sibling, bool on_left)
{
    struct rb_node *near = on_left ? sibling->left : sibling->right;
    struct rb_node *far = on_left ? sibling->right : sibling->left;

    if (!is_red(near) && !is_red(far)) {
        sibling->red = 1;
        return false;
    }
    if (!is_red(far)) {
        near->red = 0;
        sibling->red = 1;
        rotate(root, sibling, !on_left);
        far = sibling;
        sibling = near;
    }
    sibling->red = parent->red;
    parent->red = 0;
    far->red = 0;
    rotate(root, parent, on_left);
    return true;
}

void rb_erase_fixup(struct rb_root *root, const struct rb_erased *e)
{
    struct rb_node *node = e->child, *parent = e->parent;

    if (!e->black)
        return;
    while (parent && !is_red(node)) {
        bool on_left = parent->left == node;
        struct rb_node *sibling = on_left ? parent->right : parent->left;

        if (sibling->red) {
            sibling->red = 0;
            parent->red = 1;
            rotate(root, parent, on_left);
            sibling = on_left ? parent->right : parent->left;
        }
        if (erase_mend(root, parent, sibling, on_left))
            return;
        node = parent;
        parent = node->parent;
    }
    if (node)
        node->red = 0;
}

/* Puts next, node's successor, already out of the tree, in node's place. */
static void take_place(struct rb_root *root, struct rb_node *node,
                       struct rb_node *next)
{
    next->left = node->left;
    next->right = node->right;
    next->parent = node->parent;
    next->red = node->red;
    replace_child(root, node, next);
    if (next->left)
        next->left->parent = next;
    if (next->right)
        next->right->parent = next;
}

/* Takes out a node with at most one child: returns that child. */
static struct rb_node *splice_out(struct rb_root *root, struct rb_node *node)
{
    struct rb_node *child = node->left ? node->left : node->right;

    replace_child(root, node, child);
    if (child)
        child->parent = node->parent;
    return child;
}

/*
 * out is the node whose place in the tree goes: node itself or, if that has
 * two children, its successor, which then takes node's place and colour.
 * Without two children the successor is node's only child or an ancestor.
 */
struct rb_erased rb_erase_begin(struct rb_root *root, struct rb_node *node,
                                struct rb_node *also)
{
    struct rb_node *out = node->left && node->right ? rb_next(node) : node;
    struct rb_node *child = splice_out(root, out);
    struct rb_node *parent = out->parent;
    struct rb_erased e = {.child = child, .black = !out->red};

    if (out != node) {
        if (parent == node)
            parent = out;
        take_place(root, node, out);
        /* What is above out knew node's value, not out's. */
        e.until = out->parent ? out->parent : out;
    } else {
        e.until = also && also != child ? also : parent;
    }
    e.parent = parent;
    e.from = also && also == child ? child : parent;
    return e;
}

struct rb_node *rb_first(const struct rb_root *root)
{
    struct rb_node *node = root->node;

    while (node && node->left)
        node = node->left;
    return node;
}

struct rb_node *rb_next(const struct rb_node *node)
{
    if (node->right) {
        node = node->right;
        while (node->left)
            node = node->left;
        return (struct rb_node *)node;
    }
    while (node->parent && node->parent->right == node)
        node = node->parent;
    return node->parent;
}

/* Black height of the subtree, or -1. */
static int validate(const struct rb_root *root, struct rb_node *node,
                    const struct rb_node *parent)
{
    int left, right;

    if (!node)
        return 0;
    if (node->parent != parent || (node->red && is_red(parent)))
        return -1;
    left = validate(root, node->left, node);
    right = validate(root, node->right, node);
    if (left < 0 || left != right)
        return -1;
    if (root->update(node))
        return -1;
    return left + !node->red;
}

int rb_validate(const struct rb_root *root)
{
    if (is_red(root->node))
        return -1;
    return validate(root, root->node, NULL);
}
