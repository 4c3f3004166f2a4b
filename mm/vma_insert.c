/*
 * Changing the set of areas: link, unlink, move the edges. Each keeps tree,
 * list, gaps, count and highest end in step; mmap lock held for write.
 *
 * rb_subtree_gap of an area is the largest vm_gap in its subtree. An area's
 * gap depends on its start and on its predecessor's end, so whatever moves an
 * end must recompute the successor's.
 *
 * The newest area, mm->vma_fresh, is in the list only: programs map, use and
 * unmap, and then the tree need not know. To the tree, gaps included, it is as
 * if the area were not there; find_vma() takes it into account, and whoever
 * looks for a place puts it into the tree first (vma_settle()).
 */
#include <mm/internal.h>
#include <mm/vma_lock.h>

/* A neighbour came, went or moved. Returns the area's node, NULL for none. */
static inline struct rb_node *gap_changed(struct mm_struct *mm,
                                          struct vm_area_struct *vma)
{
    u64 gap;

    if (!vma)
        return NULL;
    gap = vma->vm_gap = vma_gap(vma, mm->vma_fresh);
    if (gap >= mm->hole_bound && mm->hole_vma &&
        vma->vm_start > mm->hole_vma->vm_start)
        mm->hole_vma = NULL;
    return &vma->vm_rb;
}

/* vma was put at the upper end of the hole that is looked at first: that is
 * the one below it from now on. Under a guard gap it makes usable what was
 * not. */
static inline void hole_link(struct mm_struct *mm, struct vm_area_struct *vma)
{
    struct vm_area_struct *next = vma->vm_next;

    if (!next)
        return;
    if (next == mm->hole_vma && vma->vm_end == next->vm_start)
        mm->hole_vma = vma;
    else if (unlikely(next->vm_flags & VM_GROWSDOWN))
        mm->hole_vma = NULL;
}

/* rb_update_fn of the tree. */
static inline bool gap_update(struct rb_node *node)
{
    struct vm_area_struct *vma = vma_of(node);
    u64 gap = vma->vm_gap;

    if (node->left)
        gap = max(gap, vma_of(node->left)->rb_subtree_gap);
    if (node->right)
        gap = max(gap, vma_of(node->right)->rb_subtree_gap);
    if (gap == vma->rb_subtree_gap)
        return false;
    vma->rb_subtree_gap = gap;
    return true;
}

void vma_tree_init(struct mm_struct *mm)
{
    mm->mm_rb = (struct rb_root){.update = gap_update};
    mm->mmap = NULL;
    mm->vma_cache = NULL;
    mm->hole_vma = NULL;
    mm->vma_fresh = NULL;
    mm->highest_vm_end = 0;
    mm->map_count = 0;
}

/*
 * Between two neighbours in order there is exactly one free link: below the
 * lower one on the right, or, when that has a right subtree, below the upper
 * one (the leftmost of that subtree) on the left.
 */
static void tree_insert(struct mm_struct *mm, struct vm_area_struct *vma)
{
    struct vm_area_struct *prev = vma->vm_prev, *next = vma->vm_next;
    struct rb_node *parent = NULL, **link = &mm->mm_rb.node;

    if (prev && !prev->vm_rb.right) {
        parent = &prev->vm_rb;
        link = &parent->right;
    } else if (next) {
        parent = &next->vm_rb;
        link = &parent->left;
    }
    rb_insert(&mm->mm_rb, gap_changed(mm, vma), parent, link,
              gap_changed(mm, next), gap_update);
}

void vma_settle_fresh(struct mm_struct *mm)
{
    struct vm_area_struct *vma = mm->vma_fresh;

    vma_tree_begin(mm);
    mm->vma_fresh = NULL;
    tree_insert(mm, vma);
    vma_tree_end(mm);
}

void vma_link(struct mm_struct *mm, struct vm_area_struct *vma,
              const struct vma_place *place)
{
    vma_settle(mm);
    vma->vm_prev = place->prev;
    vma->vm_next = place->next;
    if (place->prev)
        place->prev->vm_next = vma;
    else
        mm->mmap = vma;
    if (place->next)
        place->next->vm_prev = vma;
    else
        mm->highest_vm_end = vma->vm_end;
    mm->map_count++;
    hole_link(mm, vma);
    /* The next to be touched, most likely. */
    __atomic_store_n(&mm->vma_fresh, vma, __ATOMIC_RELEASE);
    __atomic_store_n(&mm->vma_cache, vma, __ATOMIC_RELEASE);
    if (vma->vm_object)
        object_link(vma);
}

int vma_insert(struct mm_struct *mm, struct vm_area_struct *vma)
{
    struct vma_place place;
    int err = vma_find_place(mm, vma->vm_start, vma->vm_end, &place);

    if (err)
        return err;
    vma_link(mm, vma, &place);
    return 0;
}

static void list_unlink(struct mm_struct *mm, struct vm_area_struct *vma)
{
    struct vm_area_struct *prev = vma->vm_prev, *next = vma->vm_next;

    if (prev)
        prev->vm_next = next;
    else
        mm->mmap = next;
    if (next)
        next->vm_prev = prev;
    else
        mm->highest_vm_end = prev ? prev->vm_end : 0;
    mm->map_count--;
    /* Its hole becomes part of the next one's, or of what is above all. */
    if (mm->hole_vma == vma || !next)
        mm->hole_vma = next;
}

/* The next area in the tree. That one's gap is about to change; if the newest
 * area is in between, so does the hole below it, which nobody keeps. */
static struct vm_area_struct *tree_next(struct mm_struct *mm,
                                        const struct vm_area_struct *vma)
{
    struct vm_area_struct *next = vma->vm_next;

    if (likely(!next || next != mm->vma_fresh))
        return next;
    mm->hole_vma = NULL;
    return next->vm_next;
}

/* Begun by the caller, ended here. */
static __noinline void tree_erase(struct mm_struct *mm,
                                  struct vm_area_struct *vma, bool more)
{
    struct rb_node *also = more ? NULL : gap_changed(mm, tree_next(mm, vma));

    rb_erase(&mm->mm_rb, &vma->vm_rb, also, gap_update);
    vma_tree_end(mm);
}

static inline void unlink_area(struct mm_struct *mm, struct vm_area_struct *vma,
                               bool more)
{
    list_unlink(mm, vma);
    vma_tree_begin(mm);
    if (mm->vma_cache == vma)
        mm->vma_cache = NULL;
    if (mm->vma_fresh == vma) {
        mm->vma_fresh = NULL;
        vma_tree_end(mm);
    } else {
        tree_erase(mm, vma, more);
    }
    if (unlikely(vma->vm_object != NULL))
        object_unlink(vma);
}

void vma_unlink(struct mm_struct *mm, struct vm_area_struct *vma)
{
    unlink_area(mm, vma, false);
}

void vma_unlink_more(struct mm_struct *mm, struct vm_area_struct *vma)
{
    if (mm->vma_fresh != vma)
        vma_settle(mm); /* else the last to go may not be in the tree */
    unlink_area(mm, vma, true);
}

static void set_edges(struct vm_area_struct *vma, u64 start, u64 end)
{
    vma_tree_begin(vma->vm_mm);
    if (vma->vm_object)
        object_move(vma, start, end);
    else
        vma_set_edges(vma, start, end);
    vma_tree_end(vma->vm_mm);
}

void vma_adjust(struct vm_area_struct *vma, u64 start, u64 end)
{
    struct mm_struct *mm = vma->vm_mm;
    bool start_moved = start != vma->vm_start;
    bool end_moved = end != vma->vm_end;

    vma_start_write(vma);
    set_edges(vma, start, end);
    if (end_moved && !vma->vm_next)
        mm->highest_vm_end = end;
    if (vma == mm->vma_fresh || (end_moved && !vma->vm_next))
        mm->hole_vma = NULL;
    if (vma == mm->vma_fresh)
        return;
    if (start_moved)
        rb_propagate(&mm->mm_rb, gap_changed(mm, vma));
    if (end_moved)
        rb_propagate(&mm->mm_rb, gap_changed(mm, tree_next(mm, vma)));
}
