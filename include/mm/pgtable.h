/* Inside mm/ only: visiting the leaf tables of a range. */
#ifndef MM_PGTABLE_H
#define MM_PGTABLE_H

#include <arch/pte.h>

/*
 * The level-0 entry for the first address >= *va and < end that has a table,
 * with *va moved there and *stop set to where the table, or the range, ends;
 * NULL when there is none. Holes are passed in steps of what the missing
 * entry spans. Use: while ((pte = pt_next_leaf(...))) for (; va < stop; ...).
 */
pte_t *pt_next_leaf(pte_t *root, u64 *va, u64 end, u64 *stop);

#endif
