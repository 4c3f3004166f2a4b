/* An entry of 64 bits for each page: where it is and what became of it. */
#include <base/string.h>
#include <mm/pgtable.h>
#include <mm/view.h>

struct fill {
    u64 start; /* of entries[0] */
    u64 *entries;
    u64 table; /* of every entry that is in a table */
};

/* A marker looks like a page that was swapped out, as on Linux. */
static u64 describe(pte_t e)
{
    u64 entry = pte_uffd_wp(e) ? PM_UFFD_WP : 0;
    const struct page *page;

    if (!pte_present(e))
        return entry | PM_SWAP;
    page = pfn_to_page(pte_pfn(e));
    entry |= PM_PRESENT | pte_pfn(e);
    if (pte_soft_dirty(e))
        entry |= PM_SOFT_DIRTY;
    if (!(page->flags & (PG_ANON | PG_ZERO)))
        entry |= PM_FILE;
    if (READ_ONCE(page->mapcount) == 1)
        entry |= PM_EXCLUSIVE;
    return entry;
}

static void fill_table(const struct fill *f, u64 va, u64 stop, pte_t *pte)
{
    spinlock_t *lock = pte_lockptr(pte);

    spin_lock(lock);
    for (; va < stop; va += PAGE_SIZE, pte++)
        f->entries[(va - f->start) >> PAGE_SHIFT] |=
            f->table | (pte_none(pte_get(pte)) ? 0 : describe(pte_get(pte)));
    spin_unlock(lock);
}

/* The part of the range that lies in vma; the entries are zeros still. */
static void fill_area(struct vm_area_struct *vma, u64 start, u64 end,
                      const struct fill *f)
{
    pte_t *pte;
    u64 stop;

    start = max(start, vma->vm_start);
    end = min(end, vma->vm_end);
    if (vma->vm_flags & VM_SOFTDIRTY)
        for (u64 va = start; va < end; va += PAGE_SIZE)
            f->entries[(va - f->start) >> PAGE_SHIFT] = PM_SOFT_DIRTY;
    for (; (pte = pt_next_leaf(vma->vm_mm->pgd, &start, end, &stop));
         start = stop)
        fill_table(f, start, stop, pte);
}

void vma_pagemap(struct vm_area_struct *vma, u64 start, u64 end, u64 *entries)
{
    struct fill f = {start, entries, PM_IN_TABLE};

    memset(entries, 0, ((end - start) >> PAGE_SHIFT) * sizeof(*entries));
    fill_area(vma, start, end, &f);
}

void mm_pagemap(struct mm_struct *mm, u64 start, u64 end, u64 *entries)
{
    struct fill f = {start, entries, 0};
    struct vm_area_struct *vma;

    memset(entries, 0, ((end - start) >> PAGE_SHIFT) * sizeof(*entries));
    mmap_read_lock(mm);
    vma = find_vma(mm, start);
    for (; vma && vma->vm_start < end; vma = vma->vm_next)
        fill_area(vma, start, end, &f);
    mmap_read_unlock(mm);
}
