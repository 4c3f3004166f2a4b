/*
 * Reverse mapping: from a page to every page-table entry that names it.
 *
 * An object's page is found through the areas that map the object. So is its
 * private copy (PG_COPY): the areas that may show it map the same page of the
 * same object. Other anonymous pages belong to a family: the address spaces
 * that come of one another by fork(2) without an execve(2) between. What they
 * share lies at the same linear index (vm_pgoff and on from there), wherever
 * mremap(2) took it. Nothing is kept per area or entry: a new anonymous page
 * notes its family or object and its index, and split, merge, fork and move
 * leave both as they are.
 *
 * family->lock guards the list of members; an anonymous page does not move
 * (mremap_move.c) while it is held.
 */
#pragma once

#include <mm/mm.h>

struct mm_family {
    spinlock_t lock;
    struct list_head members; /* mm->family_link */
    u32 refcount;             /* atomic: address spaces, dying ones too */
};

/* A page nobody maps yet is about to be mapped at addr, which has no object. */
static inline void page_set_family(struct page *page,
                                   struct vm_area_struct *vma, u64 addr)
{
    vma_note_anon(vma);
    page->family = vma->vm_mm->family;
    page->index = vma_index(vma, addr);
    page->flags |= PG_ANON;
}

/* The same, as a private page of any area. */
static inline void page_set_anon(struct page *page, struct vm_area_struct *vma,
                                 u64 addr)
{
    page_set_family(page, vma, addr);
    if (unlikely(vma->vm_object != NULL)) {
        page->object = vma->vm_object;
        page->flags |= PG_COPY;
    }
}

/* A new area got pages that know another place: whoever looks for them must
 * not trust their index (mremap(2)). mmap lock held for write. */
static inline void mm_note_moved(const struct vm_area_struct *vma)
{
    if (!vma->vm_object && vma->vm_pgoff != vma->vm_start >> PAGE_SHIFT)
        vma->vm_mm->moved = true;
}

/* A space of its own family (-ENOMEM) / of the parent's; it becomes a member
 * when others may find its pages, and leaves before it is taken apart. */
__must_check int family_create(struct mm_struct *mm);
void family_inherit(struct mm_struct *child, const struct mm_struct *parent);
void family_join(struct mm_struct *mm);
void family_leave(struct mm_struct *mm);
void family_put(struct mm_struct *mm);

/*
 * Calls fn for each entry that names the page, its table locked. The caller
 * holds the mmap lock of a space that maps the page, so that its family or
 * object lives, and no spinlock from the object's down. An entry that others
 * install or whose area they change meanwhile may be missed: who needs them
 * all compares with page->mapcount.
 */
void rmap_walk(struct page *page,
               void (*fn)(struct vm_area_struct *vma, u64 va, pte_t *pte,
                          void *arg),
               void *arg);

/*
 * For tests and debug builds: each entry of mm is found by way of its page,
 * and no more entries than page->mapcount; exact: nor fewer, and mm->rss is
 * right, which holds while nobody else runs. mmap lock held. Looks at `limit`
 * pages at most. Returns 0 or -EINVAL after a printk.
 */
__must_check int validate_rmap(struct mm_struct *mm, u64 limit, bool exact);
