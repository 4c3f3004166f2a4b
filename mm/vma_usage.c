/* What an area has mapped, page by page, in the categories of smaps. */
#include <mm/view.h>

struct count {
    struct vma_usage *u;
    const struct vm_area_struct *vma;
};

static void count_dirt(struct vma_usage *u, bool shared, bool dirty)
{
    if (shared)
        *(dirty ? &u->shared_dirty : &u->shared_clean) += PAGE_SIZE;
    else
        *(dirty ? &u->private_dirty : &u->private_clean) += PAGE_SIZE;
}

static void count_share(struct count *c, const struct page *page, bool dirty)
{
    u32 mappings = max(READ_ONCE(page->mapcount), 1u);
    u64 pss = (PAGE_SIZE << PSS_SHIFT) / mappings;
    struct vma_usage *u = c->u;
    u64 *const kind[] = {
        [RSS_ANON] = &u->pss_anon,
        [RSS_FILE] = &u->pss_file,
        [RSS_SHMEM] = &u->pss_shmem,
    };

    u->pss += pss;
    *kind[page_rss_kind(page)] += pss;
    if (dirty)
        u->pss_dirty += pss;
    if (c->vma->vm_flags & VM_LOCKED)
        u->pss_locked += pss;
    count_dirt(u, mappings > 1, dirty);
}

/* The zero page is nobody's. */
static void count_pte(struct mm_struct *mm __maybe_unused,
                      u64 va __maybe_unused, pte_t *pte, void *arg)
{
    pte_t e = pte_get(pte);
    const struct page *page = pfn_to_page(pte_pfn(e));
    struct count *c = arg;

    if (page->flags & PG_ZERO)
        return;
    c->u->rss += PAGE_SIZE;
    if (pte_young(e))
        c->u->referenced += PAGE_SIZE;
    if (page->flags & PG_ANON)
        c->u->anonymous += PAGE_SIZE;
    if ((page->flags & PG_LAZYFREE) && !pte_dirty(e))
        c->u->lazyfree += PAGE_SIZE;
    count_share(c, page, pte_dirty(e) || (page->flags & PG_DIRTY));
}

void vma_usage_add(struct vm_area_struct *vma, struct vma_usage *u)
{
    struct count c = {u, vma};

    pte_for_each(vma->vm_mm, vma->vm_start, vma->vm_end, count_pte, &c);
}
