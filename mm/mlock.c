/*
 * mlock(2) and its kin. Nothing is ever paged out here, so being locked is a
 * property that others ask for: madvise(2) refuses to discard, fork leaves it
 * behind, pages are there from the start unless MLOCK_ONFAULT. Every task may
 * lock (CAP_IPC_LOCK), as much as it likes.
 */
#include <mm/internal.h>
#include <uapi/faultline/mman.h>

/* The part of *vma within the range; lock: its new VM_LOCKED bits. */
static int lock_area(struct vm_area_struct **vma, u64 start, u64 end,
                     const void *lock)
{
    u64 old = (*vma)->vm_flags, pages = (end - start) >> PAGE_SHIFT;
    u64 flags = (old & ~VM_LOCKED_MASK) | *(const u64 *)lock;
    struct mm_struct *mm = (*vma)->vm_mm;
    int r;

    if (flags == old || (old & (VM_DROPPABLE | VM_DONTEXPAND)))
        return 0;
    r = vma_modify_flags(vma, start, end, flags);
    if (!r && ((flags ^ old) & VM_LOCKED))
        mm->locked_vm += flags & VM_LOCKED ? pages : -pages;
    return r;
}

/* Rounds outwards, as mlock(2) says; up to the first hole, which is an error.
 */
static long lock_range(struct mm_struct *mm, u64 start, u64 len, u64 lock)
{
    u64 from = start & PAGE_MASK;
    u64 end = from + ALIGN_UP(len + (start - from), PAGE_SIZE);
    int r;

    if (end < from)
        return -EINVAL;
    mmap_write_lock(mm);
    r = vma_each_part(mm, from, end, lock_area, &lock);
    mmap_write_unlock(mm);
    if (r || !lock)
        return r;
    r = mm_populate(mm, from, end, POPULATE_LOCK);
    /* POSIX has its own words for it. */
    if (r == -EFAULT || r == -EHWPOISON)
        return -ENOMEM;
    return r == -ENOMEM ? -EAGAIN : r;
}

long do_mlock(struct mm_struct *mm, u64 start, u64 len, u64 flags)
{
    if (flags & ~(u64)MLOCK_ONFAULT)
        return -EINVAL;
    return lock_range(mm, start, len, flags ? VM_LOCKED_MASK : VM_LOCKED);
}

long do_munlock(struct mm_struct *mm, u64 start, u64 len)
{
    return lock_range(mm, start, len, 0);
}

/* All areas there are; one that cannot be changed stays as it is. */
static void lock_all(struct mm_struct *mm, u64 lock)
{
    struct vm_area_struct *vma;

    for_each_vma (mm, vma)
        (void)!lock_area(&vma, vma->vm_start, vma->vm_end, &lock);
}

long do_mlockall(struct mm_struct *mm, u64 flags)
{
    u64 lock = flags & MCL_ONFAULT ? VM_LOCKED_MASK : VM_LOCKED;

    if (flags & ~(u64)(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT))
        return -EINVAL;
    if (!(flags & (MCL_CURRENT | MCL_FUTURE)))
        return -EINVAL;
    mmap_write_lock(mm);
    mm->def_flags = flags & MCL_FUTURE ? lock : 0;
    if (flags & MCL_CURRENT)
        lock_all(mm, lock);
    mmap_write_unlock(mm);
    if (flags & MCL_CURRENT)
        (void)!mm_populate(mm, 0, TASK_SIZE, POPULATE_LAX);
    return 0;
}

long do_munlockall(struct mm_struct *mm)
{
    mmap_write_lock(mm);
    mm->def_flags = 0;
    lock_all(mm, 0);
    mmap_write_unlock(mm);
    return 0;
}
