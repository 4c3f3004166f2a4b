/*
 * fork(2)'s memory: every area again, private pages shared read-only until
 * one side writes. Object pages that are shared are left to be faulted in.
 */
#include <arch/tlb.h>
#include <base/string.h>
#include <mm/internal.h>
#include <mm/pgtable.h>
#include <mm/rmap.h>
#include <mm/userfaultfd.h>
#include <mm/vma_lock.h>

/* What a userfaultfd said of a page: the child keeps it where it is that
 * userfaultfd's business too. Poison is poison for everybody. */
static __cold pte_t copy_mark(const struct vm_area_struct *copy, pte_t entry)
{
    if (copy->vm_flags & VM_UFFD_WP)
        return entry;
    if (pte_present(entry))
        return pte_clear_uffd_wp(entry);
    return pte_poisoned(entry) ? entry : PTE_NONE;
}

/* One present page: both sides read-only from now on, one reference more. */
static void copy_pte(struct vm_area_struct *copy, pte_t *from, pte_t *to)
{
    struct mm_struct *child = copy->vm_mm;
    pte_t entry = pte_get(from);
    struct page *page = pfn_to_page(pte_pfn(entry));

    if (unlikely(!pte_present(entry))) {
        pte_set(to, copy_mark(copy, entry));
        return;
    }
    if (pte_write(entry)) {
        entry = pte_wrprotect(entry);
        pte_set(from, entry);
    }
    if (!(page->flags & PG_ZERO)) {
        get_page(page);
        page_set_flag(page, PG_FORKED); /* an object's: means nothing */
        __atomic_fetch_add(&page->mapcount, 1, __ATOMIC_RELAXED);
        /* Only truncation can know the child already, by its object. */
        __atomic_fetch_add(&child->rss[page_rss_kind(page)], 1,
                           __ATOMIC_RELAXED);
    }
    if (unlikely(pte_uffd_wp(entry)))
        entry = copy_mark(copy, entry);
    pte_set(to, pte_mkold(entry));
}

/* The part of one level-0 table between va and stop; the child, which nobody
 * else knows, gets one of its own if there is something to put in it. Returns
 * 0 or -ENOMEM. */
static int copy_table(struct vm_area_struct *copy, u64 va, u64 stop,
                      pte_t *from)
{
    spinlock_t *lock = pte_lockptr(from);
    pte_t *to;

    from = pte_skip_none(from, &va, stop);
    if (va == stop)
        return 0;
    to = pte_alloc(copy->vm_mm, va, NULL);
    if (unlikely(!to))
        return -ENOMEM;
    spin_lock(lock);
    for (; va < stop; va += PAGE_SIZE, from++, to++)
        if (!pte_none(pte_get(from)))
            copy_pte(copy, from, to);
    spin_unlock(lock);
    return 0;
}

/* What the child's faults would find by themselves is left to them: an
 * object's pages, the zero page; unless it is to stay protected. */
static int copy_pages(struct vm_area_struct *copy, struct vm_area_struct *vma)
{
    struct mm_struct *parent = vma->vm_mm;
    u64 va = vma->vm_start, stop;
    pte_t *from;
    int r = 0;

    if (vma->vm_flags & VM_WIPEONFORK)
        return 0;
    if (!vma->vm_anon && !(copy->vm_flags & VM_UFFD_WP))
        return 0;
    vma_start_write(vma);
    while (!r && (from = pt_next_leaf(parent->pgd, &va, vma->vm_end, &stop))) {
        r = copy_table(copy, va, stop, from);
        va = stop;
    }
    return r;
}

/* A child's area is its own pager's business, or nobody's. */
static struct vm_area_struct *dup_area(struct mm_struct *child,
                                       const struct vm_area_struct *vma)
{
    struct vm_area_struct *copy = vma_dup(vma);

    if (!copy)
        return NULL;
    if (vm_charge(child, vma_accounted(copy))) {
        vma_free(copy);
        return NULL;
    }
    copy->vm_mm = child;
    copy->vm_lock_seq = child->lock_seq - 1;
    copy->vm_flags &= ~VM_LOCKED_MASK; /* see mlock(2) */
    if (copy->vm_flags & VM_WIPEONFORK)
        copy->vm_anon = 0;
    vma_inherit_anon(copy);
    if (userfaultfd_dup(vma->vm_mm, copy)) {
        vm_uncharge(vma_accounted(copy));
        vma_free(copy);
        return NULL;
    }
    return copy;
}

static int copy_areas(struct mm_struct *child, struct mm_struct *parent)
{
    struct vm_area_struct *vma, *copy;
    int r;

    for_each_vma (parent, vma) {
        if (unlikely(vma->vm_flags & VM_DONTCOPY))
            continue;
        copy = dup_area(child, vma);
        if (!copy)
            return -ENOMEM;
        r = vma_insert(child, copy);
        if (r) {
            vm_uncharge(vma_accounted(copy));
            vma_free(copy);
            return r;
        }
        vm_stat_account(child, copy->vm_flags, (s64)vma_pages(copy));
        r = copy_pages(copy, vma);
        if (r)
            return r;
    }
    return 0;
}

static void copy_layout(struct mm_struct *child, const struct mm_struct *mm)
{
    memcpy(&child->mmap_base, &mm->mmap_base,
           __builtin_offsetof(struct mm_struct, mdwe) -
               __builtin_offsetof(struct mm_struct, mmap_base));
    mm_set_group(child, mm->group);
    child->mdwe = mdwe_inherited(mm);
}

struct mm_struct *mm_fork(struct mm_struct *parent)
{
    struct mm_struct *child = mm_alloc(parent);
    int r;

    if (!child)
        return NULL;
    mmap_write_lock(parent);
    copy_layout(child, parent);
    r = copy_areas(child, parent);
    tlb_flush_mm(parent);
    if (r)
        userfaultfd_cancel(&parent->uffd_events);
    else
        family_join(child);
    mmap_write_unlock(parent);
    if (r) {
        mm_put(child);
        return NULL;
    }
    return child;
}
