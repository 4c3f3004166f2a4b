/*
 * mprotect(2): new rights for the areas of a range and for the pages already
 * there. Write is never given to a page here: the next store's fault decides
 * between reuse and copy.
 */
#include <arch/tlb.h>
#include <mm/internal.h>
#include <uapi/faultline/mman.h>

/* The CPU may be setting accessed and dirty: none of that must be lost. Who
 * meets the entry empty faults, and waits for the area. */
static void protect_pte(struct mm_struct *mm __maybe_unused,
                        u64 va __maybe_unused, pte_t *pte, void *prot)
{
    pte_set(pte, pte_modify(pte_xchg(pte, PTE_NONE), *(pgprot_t *)prot));
}

static void change_pages(struct vm_area_struct *vma, u64 start, u64 end)
{
    pte_for_each(vma->vm_mm, start, end, protect_pte, &vma->vm_page_prot);
    tlb_flush_range(vma->vm_mm, start, end);
}

/* So many pages of vma take *flags, which gain or lose VM_ACCOUNT: charges what
 * becomes writable, and where there are private pages it stays charged. Returns
 * 0 or -ENOMEM (a limit, overcommit). */
static int charge_pages(const struct vm_area_struct *vma, u64 *flags, u64 pages)
{
    const u64 settled = VM_ACCOUNT | VM_WRITE | VM_SHARED | VM_NORESERVE;
    u64 old = vma->vm_flags;
    int r;

    if (!(*flags & VM_WRITE)) {
        if (!vma->vm_object && !vma->vm_anon)
            *flags &= ~VM_ACCOUNT;
        return 0;
    }
    if (!may_expand_vm(vma->vm_mm, *flags, pages) &&
        may_expand_vm(vma->vm_mm, old, pages))
        return -ENOMEM;
    if (old & settled)
        return 0;
    r = vm_charge(vma->vm_mm, pages);
    if (!r)
        *flags |= VM_ACCOUNT;
    return r;
}

/* New flags for [start, end) of *vma, which becomes the area that covers it:
 * with what they cost in promises. Returns 0 or -ENOMEM. */
static int protect_area(struct vm_area_struct **vma, u64 start, u64 end,
                        u64 flags)
{
    struct mm_struct *mm = (*vma)->vm_mm;
    u64 old = (*vma)->vm_flags, pages = (end - start) >> PAGE_SHIFT;
    int r = charge_pages(*vma, &flags, pages);

    if (r)
        return r;
    r = vma_modify_flags(vma, start, end, flags);
    /* What it has come to: promised for nothing, or no longer. */
    if (unlikely((r ? flags & ~old : old & ~flags) & VM_ACCOUNT))
        vm_uncharge(pages);
    if (r)
        return r;
    vm_stat_account(mm, old, -(s64)pages);
    vm_stat_account(mm, flags, (s64)pages);
    change_pages(*vma, start, end);
    if (unlikely((old & (VM_WRITE | VM_SHARED | VM_LOCKED)) == VM_LOCKED) &&
        (flags & VM_WRITE))
        populate_now(*vma, start, end);
    return 0;
}

/* PR_SET_MDWE: what is executable is never writable, and was so from the
 * beginning. */
static __noinline __cold bool mdwe_refuses(const struct vm_area_struct *vma,
                                           u64 prot)
{
    return vma->vm_mm->mdwe &&
           ((prot & VM_WRITE) || !(vma->vm_flags & VM_EXEC));
}

/* The rights asked for must be among those the mapping may have. */
static bool may_protect(const struct vm_area_struct *vma, u64 prot)
{
    return !(prot & VM_ACCESS & ~(vma->vm_flags >> 4)) &&
           !(unlikely(prot & VM_EXEC) && mdwe_refuses(vma, prot));
}

_Static_assert(VM_MAYREAD == VM_READ << 4 && VM_MAYWRITE == VM_WRITE << 4 &&
                   VM_MAYEXEC == VM_EXEC << 4,
               "may_protect() shifts");

struct rights {
    u64 prot; /* PROT_SEM, too: with it nothing is execute-only */
    int key;
};

/* One area's part of the range. */
static __always_inline_ int protect_part(struct vm_area_struct **vma, u64 start,
                                         u64 end, const void *arg)
{
    const struct rights *rights = arg;
    u64 prot = rights->prot, flags;
    int key = rights->key;

    if (!may_protect(*vma, prot))
        return -EACCES;
    flags = ((*vma)->vm_flags & ~VM_ACCESS) | (prot & VM_ACCESS);
    if (unlikely(key >= 0 || prot == VM_EXEC || (flags & VM_PKEY_MASK)))
        flags = (flags & ~VM_PKEY_MASK) | pkey_for_mprotect(*vma, prot, key);
    if (unlikely((*vma)->vm_flags & VM_SEALED))
        return -EPERM; /* the key for execute-only memory is taken by now */
    return flags == (*vma)->vm_flags ? 0 : protect_area(vma, start, end, flags);
}

/* PROT_GROWSDOWN and PROT_GROWSUP: the change reaches to an end of the area. */
static __cold long grow_range(struct mm_struct *mm, u64 *start, u64 *end,
                              u64 prot)
{
    struct vm_area_struct *vma = find_vma(mm, *start);

    if (!vma)
        return -ENOMEM;
    if (prot & PROT_GROWSUP) {
        if (vma->vm_start > *start)
            return -ENOMEM;
        if (!(vma->vm_flags & VM_GROWSUP))
            return -EINVAL;
        *end = vma->vm_end;
        return 0;
    }
    if (vma->vm_start >= *end)
        return -ENOMEM;
    if (!(vma->vm_flags & VM_GROWSDOWN))
        return -EINVAL;
    *start = vma->vm_start;
    return 0;
}

long do_pkey_mprotect(struct mm_struct *mm, u64 start, u64 len, u64 prot,
                      int key)
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
    mmap_write_lock(mm);
    r = 0;
    if (unlikely(key != -1) && !mm_pkey_allocated(mm, key))
        r = -EINVAL;
    else if (unlikely(prot & grows))
        r = grow_range(mm, &start, &end, prot);
    if (!r)
        r = vma_each_part(mm, start, end, protect_part,
                          &(struct rights){prot & ~grows, key});
    mmap_write_unlock(mm);
    return r;
}
