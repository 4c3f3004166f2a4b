/*
 * Looking areas up: by address, by range, and where a new one would hang. All
 * O(log n), with the mmap lock held for read or write.
 */
#include <mm/mm.h>

static struct vm_area_struct *vma_of(struct rb_node *node)
{
    return container_of(node, struct vm_area_struct, vm_rb);
}

/*
 * The last hit is remembered: consecutive faults mostly hit the same area.
 * Readers may race to write it; any of their values will do, since an area
 * leaves it before it goes (vma_unlink()).
 */
struct vm_area_struct *find_vma(struct mm_struct *mm, u64 addr)
{
    struct vm_area_struct *found = READ_ONCE(mm->vma_cache);
    struct rb_node *node = mm->mm_rb.node;

    if (found && found->vm_start <= addr && addr < found->vm_end)
        return found;
    found = NULL;
    while (node) {
        struct vm_area_struct *vma = vma_of(node);

        if (vma->vm_end <= addr) {
            node = node->right;
            continue;
        }
        found = vma;
        if (vma->vm_start <= addr) {
            WRITE_ONCE(mm->vma_cache, vma);
            break;
        }
        node = node->left;
    }
    return found;
}

struct vm_area_struct *find_vma_intersection(struct mm_struct *mm, u64 start,
                                             u64 end)
{
    struct vm_area_struct *vma = find_vma(mm, start);

    return vma && vma->vm_start < end ? vma : NULL;
}

int vma_find_place(struct mm_struct *mm, u64 start, u64 end,
                   struct vma_place *place)
{
    struct rb_node *parent = NULL, **link = &mm->mm_rb.node;

    place->prev = place->next = NULL;
    while (*link) {
        struct vm_area_struct *vma = vma_of(*link);

        parent = *link;
        if (vma->vm_end <= start) {
            place->prev = vma;
            link = &parent->right;
        } else if (end <= vma->vm_start) {
            place->next = vma;
            link = &parent->left;
        } else {
            return -ENOMEM;
        }
    }
    place->parent = parent;
    place->link = link;
    return 0;
}

/*
 * Between two neighbours in order there is exactly one free link: below the
 * lower one on the right, or, when that has a right subtree, below the upper
 * one (the leftmost of that subtree) on the left.
 */
void vma_place_after(struct mm_struct *mm, struct vm_area_struct *prev,
                     struct vma_place *place)
{
    place->prev = prev;
    place->next = prev ? prev->vm_next : mm->mmap;
    if (prev && !prev->vm_rb.right) {
        place->parent = &prev->vm_rb;
        place->link = &prev->vm_rb.right;
    } else if (place->next) {
        place->parent = &place->next->vm_rb;
        place->link = &place->next->vm_rb.left;
    } else {
        place->parent = NULL;
        place->link = &mm->mm_rb.node;
    }
}
