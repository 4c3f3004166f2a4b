/*
 * From this moment on: clears the accessed bits, or the soft-dirty marks. A
 * mark comes back with the next store, which faults because the page is
 * write-protected, too; an area that is mapped or grows later is soft-dirty as
 * a whole (VM_SOFTDIRTY).
 */
#include <arch/tlb.h>
#include <mm/view.h>
#include <mm/vma_lock.h>

static void clear_young(struct mm_struct *mm __maybe_unused,
                        u64 va __maybe_unused, pte_t *pte,
                        void *arg __maybe_unused)
{
    ptep_mkold(pte);
}

static void clear_soft_dirty(struct mm_struct *mm __maybe_unused,
                             u64 va __maybe_unused, pte_t *pte,
                             void *arg __maybe_unused)
{
    ptep_clear_soft_dirty(pte);
}

static bool wanted(const struct vm_area_struct *vma, enum clear_refs which)
{
    return which == CLEAR_REFS_ALL ||
           (which == CLEAR_REFS_ANON) == !vma->vm_object;
}

void mm_clear_refs(struct mm_struct *mm, enum clear_refs which)
{
    struct vm_area_struct *vma;

    mmap_read_lock(mm);
    for_each_vma (mm, vma)
        if (wanted(vma, which))
            pte_for_each(mm, vma->vm_start, vma->vm_end, clear_young, NULL);
    tlb_flush_mm(mm);
    mmap_read_unlock(mm);
}

void mm_clear_soft_dirty(struct mm_struct *mm)
{
    struct vm_area_struct *vma;

    mmap_write_lock(mm);
    for_each_vma (mm, vma) {
        vma_start_write(vma);
        vma->vm_flags &= ~VM_SOFTDIRTY;
        vma->vm_page_prot = vma_page_prot(vma->vm_flags);
        pte_for_each(mm, vma->vm_start, vma->vm_end, clear_soft_dirty, NULL);
    }
    tlb_flush_mm(mm);
    mmap_write_unlock(mm);
}
