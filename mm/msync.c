/*
 * msync(2): nothing is written back, for objects are memory and nothing else;
 * what remains is what it says about the range.
 */
#include <mm/internal.h>
#include <uapi/faultline/mman.h>

#define MS_ALL (MS_ASYNC | MS_INVALIDATE | MS_SYNC)

/* mmap lock held. A hole is passed over but remembered, unless there is only
 * MS_ASYNC to do. */
static long sync_range(struct mm_struct *mm, u64 start, u64 end, u64 flags)
{
    struct vm_area_struct *vma = find_vma(mm, start);
    long hole = 0;

    for (; start < end; start = vma->vm_end, vma = vma->vm_next) {
        if (!vma || vma->vm_start >= end)
            return -ENOMEM;
        if (vma->vm_start > start)
            hole = -ENOMEM;
        if (hole && flags == MS_ASYNC)
            return hole;
        if ((flags & MS_INVALIDATE) && (vma->vm_flags & VM_LOCKED))
            return -EBUSY;
    }
    return hole;
}

long do_msync(struct mm_struct *mm, u64 start, u64 len, u64 flags)
{
    u64 end = start + ALIGN_UP(len, PAGE_SIZE);
    long r;

    if ((flags & ~(u64)MS_ALL) || !IS_ALIGNED(start, PAGE_SIZE) ||
        (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC))
        return -EINVAL;
    if (end < start)
        return -ENOMEM;
    mmap_read_lock(mm);
    r = sync_range(mm, start, end, flags);
    mmap_read_unlock(mm);
    return r;
}
