/* An entry of 64 bits for each page: where it is and what became of it. */
#include <mm/view.h>

struct fill {
    u64 start; /* of entries[0] */
    u64 *entries;
};

static void fill_pte(struct mm_struct *mm __maybe_unused, u64 va, pte_t *pte,
                     void *arg)
{
    pte_t e = pte_get(pte);
    const struct page *page = pfn_to_page(pte_pfn(e));
    const struct fill *f = arg;
    u64 entry = PM_PRESENT | pte_pfn(e);

    if (pte_soft_dirty(e))
        entry |= PM_SOFT_DIRTY;
    if (pte_uffd_wp(e))
        entry |= PM_UFFD_WP;
    if (!(page->flags & (PG_ANON | PG_ZERO)))
        entry |= PM_FILE;
    if (READ_ONCE(page->mapcount) == 1)
        entry |= PM_EXCLUSIVE;
    f->entries[(va - f->start) >> PAGE_SHIFT] |= entry;
}

/* The part of the range that lies in vma. */
static void fill_area(struct vm_area_struct *vma, u64 start, u64 end,
                      struct fill *f)
{
    start = max(start, vma->vm_start);
    end = min(end, vma->vm_end);
    if (vma->vm_flags & VM_SOFTDIRTY)
        for (u64 va = start; va < end; va += PAGE_SIZE)
            f->entries[(va - f->start) >> PAGE_SHIFT] = PM_SOFT_DIRTY;
    pte_for_each(vma->vm_mm, start, end, fill_pte, f);
}

void mm_pagemap(struct mm_struct *mm, u64 start, u64 end, u64 *entries)
{
    struct fill f = {start, entries};
    struct vm_area_struct *vma;

    for (u64 i = 0; i < (end - start) >> PAGE_SHIFT; i++)
        entries[i] = 0;
    mmap_read_lock(mm);
    vma = find_vma(mm, start);
    for (; vma && vma->vm_start < end; vma = vma->vm_next)
        fill_area(vma, start, end, &f);
    mmap_read_unlock(mm);
}
