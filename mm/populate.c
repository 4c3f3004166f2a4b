/*
 * Touching memory before its owner does: MAP_POPULATE, mlock(2) and
 * MADV_POPULATE_*. Each page that does not allow the access yet takes the way
 * of a fault.
 */
#include <arch/pkey.h>
#include <mm/internal.h>

/* The FAULT_* bits an area's pages are touched with, or -errno. */
static int touch_flags(const struct vm_area_struct *vma,
                       enum populate_mode mode)
{
    const u64 rights = vma->vm_flags;
    u64 wanted = VM_ACCESS;
    bool write;

    if (mode == POPULATE_READ || mode == POPULATE_WRITE) {
        write = mode == POPULATE_WRITE;
        wanted = write ? VM_WRITE : VM_READ;
    } else {
        /* Private pages are to be the task's own; shared need no dirt. */
        write = (rights & (VM_WRITE | VM_SHARED)) == VM_WRITE;
    }
    if (!(rights & wanted) || (unlikely(rights & VM_PKEY_MASK) &&
                               !arch_pkey_allows(vma_pkey(vma), write)))
        return wanted == VM_ACCESS ? -EFAULT : -EINVAL;
    return (int)(FAULT_RETRY_OK | (write ? FAULT_WRITE : 0));
}

static bool page_allows(struct mm_struct *mm, u64 addr, int flags)
{
    pte_t *pte = pte_lookup(mm, addr), entry = pte ? pte_get(pte) : PTE_NONE;

    return pte_present(entry) && (!(flags & FAULT_WRITE) || pte_write(entry));
}

static int fault_errno(unsigned ret)
{
    if (ret & VM_FAULT_OOM)
        return -ENOMEM;
    return ret & VM_FAULT_HWPOISON ? -EHWPOISON : -EFAULT;
}

/* From *at on: 0, -errno, or 1: the lock was dropped, go on where *at is. */
static int touch_area(struct vm_area_struct *vma, u64 *at, u64 end, int flags)
{
    struct mm_struct *mm = vma->vm_mm;
    unsigned ret;

    for (; *at < end; *at += PAGE_SIZE)
        while (!page_allows(mm, *at, flags)) {
            if (thread_signal_pending(WAIT_KILLABLE))
                return -EINTR;
            ret = handle_mm_fault(vma, *at, (unsigned)flags, NULL);
            if ((ret & VM_FAULT_RETRY) && !(ret & VM_FAULT_ERROR))
                return 1;
            if (ret & VM_FAULT_RETRY)
                mmap_read_lock(mm);
            if (ret & VM_FAULT_ERROR)
                return fault_errno(ret);
            thread_count_fault(false);
        }
    return 0;
}

/* The same for an area of any kind. */
static int populate_area(struct vm_area_struct *vma, u64 *at, u64 end,
                         enum populate_mode mode)
{
    bool lock = mode == POPULATE_LOCK || mode == POPULATE_LAX;
    int r;

    r = lock && (vma->vm_flags & VM_LOCKONFAULT) ? 0 : touch_flags(vma, mode);
    if (r > 0)
        r = touch_area(vma, at, end, r);
    if (r == 0 || (mode == POPULATE_LAX && r != 1 && r != -EINTR)) {
        *at = end;
        r = 0;
    }
    return r;
}

void populate_now(struct vm_area_struct *vma, u64 start, u64 end)
{
    int r =
        vma->vm_flags & VM_LOCKONFAULT ? 0 : touch_flags(vma, POPULATE_LOCK);

    if (r > 0)
        (void)!touch_area(vma, &start, end, r & (int)FAULT_WRITE);
}

int mm_populate(struct mm_struct *mm, u64 start, u64 end,
                enum populate_mode mode)
{
    bool strict = mode == POPULATE_READ || mode == POPULATE_WRITE;
    struct vm_area_struct *vma;
    int r = 0;

    mmap_read_lock(mm);
    while (r >= 0 && start < end) {
        if (r)
            mmap_read_lock(mm);
        vma = find_vma(mm, start);
        r = strict && (!vma || vma->vm_start > start) ? -ENOMEM : 0;
        if (r || !vma || vma->vm_start >= end)
            break;
        start = max(start, vma->vm_start);
        r = populate_area(vma, &start, min(end, vma->vm_end), mode);
    }
    mmap_read_unlock(mm);
    return r;
}
