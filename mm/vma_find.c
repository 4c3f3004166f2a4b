/*
 * Looking areas up: by address, by range, and where a new one would hang. All
 * O(log n), with the mmap lock held for read or write.
 */
#include <mm/mm.h>

static bool contains(const struct vm_area_struct *vma, u64 addr)
{
    return vma && vma->vm_start <= addr && addr < vma->vm_end;
}

static struct vm_area_struct *search(struct mm_struct *mm, u64 addr)
{
    struct rb_node *node = mm->mm_rb.node;
    struct vm_area_struct *found = NULL;

    while (node) {
        struct vm_area_struct *vma = vma_of(node);

        if (vma->vm_end <= addr) {
            node = node->right;
            continue;
        }
        found = vma;
        if (vma->vm_start <= addr)
            break;
        node = node->left;
    }
    return found;
}

/*
 * The last hit is remembered: consecutive faults mostly hit the same area.
 * Readers may race to write it; any of their values will do, since an area
 * leaves it before it goes (vma_unlink()). The tree does not know the newest
 * area.
 */
struct vm_area_struct *find_vma(struct mm_struct *mm, u64 addr)
{
    struct vm_area_struct *found = READ_ONCE(mm->vma_cache);
    struct vm_area_struct *fresh;

    if (contains(found, addr))
        return found;
    fresh = READ_ONCE(mm->vma_fresh);
    found = contains(fresh, addr) ? fresh : search(mm, addr);
    if (contains(found, addr))
        WRITE_ONCE(mm->vma_cache, found);
    else if (fresh && addr < fresh->vm_start &&
             (!found || fresh->vm_start < found->vm_start))
        found = fresh;
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
    struct rb_node *node;

    vma_settle(mm);
    place->prev = place->next = NULL;
    for (node = mm->mm_rb.node; node;) {
        struct vm_area_struct *vma = vma_of(node);

        if (vma->vm_end <= start) {
            place->prev = vma;
            node = node->right;
        } else if (end <= vma->vm_start) {
            place->next = vma;
            node = node->left;
        } else {
            return -ENOMEM;
        }
    }
    return 0;
}
