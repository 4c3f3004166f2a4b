/* Inside mm/ only: one fault on its way through the handlers. */
#pragma once

#include <mm/mm.h>
#include <mm/vma_lock.h>

struct vm_fault {
    struct vm_area_struct *vma;
    u64 address; /* of the page */
    u64 real_address;
    unsigned flags;           /* FAULT_* */
    pte_t *pte;               /* the entry, tables above it present */
    pte_t orig_pte;           /* as first seen */
    struct fault_record *rec; /* may be NULL */
};

/* mm/fault_anon.c: untouched private anonymous memory. */
unsigned do_anonymous_page(struct vm_fault *vmf);

/* mm/fault_object.c: an object's page, read, private write or shared. */
unsigned do_fault(struct vm_fault *vmf);

/* mm/fault_cow.c: a write to a page mapped read-only. */
unsigned do_wp_page(struct vm_fault *vmf);

/* mm/userfaultfd_wp.c: a write to a page that a userfaultfd protects; any
 * access to an entry that is neither empty nor present. */
unsigned do_userfault_wp(struct vm_fault *vmf);
unsigned do_marker_fault(struct vm_fault *vmf);

/* mm/userfaultfd_object.c: an object's page in a registered area, before it is
 * made or mapped. 0: go on as usual. */
unsigned do_userfault_object(struct vm_fault *vmf);

/* mm/object_miss.c: a page of a bound object. 0 with *page, or without: go on
 * as usual; or VM_FAULT_*, perhaps with RETRY. */
unsigned do_paged_fault(struct vm_fault *vmf, struct page **page);

/* Nobody but this entry knows the anonymous page. */
static inline bool page_is_ours(const struct page *page)
{
    return (page->flags & PG_ANON) && READ_ONCE(page->refcount) == 1;
}

/* And has been used as such since it was shared, if it ever was: it may change
 * its place. */
static inline bool page_is_exclusive(const struct page *page)
{
    return page_is_ours(page) && !(page->flags & PG_FORKED);
}

/* The page, which is_ours, is used as such. */
static inline void page_claim(struct page *page)
{
    if (unlikely(page->flags & PG_FORKED))
        page_clear_flag(page, PG_FORKED);
}

/* Notes in the record what became of the fault. */
static inline void fault_note(struct vm_fault *vmf, enum fault_end end)
{
    if (vmf->rec)
        vmf->rec->end = end;
}

/* A new page's entry for vma: young, and writable and dirty if write. */
static inline pte_t fault_make_pte(const struct vm_area_struct *vma,
                                   struct page *page, bool write)
{
    pte_t pte = pte_mkyoung(pte_make(page_to_pfn(page), vma->vm_page_prot));

    if (write && (vma->vm_flags & VM_WRITE))
        pte = pte_mkdirty(pte_mkwrite(pte));
    return pte;
}

/*
 * Installs pte unless the entry is no longer the one first seen; the page, if
 * it is a counted one, gains a mapping and mm's kind count goes up.
 * Takes the table's lock. Returns false if somebody was faster.
 */
static inline bool fault_install(struct vm_fault *vmf, pte_t pte,
                                 struct page *page, enum rss_kind kind)
{
    struct mm_struct *mm = vmf->vma->vm_mm;
    spinlock_t *lock = pte_lockptr(vmf->pte);

    spin_lock_hot(lock);
    if (unlikely(pte_get(vmf->pte).v != vmf->orig_pte.v)) {
        spin_unlock_hot(lock);
        return false;
    }
    if (page) {
        __atomic_fetch_add(&page->mapcount, 1, __ATOMIC_RELAXED);
        __atomic_fetch_add(&mm->rss[kind], 1, __ATOMIC_RELAXED);
    }
    pte_set(vmf->pte, pte);
    spin_unlock_hot(lock);
    return true;
}

/* Lets go of the lock the fault came with: its handler is about to sleep, and
 * answers VM_FAULT_RETRY. The area may be gone from here on. */
static inline void fault_unlock(const struct vm_fault *vmf)
{
    if (vmf->flags & FAULT_VMA_LOCK)
        vma_end_read(vmf->vma);
    else
        mmap_read_unlock(vmf->vma->vm_mm);
}
