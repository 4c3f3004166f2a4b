/*
 * Page tables: walking, growing, visiting. A table is a frame of PT_ENTRIES
 * entries; an entry of level n > 0 names a table of level n - 1.
 *
 * Tables appear under page_table_lock and go only under the mmap lock held
 * for write (free_pgtables.c), so whoever holds the mmap lock may walk without
 * another lock; entries of level 0 change under page_table_lock only.
 */
#include <base/printk.h>
#include <mm/mm.h>
#include <mm/pgtable.h>

pte_t *pt_walk(pte_t *root, u64 addr, int level)
{
    return pt_walk_inline(root, addr, level);
}

pte_t *pte_lookup(struct mm_struct *mm, u64 addr)
{
    return pt_walk_inline(mm->pgd, addr, 0);
}

/*
 * Hangs a fresh table at entry, unless another thread did meanwhile. The new
 * table is allocated and cleared before the lock is taken. False: no memory.
 */
static __cold bool table_alloc(struct mm_struct *mm, pte_t *entry)
{
    struct page *page = alloc_zeroed_page();
    bool lost;

    if (!page)
        return false;
    page->flags |= PG_TABLE;
    spin_lock(&mm->page_table_lock);
    lost = pte_present(pte_get(entry));
    if (!lost) {
        pte_set(entry, pte_table(page_to_pfn(page)));
        mm->table_pages++;
    }
    spin_unlock(&mm->page_table_lock);
    if (lost)
        put_page(page);
    return true;
}

pte_t *pte_alloc(struct mm_struct *mm, u64 addr, struct fault_record *rec)
{
    pte_t *table = mm->pgd, *entry, e;

#pragma GCC unroll 8
    for (int level = PT_LEVELS - 1; level > 0; level--) {
        entry = &table[pt_index(addr, level)];
        e = pte_get(entry);
        if (rec)
            rec->walk_before[PT_LEVELS - 1 - level] = e.v;
        if (unlikely(!pte_present(e))) {
            if (!table_alloc(mm, entry))
                return NULL;
            e = pte_get(entry);
        }
        if (rec)
            rec->walk_after[PT_LEVELS - 1 - level] = e.v;
        table = pte_table_of(e);
    }
    entry = &table[pt_index(addr, 0)];
    if (rec)
        rec->walk_before[PT_LEVELS - 1] = pte_get(entry).v;
    return entry;
}

pte_t *pt_next_leaf(pte_t *root, u64 *va, u64 end, u64 *stop)
{
    while (*va < end) {
        pte_t *table = root, e;
        int level;

#pragma GCC unroll 8
        for (level = PT_LEVELS - 1; level > 0; level--) {
            e = pte_get(&table[pt_index(*va, level)]);
            if (!pte_present(e))
                break;
            table = pte_table_of(e);
        }
        if (level) {
            *va = ALIGN_DOWN(*va, pt_span(level)) + pt_span(level);
            continue;
        }
        *stop = min(end, ALIGN_DOWN(*va, pt_span(1)) + pt_span(1));
        return &table[pt_index(*va, 0)];
    }
    return NULL;
}

void pte_for_each(struct mm_struct *mm, u64 start, u64 end,
                  void (*fn)(struct mm_struct *, u64 va, pte_t *, void *),
                  void *arg)
{
    pte_t *pte;
    u64 stop;

    while ((pte = pt_next_leaf(mm->pgd, &start, end, &stop)))
        for (; start < stop; start += PAGE_SIZE, pte++)
            if (pte_present(pte_get(pte)))
                fn(mm, start, pte, arg);
}
