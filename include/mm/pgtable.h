/* Inside mm/ only: walking, and visiting the leaf tables of a range. */
#pragma once

#include <mm/mm.h>

/* pt_walk() for a level the compiler knows, to be unrolled. */
static inline __attribute__((always_inline)) pte_t *pt_walk_inline(pte_t *root,
                                                                   u64 addr,
                                                                   int level)
{
    pte_t *table = root;

#pragma GCC unroll 8
    for (int l = PT_LEVELS - 1; l > level; l--) {
        pte_t e = pte_get(&table[pt_index(addr, l)]);

        if (unlikely(!pte_present(e)))
            return NULL;
        table = pte_table_of(e);
    }
    return &table[pt_index(addr, level)];
}

/* Hangs a fresh table at entry, unless another thread did meanwhile. Takes
 * page_table_lock. False: no memory. */
__cold bool table_alloc(struct mm_struct *mm, pte_t *entry);

/* pte_alloc(), where it counts. */
static inline __attribute__((always_inline)) pte_t *pte_alloc_inline(
    struct mm_struct *mm, u64 addr, struct fault_record *rec)
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

/* One leaf table translates all of [start, end). */
static inline bool one_leaf(u64 start, u64 end)
{
    return (start ^ (end - 1)) < pt_span(1);
}

/*
 * The level-0 entry for the first address >= *va and < end that has a table,
 * with *va moved there and *stop set to where the table, or the range, ends;
 * NULL when there is none. Holes are passed in steps of what the missing
 * entry spans. Use: while ((pte = pt_next_leaf(...))) for (; va < stop; ...).
 */
pte_t *pt_next_leaf(pte_t *root, u64 *va, u64 end, u64 *stop);

/*
 * Passes the empty entries of one table from that for *va on: eight at a time,
 * since most tables are mostly empty. Returns where it stops, *va moved along;
 * nothing is left if *va is stop then. What another thread fills meanwhile
 * counts as filled afterwards.
 */
static inline pte_t *pte_skip_none(pte_t *pte, u64 *va, u64 stop)
{
    for (; *va < stop && pte_none(pte_get(pte)); *va += PAGE_SIZE, pte++)
        while (*va + 8 * PAGE_SIZE < stop &&
               !(pte[1].v | pte[2].v | pte[3].v | pte[4].v | pte[5].v |
                 pte[6].v | pte[7].v | pte[8].v)) {
            *va += 8 * PAGE_SIZE;
            pte += 8;
        }
    return pte;
}
