/*
 * Page tables: walking, growing, visiting. A table is a frame of PT_ENTRIES
 * entries; an entry of level n > 0 names a table of level n - 1.
 *
 * Tables appear under mm->page_table_lock and go only under the mmap lock held
 * for write, when no area needs them (free_pgtables.c), so whoever holds that
 * lock or an area's may walk without another; entries of level 0 change under
 * the lock of their table only.
 */
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

/* The new table is allocated and cleared before the lock is taken. */
bool table_alloc(struct mm_struct *mm, pte_t *entry)
{
    struct page *page = alloc_table_page();
    bool lost;

    if (!page)
        return false;
    spin_lock(&mm->page_table_lock);
    lost = pte_present(pte_get(entry));
    if (!lost) {
        pte_set(entry, pte_table(page_to_pfn(page)));
        mm->table_pages++;
    }
    spin_unlock(&mm->page_table_lock);
    if (lost)
        free_table_page(page);
    return true;
}

pte_t *pte_alloc(struct mm_struct *mm, u64 addr, struct fault_record *rec)
{
    return rec ? pte_alloc_inline(mm, addr, rec)
               : pte_alloc_inline(mm, addr, NULL);
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

void pte_for_each_entry(struct mm_struct *mm, u64 start, u64 end, bool marks,
                        void (*fn)(struct mm_struct *, u64 va, pte_t *, void *),
                        void *arg)
{
    pte_t *pte;
    u64 stop;

    while (start < end && (pte = pt_next_leaf(mm->pgd, &start, end, &stop))) {
        spinlock_t *lock = pte_lockptr(pte);

        spin_lock_hot(lock);
        while ((pte = pte_skip_none(pte, &start, stop)), start < stop) {
            if (marks || pte_present(pte_get(pte)))
                fn(mm, start, pte, arg);
            start += PAGE_SIZE;
            pte++;
        }
        spin_unlock_hot(lock);
    }
}
