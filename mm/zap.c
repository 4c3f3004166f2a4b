/*
 * Unmapping pages: clear entries under the page-table lock, flush the TLB,
 * and only then let the pages go, a batch at a time. A range without page
 * tables costs one walk.
 */
#include <arch/tlb.h>
#include <mm/mm.h>
#include <mm/pgtable.h>

#define ZAP_BATCH 64

struct zap {
    struct mm_struct *mm;
    u64 first, last; /* pages whose entries were cleared */
    unsigned cleared, count;
    struct page *pages[ZAP_BATCH];
};

/* Clears one entry and remembers its page. page_table_lock held. */
static void zap_pte(struct zap *z, u64 va, pte_t *pte)
{
    pte_t old = pte_xchg(pte, PTE_NONE);
    struct page *page;

    if (!z->cleared++)
        z->first = va;
    z->last = va;
    if (!pte_present(old))
        return;
    page = pfn_to_page(pte_pfn(old));
    if (page->flags & PG_ZERO)
        return;
    z->mm->rss[page_rss_kind(page)]--;
    z->pages[z->count++] = page;
}

/* Clears entries from *va on until the table ends or the batch is full. */
static void zap_table(struct zap *z, u64 *va, u64 stop, pte_t *pte)
{
    spin_lock(&z->mm->page_table_lock);
    for (; *va < stop && z->count < ZAP_BATCH; *va += PAGE_SIZE, pte++)
        if (!pte_none(pte_get(pte)))
            zap_pte(z, *va, pte);
    spin_unlock(&z->mm->page_table_lock);
}

static void zap_finish(struct zap *z)
{
    if (!z->cleared)
        return;
    if (z->first == z->last)
        tlb_flush_page(z->mm, z->first);
    else
        tlb_flush_range(z->mm, z->first, z->last + PAGE_SIZE);
    for (unsigned i = 0; i < z->count; i++) {
        struct page *page = z->pages[i];

        __atomic_fetch_sub(&page->mapcount, 1, __ATOMIC_RELAXED);
        put_page(page);
    }
    z->cleared = z->count = 0;
}

void zap_page_range(struct mm_struct *mm,
                    struct vm_area_struct *vma __maybe_unused, u64 start,
                    u64 end)
{
    struct zap z;
    pte_t *pte;
    u64 stop;

    z.mm = mm;
    z.cleared = z.count = 0;
    while ((pte = pt_next_leaf(mm->pgd, &start, end, &stop))) {
        zap_table(&z, &start, stop, pte);
        if (z.count == ZAP_BATCH)
            zap_finish(&z);
    }
    zap_finish(&z);
}
