/* Stacks: the first area of a new program, and growth by fault. */
#include <mm/internal.h>
#include <uapi/faultline/mman.h>

int mmap_stack(struct mm_struct *mm, u64 top, u64 size)
{
    struct vm_area_struct *vma = vma_alloc(mm);
    u64 pages = size >> PAGE_SHIFT;
    int r = -ENOMEM;

    if (!vma || vm_charge(mm, pages))
        goto fail;
    vma->vm_start = top - size;
    vma->vm_end = top;
    vma->vm_flags = VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC |
                    VM_GROWSDOWN | VM_STACK | VM_ACCOUNT | VM_SOFTDIRTY;
    vma->vm_page_prot = vm_get_page_prot(vma->vm_flags);
    vma->vm_pgoff = vma->vm_start >> PAGE_SHIFT;
    mmap_write_lock(mm);
    r = vma_insert(mm, vma);
    if (!r)
        vm_stat_account(mm, vma->vm_flags, (s64)pages);
    mmap_write_unlock(mm);
    if (!r)
        return 0;
    vm_uncharge(pages);
fail:
    if (vma)
        vma_free(vma);
    return r;
}

/* The area below leaves the gap free, or is itself a stack's growth. */
static bool gap_is_free(const struct vm_area_struct *vma, u64 start)
{
    const struct vm_area_struct *prev = vma->vm_prev;

    if (!prev || (prev->vm_flags & VM_GROWSDOWN) ||
        !(prev->vm_flags & VM_ACCESS))
        return !prev || prev->vm_end <= start;
    return start >= STACK_GUARD_GAP && prev->vm_end <= start - STACK_GUARD_GAP;
}

/* mmap lock held for write. */
static int grow_area(struct mm_struct *mm, struct vm_area_struct *vma,
                     u64 start)
{
    u64 grow = (vma->vm_start - start) >> PAGE_SHIFT;

    if (start < MMAP_MIN_ADDR || !gap_is_free(vma, start))
        return -ENOMEM;
    if (!may_expand_vm(mm, vma->vm_flags, grow) ||
        vma->vm_end - start > rlimit_current(RLIMIT_STACK).cur)
        return -ENOMEM;
    if ((vma->vm_flags & VM_ACCOUNT) && vm_charge(mm, grow))
        return -ENOMEM;
    vm_stat_account(mm, vma->vm_flags, (s64)grow);
    vma_note_anon(vma);
    vma_adjust(vma, start, vma->vm_end);
    return 0;
}

int expand_stack(struct mm_struct *mm, u64 addr)
{
    struct vm_area_struct *vma;
    int r = -ENOMEM;

    mmap_read_unlock(mm);
    mmap_write_lock(mm);
    vma = find_vma(mm, addr);
    if (vma && vma->vm_start <= addr)
        r = 0; /* another thread was faster */
    else if (vma && (vma->vm_flags & VM_GROWSDOWN))
        r = grow_area(mm, vma, addr & PAGE_MASK);
    mmap_write_unlock(mm);
    mmap_read_lock(mm);
    return r;
}
