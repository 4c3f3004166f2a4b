/*
 * mprotect(2): new rights for the areas of a range and for the pages already
 * there. Write is never given to a page here: the next store's fault decides
 * between reuse and copy.
 */
#include <arch/tlb.h>
#include <mm/internal.h>
#include <uapi/faultline/mman.h>

static void protect_pte(struct mm_struct *mm __maybe_unused,
                        u64 va __maybe_unused, pte_t *pte, void *prot)
{
    pte_set(pte, pte_modify(pte_get(pte), *(pgprot_t *)prot));
}

static void change_pages(struct mm_struct *mm, u64 start, u64 end, u64 vm_flags)
{
    pgprot_t prot = vm_get_page_prot(vm_flags);

    spin_lock(&mm->page_table_lock);
    pte_for_each(mm, start, end, protect_pte, &prot);
    spin_unlock(&mm->page_table_lock);
    tlb_flush_range(mm, start, end);
}

/*
 * Gives [start, end) of vma the new flags, splitting or merging. Returns 0
 * with *out the area that covers it now, or -ENOMEM.
 */
static int protect_area(struct vm_area_struct *vma, u64 start, u64 end,
                        u64 flags, struct vm_area_struct **out)
{
    struct mm_struct *mm = vma->vm_mm;
    struct vma_shape shape = {flags, vma->vm_object, vma->vm_pgoff,
                              vma->vm_uffd};
    struct vm_area_struct *merged, *prev;
    int r = 0;

    shape.pgoff += (start - vma->vm_start) >> PAGE_SHIFT;
    if (vma->vm_start < start)
        r = split_vma(mm, vma, start, true);
    if (!r && vma->vm_end > end)
        r = split_vma(mm, vma, end, false);
    if (r)
        return r;
    prev = vma->vm_prev;
    merged = vma_merge(mm, prev, start, end, &shape);
    if (!merged) {
        vma->vm_flags = flags;
        vma->vm_page_prot = vm_get_page_prot(flags);
    }
    *out = merged ? merged : vma;
    change_pages(mm, start, end, flags);
    return 0;
}

/* The rights asked for must be among those the mapping may have. */
static bool may_protect(const struct vm_area_struct *vma, u64 prot)
{
    return !(prot & VM_ACCESS & ~(vma->vm_flags >> 4));
}

_Static_assert(VM_MAYREAD == VM_READ << 4 && VM_MAYWRITE == VM_WRITE << 4 &&
                   VM_MAYEXEC == VM_EXEC << 4,
               "may_protect() shifts");

/* Area by area from start; a hole ends it with -ENOMEM, what went before
 * stays changed, as on Linux. mmap lock held for write. */
static long protect_range(struct mm_struct *mm, u64 start, u64 end, u64 prot)
{
    struct vm_area_struct *vma = find_vma(mm, start);
    u64 at = start;

    while (at < end) {
        u64 stop;
        int r;

        if (!vma || vma->vm_start > at)
            return -ENOMEM;
        if (!may_protect(vma, prot))
            return -EACCES;
        stop = min(end, vma->vm_end);
        if ((vma->vm_flags & VM_ACCESS) != prot) {
            u64 flags = (vma->vm_flags & ~VM_ACCESS) | prot;

            r = protect_area(vma, at, stop, flags, &vma);
            if (r)
                return r;
        }
        at = stop;
        if (vma->vm_end <= at)
            vma = vma->vm_next;
    }
    return 0;
}

/* PROT_GROWSDOWN: the change reaches down to the area's start. */
static long grow_range(struct mm_struct *mm, u64 *start, u64 prot)
{
    struct vm_area_struct *vma;

    if (!(prot & PROT_GROWSDOWN))
        return 0;
    vma = find_vma(mm, *start);
    if (!vma || vma->vm_start > *start)
        return -ENOMEM;
    if (!(vma->vm_flags & VM_GROWSDOWN))
        return -EINVAL;
    *start = vma->vm_start;
    return 0;
}

long do_mprotect(struct mm_struct *mm, u64 start, u64 len, u64 prot)
{
    const u64 grows = PROT_GROWSDOWN | PROT_GROWSUP;
    u64 end;
    long r;

    if ((prot & grows) == grows)
        return -EINVAL;
    if (!IS_ALIGNED(start, PAGE_SIZE))
        return -EINVAL;
    if (!len)
        return 0;
    end = start + ALIGN_UP(len, PAGE_SIZE);
    if (end <= start)
        return -ENOMEM;
    if (prot & ~(VM_ACCESS | PROT_SEM | grows))
        return -EINVAL;
    if (prot & PROT_GROWSUP)
        return -EINVAL; /* no mapping grows up on this machine */
    mmap_write_lock(mm);
    r = grow_range(mm, &start, prot);
    if (!r)
        r = protect_range(mm, start, end, prot & VM_ACCESS);
    mmap_write_unlock(mm);
    return r;
}
