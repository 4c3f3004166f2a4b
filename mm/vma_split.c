/*
 * One area becomes two. Nothing changes when it fails.
 */
#include <base/errno.h>
#include <base/printk.h>
#include <mm/mm.h>

int split_vma(struct mm_struct *mm, struct vm_area_struct *vma, u64 addr,
              bool new_below)
{
    struct vm_area_struct *new;
    struct vma_place place;

    BUG_ON(addr <= vma->vm_start || addr >= vma->vm_end);
    if (mm->map_count >= MAX_MAP_COUNT)
        return -ENOMEM;
    new = vma_dup(vma);
    if (!new)
        return -ENOMEM;
    if (new_below) {
        new->vm_end = addr;
        vma_adjust(vma, addr, vma->vm_end);
        vma_place_after(mm, vma->vm_prev, &place);
    } else {
        new->vm_start = addr;
        new->vm_pgoff += (addr - vma->vm_start) >> PAGE_SHIFT;
        vma_adjust(vma, vma->vm_start, addr);
        vma_place_after(mm, vma, &place);
    }
    vma_link(mm, new, &place);
    return 0;
}
