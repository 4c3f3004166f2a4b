/*
 * fork(2)'s memory: every area again, private pages shared read-only until
 * one side writes. Object pages that are shared are left to be faulted in.
 */
#include <arch/tlb.h>
#include <mm/internal.h>
#include <mm/userfaultfd.h>

struct copy_state {
    struct mm_struct *child;
    const struct vm_area_struct *vma;
    pte_t *table; /* the child's level-0 table for this va's neighbourhood */
    u64 table_start;
    int error;
};

/* The child's entry for va; one walk per table, not per page. */
static pte_t *child_pte(struct copy_state *cs, u64 va)
{
    u64 base = va & ~(pt_span(1) - 1);
    pte_t *pte;

    if (!cs->table || cs->table_start != base) {
        pte = pte_alloc(cs->child, va, NULL);
        if (!pte)
            return NULL;
        cs->table = pte - pt_index(va, 0);
        cs->table_start = base;
    }
    return cs->table + pt_index(va, 0);
}

/* One present page: both sides read-only from now on. The parent's
 * page-table lock is held; nobody else knows the child. */
static void copy_pte(struct mm_struct *parent __maybe_unused, u64 va,
                     pte_t *pte, void *arg)
{
    struct copy_state *cs = arg;
    pte_t *to = cs->error ? NULL : child_pte(cs, va);
    pte_t entry = pte_get(pte);
    struct page *page = pfn_to_page(pte_pfn(entry));

    if (!to) {
        cs->error = -ENOMEM;
        return;
    }
    if (pte_write(entry)) {
        entry = pte_wrprotect(entry);
        pte_set(pte, entry);
    }
    if (!(page->flags & PG_ZERO)) {
        get_page(page);
        __atomic_fetch_add(&page->mapcount, 1, __ATOMIC_RELAXED);
        cs->child->rss[page_rss_kind(page)]++;
    }
    pte_set(to, pte_mkold(entry));
}

static int copy_pages(struct mm_struct *child, struct vm_area_struct *vma)
{
    struct mm_struct *parent = vma->vm_mm;
    struct copy_state cs = {.child = child, .vma = vma};

    if (vma->vm_flags & VM_SHARED)
        return 0;
    spin_lock(&parent->page_table_lock);
    pte_for_each(parent, vma->vm_start, vma->vm_end, copy_pte, &cs);
    spin_unlock(&parent->page_table_lock);
    return cs.error;
}

/* A child's area is nobody's userfault business (no EVENT_FORK yet). */
static struct vm_area_struct *dup_area(struct mm_struct *child,
                                       const struct vm_area_struct *vma)
{
    struct vm_area_struct *copy = vma_dup(vma);

    if (!copy)
        return NULL;
    copy->vm_mm = child;
    if (copy->vm_uffd) {
        userfaultfd_ctx_put(copy->vm_uffd);
        copy->vm_uffd = NULL;
        copy->vm_flags &= ~VM_UFFD_ANY;
    }
    return copy;
}

static int copy_areas(struct mm_struct *child, struct mm_struct *parent)
{
    struct vm_area_struct *vma, *copy;
    int r;

    for_each_vma (parent, vma) {
        copy = dup_area(child, vma);
        if (!copy)
            return -ENOMEM;
        r = vma_insert(child, copy);
        if (r) {
            vma_free(copy);
            return r;
        }
        r = copy_pages(child, vma);
        if (r)
            return r;
    }
    return 0;
}

static void copy_layout(struct mm_struct *child, const struct mm_struct *mm)
{
    child->membarrier = mm->membarrier;
    child->mmap_base = mm->mmap_base;
    child->start_brk = mm->start_brk;
    child->brk = mm->brk;
    child->start_code = mm->start_code;
    child->end_code = mm->end_code;
    child->start_stack = mm->start_stack;
    child->stack_limit = mm->stack_limit;
    child->total_vm = mm->total_vm;
}

struct mm_struct *mm_fork(struct mm_struct *parent)
{
    struct mm_struct *child = mm_create();
    int r;

    if (!child)
        return NULL;
    mmap_write_lock(parent);
    copy_layout(child, parent);
    r = copy_areas(child, parent);
    tlb_flush_mm(parent);
    mmap_write_unlock(parent);
    if (r) {
        mm_put(child);
        return NULL;
    }
    return child;
}
