/*
 * Pages that nobody will miss when memory is short: those given to MADV_FREE
 * and not written to since, which is what a clean entry says, and all of
 * MAP_DROPPABLE areas. See madvise(2), mmap(2).
 */
#include <arch/tlb.h>
#include <mm/internal.h>

/* The page is this entry's alone: it may be dropped until it is written to.
 * Poison goes, as nobody wants what was lost; a wish for protection stays. */
static void free_lazily(struct mm_struct *mm __maybe_unused,
                        u64 va __maybe_unused, pte_t *pte,
                        void *arg __maybe_unused)
{
    pte_t entry = pte_get(pte);
    struct page *page = pfn_to_page(pte_pfn(entry));

    if (pte_poisoned(entry))
        pte_set(pte, PTE_NONE);
    if (!pte_present(entry) || !(page->flags & PG_ANON) ||
        READ_ONCE(page->mapcount) != 1)
        return;
    page_set_flag(page, PG_LAZYFREE);
    pte_set(pte, pte_mkclean(pte_mkold(entry)));
}

void lazyfree_range(struct vm_area_struct *vma, u64 start, u64 end)
{
    WRITE_ONCE(vma->vm_mm->lazy, true);
    pte_for_each_entry(vma->vm_mm, start, end, true, free_lazily, NULL);
    /* A CPU that knows the page as dirty would not say so again. */
    tlb_flush_range(vma->vm_mm, start, end);
}

struct drop {
    bool all; /* written to or not */
    bool own; /* only what nobody else maps */
    u64 count;
};

/* The table is locked, and stays so for the flush: nobody takes the page for
 * missing before every CPU has forgotten it. */
static void drop_page(struct mm_struct *mm, u64 va, pte_t *pte, void *arg)
{
    struct page *page = pfn_to_page(pte_pfn(pte_get(pte)));
    struct drop *d = arg;
    pte_t old;

    if (!(page->flags & PG_ANON) || pte_uffd_wp(pte_get(pte)))
        return;
    if (!d->all && !(page->flags & PG_LAZYFREE))
        return;
    if (d->own && READ_ONCE(page->mapcount) != 1)
        return;
    old = pte_xchg(pte, PTE_NONE);
    if (!d->all && pte_dirty(old)) {
        pte_set(pte, old);
        return;
    }
    tlb_flush_page(mm, va);
    __atomic_fetch_sub(&mm->rss[RSS_ANON], 1, __ATOMIC_RELAXED);
    __atomic_fetch_sub(&page->mapcount, 1, __ATOMIC_RELAXED);
    put_page(page);
    d->count++;
}

void lazyfree_pageout(struct vm_area_struct *vma, u64 start, u64 end)
{
    struct drop d = {vma->vm_flags & VM_DROPPABLE, true, 0};

    if (vma->vm_object || !vma->vm_mm->lazy)
        return;
    update_hiwater_rss(vma->vm_mm);
    pte_for_each(vma->vm_mm, start, end, drop_page, &d);
}

u64 mm_drop_lazy(struct mm_struct *mm)
{
    struct vm_area_struct *vma;
    struct drop d = {0};

    if (!rwsem_try_read(&mm->mmap_lock))
        return 0;
    update_hiwater_rss(mm);
    for_each_vma (mm, vma) {
        if (vma->vm_object || (vma->vm_flags & VM_LOCKED))
            continue;
        d.all = vma->vm_flags & VM_DROPPABLE;
        pte_for_each(mm, vma->vm_start, vma->vm_end, drop_page, &d);
    }
    mmap_read_unlock(mm);
    return d.count;
}
