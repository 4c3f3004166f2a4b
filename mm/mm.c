/*
 * Address spaces: birth and death. `users` counts those who run in or work on
 * the space; when the last is gone everything is unmapped. `refs` keeps the
 * bare structure for those who only name it (userfaultfd contexts).
 */
#include <arch/tlb.h>
#include <base/printk.h>
#include <mm/internal.h>
#include <mm/rmap.h>
#include <mm/userfaultfd.h>

static struct kmem_cache mm_cache;
struct page *zero_page;

void mm_init(void)
{
    kmem_cache_init(&mm_cache, "mm_struct", sizeof(struct mm_struct));
    vma_init();
    userfaultfd_init();
    zero_page = alloc_zeroed_page();
    BUG_ON(!zero_page);
    zero_page->flags |= PG_ZERO | PG_RESERVED;
}

struct mm_struct *mm_alloc(const struct mm_struct *parent)
{
    struct mm_struct *mm = kmem_cache_zalloc(&mm_cache);

    if (!mm)
        return NULL;
    mm->users = 1;
    mm->refs = 1;
    mm->pkeys = 1;
    mm->lock_seq = 1;
    rwsem_init(&mm->mmap_lock);
    spin_lock_class(&mm->page_table_lock, LOCK_PAGE_TABLE);
    mm->mmap_base = STACK_TOP - STACK_RESERVE;
    list_init(&mm->family_link);
    vma_tree_init(mm);
    if (parent)
        family_inherit(mm, parent);
    else if (family_create(mm))
        goto no_family;
    if (!arch_mm_init(mm))
        return mm;
    family_put(mm);
no_family:
    kmem_cache_free(&mm_cache, mm);
    return NULL;
}

struct mm_struct *mm_create(void)
{
    struct mm_struct *mm = mm_alloc(NULL);

    if (mm)
        family_join(mm);
    return mm;
}

/* The tables of all areas, a group of near neighbours at a time, from below: a
 * table goes with the last group that needs it. */
static void free_all_tables(struct mm_struct *mm)
{
    struct vm_area_struct *vma, *next;

    for (vma = mm->mmap; vma; vma = next) {
        u64 start = vma->vm_start, end = vma->vm_end;

        for (next = vma->vm_next; next; next = next->vm_next) {
            if (next->vm_start - end >= pt_span(1))
                break;
            end = next->vm_end;
        }
        free_pgtables(mm, start, end, 0, next ? next->vm_start : ~0ul);
    }
}

/* Unmaps everything. Nobody else can see the space any more, but contexts
 * that hold a registered area keep a reference until it is freed here. */
static void exit_mmap(struct mm_struct *mm)
{
    struct vm_area_struct *vma, *next;
    u64 accounted = 0;

    for_each_vma (mm, vma) {
        zap_page_range(mm, vma->vm_start, vma->vm_end);
        if (vma->vm_object)
            object_unlink(vma); /* before its tables go */
    }
    free_all_tables(mm);
    for (vma = mm->mmap; vma; vma = next) {
        next = vma->vm_next;
        accounted += vma_accounted(vma);
        vma_free(vma);
    }
    vm_uncharge(accounted);
    mm->mmap = NULL;
    mm->vma_cache = NULL;
    mm->vma_fresh = NULL;
    mm->mm_rb.node = NULL;
    mm->map_count = 0;
}

void mm_drop(struct mm_struct *mm)
{
    if (__atomic_fetch_sub(&mm->refs, 1, __ATOMIC_ACQ_REL) != 1)
        return;
    mm_group_put(mm->group);
    kmem_cache_free(&mm_cache, mm);
}

void mm_put(struct mm_struct *mm)
{
    if (__atomic_fetch_sub(&mm->users, 1, __ATOMIC_ACQ_REL) != 1)
        return;
#ifdef LOCKDEP
    /* Half a child, whose fork failed, never joined. */
    BUG_ON(!list_empty(&mm->family_link) && validate_rmap(mm, ~0ull, false));
#endif
    family_leave(mm);
    exit_mmap(mm);
    family_put(mm);
    arch_mm_destroy(mm);
    mm_drop(mm);
}

void mm_shrink_all(void)
{
    kstack_cache_drain();
    page_cache_drain();
    kmem_cache_shrink_all();
    page_cache_drain();
}

bool mm_reclaim(void)
{
    struct page *page;

    mm_shrink_all();
    page = alloc_page();
    if (page)
        put_page(page);
    return page;
}
