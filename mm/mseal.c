/*
 * mseal(2): mappings that stay as they are to the end of the address space.
 * The calls that would change one ask for VM_SEALED: munmap.c (and so mmap
 * over a mapping, brk), mprotect.c, mremap.c, madvise.c.
 */
#include <mm/internal.h>

/* The areas of the range follow one another from its start to its end. */
static bool no_holes(struct mm_struct *mm, u64 at, u64 end)
{
    struct vm_area_struct *vma = find_vma(mm, at);

    for (; at < end; vma = vma->vm_next) {
        if (!vma || vma->vm_start > at)
            return false;
        at = vma->vm_end;
    }
    return true;
}

static int seal_area(struct vm_area_struct **vma, u64 start, u64 end,
                     const void *unused __maybe_unused)
{
    u64 flags = (*vma)->vm_flags | VM_SEALED;

    (*vma)->vm_mm->sealed = true;
    return flags == (*vma)->vm_flags ? 0
                                     : vma_modify_flags(vma, start, end, flags);
}

bool range_sealed(struct mm_struct *mm, u64 start, u64 end)
{
    struct vm_area_struct *vma = find_vma(mm, start);

    for (; vma && vma->vm_start < end; vma = vma->vm_next)
        if (vma->vm_flags & VM_SEALED)
            return true;
    return false;
}

long do_mseal(struct mm_struct *mm, u64 start, u64 len, u64 flags)
{
    u64 end = start + ALIGN_UP(len, PAGE_SIZE);
    int r;

    if (flags || !IS_ALIGNED(start, PAGE_SIZE))
        return -EINVAL;
    if (end < start || (len && end == start))
        return -EINVAL;
    if (end == start)
        return 0;
    mmap_write_lock(mm);
    r = no_holes(mm, start, end)
            ? vma_each_part(mm, start, end, seal_area, NULL)
            : -ENOMEM;
    mmap_write_unlock(mm);
    return r;
}
