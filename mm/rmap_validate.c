/*
 * Every entry is found again by way of the page it names. Slow on purpose: for
 * tests, and for debug builds, which look at a few pages now and then and at
 * all when a space ends.
 */
#include <mm/pgtable.h>
#include <mm/rmap.h>

struct found {
    const pte_t *want;
    bool seen;
    u32 count;
};

static void count_entry(struct vm_area_struct *vma __maybe_unused,
                        u64 va __maybe_unused, pte_t *pte, void *arg)
{
    struct found *f = arg;

    f->seen |= pte == f->want;
    f->count++;
}

/* The page of the entry with a reference; NULL: none, or the zero page. */
static struct page *hold_page(const pte_t *pte)
{
    spinlock_t *lock = pte_lockptr(pte);
    struct page *page = NULL;
    pte_t e;

    spin_lock(lock);
    e = pte_get(pte);
    if (pte_present(e) && !(pfn_to_page(pte_pfn(e))->flags & PG_ZERO)) {
        page = pfn_to_page(pte_pfn(e));
        get_page(page);
    }
    spin_unlock(lock);
    return page;
}

static bool still_names(const pte_t *pte, const struct page *page)
{
    pte_t e = pte_get(pte);

    return pte_present(e) && pfn_to_page(pte_pfn(e)) == page;
}

static int check_entry(u64 va, const pte_t *pte, bool exact, s64 *rss)
{
    struct page *page = hold_page(pte);
    struct found f = {.want = pte};
    u32 before, after;
    int r = 0;

    if (!page)
        return 0;
    before = READ_ONCE(page->mapcount);
    rss[page_rss_kind(page)]++;
    rmap_walk(page, count_entry, &f);
    after = READ_ONCE(page->mapcount);
    /* Others may unmap it meanwhile, entries already counted among them; and a
     * page may be taken out of its object, and of all entries. */
    if ((!f.seen || (before == after && f.count > after) ||
         (exact && f.count != after)) &&
        still_names(pte, page)) {
        printk("validate_rmap: %lx: page %lx index %lx flags %x: %s, %u of "
               "%u entries found\n",
               va, page_to_pfn(page), page->index, page->flags,
               f.seen ? "found" : "not found", f.count, after);
        r = -EINVAL;
    }
    put_page(page);
    return r;
}

int validate_rmap(struct mm_struct *mm, u64 limit, bool exact)
{
    s64 rss[RSS_KINDS] = {0};
    struct vm_area_struct *vma;
    u64 va, stop;
    pte_t *pte;

    for_each_vma (mm, vma) {
        va = vma->vm_start;
        while ((pte = pt_next_leaf(mm->pgd, &va, vma->vm_end, &stop)))
            for (; va < stop; va += PAGE_SIZE, pte++) {
                if (pte_none(pte_get(pte)))
                    continue;
                if (!limit--)
                    return 0;
                if (check_entry(va, pte, exact, rss))
                    return -EINVAL;
            }
    }
    for (unsigned kind = 0; exact && kind < RSS_KINDS; kind++)
        if (rss[kind] != mm->rss[kind]) {
            printk("validate_rmap: kind %u: %ld resident, %ld counted\n", kind,
                   rss[kind], mm->rss[kind]);
            return -EINVAL;
        }
    return 0;
}

#define CHECK_EVERY 32  /* writers */
#define CHECK_PAGES 256 /* at a time */

void mm_check(struct mm_struct *mm)
{
    BUG_ON(validate_mm(mm) || validate_counts(mm));
    if (mm->lock_seq % CHECK_EVERY == 0)
        BUG_ON(validate_rmap(mm, CHECK_PAGES, false));
}
