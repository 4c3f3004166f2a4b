/*
 * Giving back page tables that nothing needs any more. Work goes with the
 * tables that exist under the range, not with its size.
 */
#include <arch/tlb.h>
#include <base/list.h>
#include <mm/mm.h>
#include <mm/pgtable.h>

struct table_free {
    u64 start, end;     /* look at the tables that translate this */
    u64 floor, ceiling; /* tables must lie within */
    struct list_head freed;
    u64 count;
};

/* Takes the table that entry names out of the walk. */
static void unhook_entry(struct table_free *tf, pte_t *entry)
{
    struct page *page = pfn_to_page(pte_pfn(pte_get(entry)));

    pte_set(entry, PTE_NONE);
    list_add(&page->lru, &tf->freed);
    tf->count++;
}

/* Unhooks the tables below this one, of the given level, that begins at base.
 * page_table_lock held. */
static void unhook(struct table_free *tf, pte_t *table, int level, u64 base)
{
    u64 span = pt_span(level);
    u64 from = max(tf->start, base);
    u64 last = min(tf->end, base + span * PT_ENTRIES) - 1;

    for (unsigned i = pt_index(from, level); i <= pt_index(last, level); i++) {
        u64 start = base + i * span;
        pte_t e = pte_get(&table[i]);

        if (!pte_present(e))
            continue;
        if (level > 1)
            unhook(tf, pte_table_of(e), level - 1, start);
        if (start >= tf->floor && start + span <= tf->ceiling)
            unhook_entry(tf, &table[i]);
    }
}

/* The table of that level around va lies within [floor, ceiling). */
static inline bool may_go(u64 va, int level, u64 floor, u64 ceiling)
{
    u64 base = ALIGN_DOWN(va, pt_span(level));

    return base >= floor && base + pt_span(level) <= ceiling;
}

/* The same for a range that one leaf table spans: from below, as long as
 * tables may go. */
static void unhook_one(struct table_free *tf, pte_t *root)
{
#pragma GCC unroll 8
    for (int level = 1; level < PT_LEVELS; level++) {
        pte_t *entry = pt_walk_inline(root, tf->start, level);

        if (!entry || !pte_present(pte_get(entry)))
            continue;
        if (!may_go(tf->start, level, tf->floor, tf->ceiling))
            break;
        unhook_entry(tf, entry);
    }
}

/*
 * Most calls end here: little was unmapped, and a neighbour needs the lowest
 * table there is; then the ones above it stay as well.
 */
static inline bool nothing_may_go(struct mm_struct *mm, u64 start, u64 end,
                                  u64 floor, u64 ceiling)
{
    pte_t *pmd;

    if (!one_leaf(start, end))
        return false;
    if (!may_go(start, 1, floor, ceiling))
        return true;
    pmd = pt_walk_inline(mm->pgd, start, 1);
    return pmd && !pte_present(pte_get(pmd)) &&
           !may_go(start, 2, floor, ceiling);
}

/* Somewhere a table may have to go. */
static void free_tables(struct mm_struct *mm, struct table_free *tf)
{
    struct page *page, *next;

    list_init(&tf->freed);
    spin_lock(&mm->page_table_lock);
    if (one_leaf(tf->start, tf->end))
        unhook_one(tf, mm->pgd);
    else
        unhook(tf, mm->pgd, PT_LEVELS - 1, 0);
    mm->table_pages -= tf->count;
    spin_unlock(&mm->page_table_lock);
    if (!tf->count)
        return;
    tlb_flush_page(mm, tf->start);
    list_for_each_entry_safe (page, next, &tf->freed, lru)
        free_table_page(page);
}

void free_pgtables(struct mm_struct *mm, u64 start, u64 end, u64 floor,
                   u64 ceiling)
{
    if (!nothing_may_go(mm, start, end, floor, ceiling)) {
        struct table_free tf = {start, end, floor, ceiling, {NULL, NULL}, 0};

        free_tables(mm, &tf);
    }
}
