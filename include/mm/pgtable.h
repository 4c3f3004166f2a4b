/* Inside mm/ only: walking, and visiting the leaf tables of a range. */
#ifndef MM_PGTABLE_H
#define MM_PGTABLE_H

#include <arch/pte.h>

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

#endif
