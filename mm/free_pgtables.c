/*
 * Giving back page tables that nothing needs any more. Work goes with the
 * tables that exist under the range, not with its size.
 */
#include <arch/tlb.h>
#include <base/list.h>
#include <mm/mm.h>

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

/*
 * The same for a range that one leaf table spans: down the one way there is,
 * and up again as long as tables may go.
 */
static void unhook_one(struct table_free *tf, pte_t *root)
{
    pte_t *way[PT_LEVELS], *table = root, e;
    int level = PT_LEVELS;

    while (--level > 0) {
        way[level] = &table[pt_index(tf->start, level)];
        e = pte_get(way[level]);
        if (!pte_present(e))
            break;
        table = pte_table_of(e);
    }
    while (++level < PT_LEVELS) {
        u64 base = ALIGN_DOWN(tf->start, pt_span(level));

        if (base < tf->floor || base + pt_span(level) > tf->ceiling)
            break;
        unhook_entry(tf, way[level]);
    }
}

/* The smallest tables around the range that may go; false: there are none,
 * the usual case when little is unmapped among neighbours. */
static bool any_may_go(const struct table_free *tf)
{
    u64 span = pt_span(1);
    u64 low = ALIGN_DOWN(tf->start, span), high = ALIGN_UP(tf->end, span);

    if (low < tf->floor)
        low += span;
    if (high > tf->ceiling)
        high -= span;
    return low < high;
}

static void unhook_tables(struct table_free *tf, struct mm_struct *mm)
{
    u64 leaf = pt_span(1);

    list_init(&tf->freed);
    spin_lock(&mm->page_table_lock);
    if (ALIGN_DOWN(tf->start, leaf) == ALIGN_DOWN(tf->end - 1, leaf))
        unhook_one(tf, mm->pgd);
    else
        unhook(tf, mm->pgd, PT_LEVELS - 1, 0);
    mm->table_pages -= tf->count;
    spin_unlock(&mm->page_table_lock);
}

void free_pgtables(struct mm_struct *mm, u64 start, u64 end, u64 floor,
                   u64 ceiling)
{
    struct table_free tf = {start, end, floor, ceiling, {NULL, NULL}, 0};
    struct page *page, *next;

    /* The last tables reach beyond TASK_SIZE, where no area can be. */
    if (ceiling == TASK_SIZE)
        tf.ceiling = pt_user_entries() * pt_span(PT_LEVELS - 1);
    if (!any_may_go(&tf))
        return;
    unhook_tables(&tf, mm);
    if (!tf.count)
        return;
    tlb_flush_page(mm, start);
    list_for_each_entry_safe (page, next, &tf.freed, lru)
        put_page(page);
}
