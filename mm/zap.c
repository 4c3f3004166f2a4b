/*
 * Unmapping pages: clear entries under their table's lock, flush the TLB,
 * and only then let the pages go, a batch at a time. A range without page
 * tables costs one walk.
 */
#include <arch/tlb.h>
#include <mm/pgtable.h>

#define ZAP_BATCH 64
/* What stays of an area that maps an object */
#define KEEP_MARKS 1 /* a userfaultfd's protection of what is not there */
#define KEEP_WP    2 /* what it protects leaves such a marker behind */
#define KEEP_COWS  4 /* private copies, and poison */

struct zap {
    struct mm_struct *mm;
    u64 first, last; /* pages whose entries were cleared */
    unsigned cleared, count;
    unsigned keep; /* KEEP_* */
    struct page *pages[ZAP_BATCH];
};

/* What an entry becomes; itself: it stays. */
static __cold pte_t zap_leaves(const struct zap *z, pte_t e)
{
    unsigned keeps = pte_poisoned(e) ? KEEP_COWS : KEEP_MARKS;

    if (!pte_present(e))
        return z->keep & keeps ? e : PTE_NONE;
    if ((z->keep & KEEP_COWS) && (pfn_to_page(pte_pfn(e))->flags & PG_ANON))
        return e;
    return (z->keep & KEEP_WP) && pte_uffd_wp(e) ? PTE_MARK_WP : PTE_NONE;
}

/* Clears one entry and remembers its page. The table is locked. */
static void zap_pte(struct zap *z, u64 va, pte_t *pte)
{
    pte_t old, left = PTE_NONE;
    struct page *page;
    enum rss_kind kind;

    if (unlikely(z->keep)) {
        old = pte_get(pte);
        left = zap_leaves(z, old);
        if (left.v == old.v)
            return;
    }
    old = pte_xchg(pte, left);
    if (!z->cleared++)
        z->first = va;
    z->last = va;
    if (!pte_present(old))
        return;
    page = pfn_to_page(pte_pfn(old));
    if (page->flags & PG_ZERO)
        return;
    kind = page_rss_kind(page);
    if (unlikely(kind != RSS_ANON) && pte_dirty(old))
        page_set_flag(page, PG_DIRTY);
    __atomic_fetch_sub(&z->mm->rss[kind], 1, __ATOMIC_RELAXED);
    z->pages[z->count++] = page;
}

/* Clears entries from *va on until the table ends or the batch is full. */
static void zap_table(struct zap *z, u64 *va, u64 stop, pte_t *pte)
{
    spinlock_t *lock = pte_lockptr(pte);

    spin_lock_hot(lock);
    while (*va < stop && z->count < ZAP_BATCH) {
        if (pte_none(pte_get(pte))) {
            pte = pte_skip_none(pte, va, stop);
            continue;
        }
        zap_pte(z, *va, pte++);
        *va += PAGE_SIZE;
    }
    spin_unlock_hot(lock);
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

/* From the first page table on. */
static __noinline void zap_tables(struct mm_struct *mm, pte_t *pte, u64 start,
                                  u64 stop, u64 end, unsigned keep)
{
    struct zap z;

    update_hiwater_rss(mm);
    z.mm = mm;
    z.keep = keep;
    z.cleared = z.count = 0;
    do {
        zap_table(&z, &start, stop, pte);
        if (z.count == ZAP_BATCH)
            zap_finish(&z);
    } while ((pte = pt_next_leaf(mm->pgd, &start, end, &stop)));
    zap_finish(&z);
}

static __noinline void zap_large(struct mm_struct *mm, u64 start, u64 end,
                                 unsigned keep)
{
    u64 stop;
    pte_t *pte = pt_next_leaf(mm->pgd, &start, end, &stop);

    if (pte)
        zap_tables(mm, pte, start, stop, end, keep);
}

/* Of a small range: one way down, most often to nothing at all. */
static __always_inline_ void zap(struct mm_struct *mm, u64 start, u64 end,
                                 unsigned keep)
{
    pte_t *pte;

    if (!one_leaf(start, end)) {
        zap_large(mm, start, end, keep);
        return;
    }
    pte = pt_walk_inline(mm->pgd, start, 0);
    if (!pte)
        return;
    pte = pte_skip_none(pte, &start, end);
    if (start < end)
        zap_tables(mm, pte, start, end, end, keep);
}

void zap_page_range(struct mm_struct *mm, u64 start, u64 end)
{
    zap(mm, start, end, 0);
}

void zap_discard_range(struct vm_area_struct *vma, u64 start, u64 end,
                       bool even_private)
{
    unsigned keep = 0;

    if (vma->vm_object)
        keep = KEEP_MARKS | (even_private ? 0 : KEEP_COWS) |
               (READ_ONCE(vma->vm_flags) & VM_UFFD_WP ? KEEP_WP : 0);
    zap(vma->vm_mm, start, end, keep);
}
