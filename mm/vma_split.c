/*
 * One area becomes two. Nothing changes when it fails. The new one is linked
 * before the old one shrinks, so that their object misses no page of them.
 */
#include <base/printk.h>
#include <mm/internal.h>
#include <mm/vma_lock.h>

int split_vma_uncounted(struct mm_struct *mm, struct vm_area_struct *vma,
                        u64 addr, bool new_below)
{
    struct vm_area_struct *new;
    struct vma_place place;

    BUG_ON(addr <= vma->vm_start || addr >= vma->vm_end);
    vma_start_write(vma); /* and with it the copy */
    new = vma_dup(vma);
    if (!new)
        return -ENOMEM;
    if (new_below) {
        vma_set_edges(new, vma->vm_start, addr);
        place = (struct vma_place){vma->vm_prev, vma};
        vma_link(mm, new, &place);
        vma_adjust(vma, addr, vma->vm_end);
    } else {
        vma_set_edges(new, addr, vma->vm_end);
        place = (struct vma_place){vma, vma->vm_next};
        vma_link(mm, new, &place);
        vma_adjust(vma, vma->vm_start, addr);
    }
    /* Its part is what the caller is about to change. */
    __atomic_store_n(&mm->vma_cache, vma, __ATOMIC_RELEASE);
    return 0;
}

int split_vma(struct mm_struct *mm, struct vm_area_struct *vma, u64 addr,
              bool new_below)
{
    if (unlikely(mm->map_count >= MAX_MAP_COUNT))
        return -ENOMEM;
    return split_vma_uncounted(mm, vma, addr, new_below);
}
