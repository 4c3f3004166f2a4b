/*
 * Changing the set of areas: link, unlink, move the edges. Each keeps tree,
 * list, gaps, count and highest end in step; mmap lock held for write.
 *
 * rb_subtree_gap of an area is the largest vm_gap in its subtree. An area's
 * gap depends on its start and on its predecessor's end, so whatever moves an
 * end must recompute the successor's.
 */
#include <base/errno.h>
#include <mm/internal.h>
#include <mm/vma_lock.h>

static struct vm_area_struct *vma_of(struct rb_node *node)
{
    return container_of(node, struct vm_area_struct, vm_rb);
}

/* A neighbour came, went or moved. Returns the area's node, NULL for none. */
static struct rb_node *gap_changed(struct vm_area_struct *vma)
{
    if (!vma)
        return NULL;
    vma->vm_gap = vma_gap(vma);
    return &vma->vm_rb;
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
    mm->highest_vm_end = 0;
    mm->map_count = 0;
}

void vma_link(struct mm_struct *mm, struct vm_area_struct *vma,
              const struct vma_place *place)
{
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
    vma_tree_begin(mm);
    /* The next to be touched, most likely. */
    mm->vma_cache = vma;
    rb_insert(&mm->mm_rb, gap_changed(vma), place->parent, place->link,
              gap_changed(place->next), gap_update);
    vma_tree_end(mm);
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

void vma_unlink(struct mm_struct *mm, struct vm_area_struct *vma)
{
    struct vm_area_struct *prev = vma->vm_prev, *next = vma->vm_next;

    vma_start_write(vma);
    if (prev)
        prev->vm_next = next;
    else
        mm->mmap = next;
    if (next)
        next->vm_prev = prev;
    else
        mm->highest_vm_end = prev ? prev->vm_end : 0;
    mm->map_count--;
    vma_tree_begin(mm);
    if (mm->vma_cache == vma)
        mm->vma_cache = NULL;
    rb_erase(&mm->mm_rb, &vma->vm_rb, gap_changed(next), gap_update);
    vma_tree_end(mm);
    if (vma->vm_object)
        object_unlink(vma);
}

void vma_adjust(struct vm_area_struct *vma, u64 start, u64 end)
{
    struct mm_struct *mm = vma->vm_mm;
    bool start_moved = start != vma->vm_start;
    bool end_moved = end != vma->vm_end;

    vma_start_write(vma);
    vma_tree_begin(mm);
    if (vma->vm_object)
        object_move(vma, start, end);
    else
        vma_set_edges(vma, start, end);
    vma_tree_end(mm);
    if (start_moved)
        rb_propagate(&mm->mm_rb, gap_changed(vma));
    if (!end_moved)
        return;
    if (vma->vm_next)
        rb_propagate(&mm->mm_rb, gap_changed(vma->vm_next));
    else
        mm->highest_vm_end = end;
}
