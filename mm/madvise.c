/*
 * madvise(2): MADV_DONTNEED throws pages away, MADV_FREE may and so does the
 * same; the advice about access patterns is accepted and changes nothing.
 */
#include <arch/tlb.h>
#include <mm/internal.h>
#include <uapi/faultline/mman.h>

static bool advice_known(int advice)
{
    return (advice >= MADV_NORMAL && advice <= MADV_DONTNEED) ||
           advice == MADV_FREE;
}

/* MADV_FREE is for private anonymous memory only. */
static bool advice_fits(const struct vm_area_struct *vma, int advice)
{
    return advice != MADV_FREE || !vma->vm_object;
}

/* Each area of the range; holes are passed over but remembered as -ENOMEM. */
static long advise_range(struct mm_struct *mm, u64 start, u64 end, int advice)
{
    struct vm_area_struct *vma = find_vma(mm, start);
    long r = 0;

    for (u64 at = start; at < end; vma = vma->vm_next) {
        u64 from;

        if (!vma || vma->vm_start >= end)
            return -ENOMEM;
        if (vma->vm_start > at)
            r = -ENOMEM;
        if (!advice_fits(vma, advice))
            return -EINVAL;
        from = max(at, vma->vm_start);
        at = min(end, vma->vm_end);
        if (advice == MADV_DONTNEED || advice == MADV_FREE)
            zap_page_range(mm, vma, from, at);
    }
    return r;
}

/*
 * Two of us may be at the same pages. Who finds them gone must not return
 * before the other has flushed: it flushes as well.
 */
static long discard_range(struct mm_struct *mm, u64 start, u64 end, int advice)
{
    long r;

    __atomic_fetch_add(&mm->discarding, 1, __ATOMIC_SEQ_CST);
    r = advise_range(mm, start, end, advice);
    if (__atomic_sub_fetch(&mm->discarding, 1, __ATOMIC_SEQ_CST))
        tlb_flush_range(mm, start, end);
    return r;
}

long do_madvise(struct mm_struct *mm, u64 start, u64 len, int advice)
{
    u64 end = start + ALIGN_UP(len, PAGE_SIZE);
    long r;

    if (!advice_known(advice) || !IS_ALIGNED(start, PAGE_SIZE))
        return -EINVAL;
    if (end < start || (len && end == start))
        return -EINVAL;
    if (end == start)
        return 0;
    /* Faults may go on beside this: the page-table lock orders them. */
    mmap_read_lock(mm);
    r = discard_range(mm, start, end, advice);
    mmap_read_unlock(mm);
    return r;
}
