/*
 * A write to a page mapped read-only in a writable area: copy-on-write. The
 * page is reused when this mapping is its only user.
 */
#include <arch/tlb.h>
#include <mm/fault.h>
#include <mm/object_pager.h>
#include <mm/rmap.h>

/* Makes the entry writable in place. A CPU that still knows it as read-only
 * finds out by a fault, as this one just has: do_spurious(). */
static unsigned wp_reuse(struct vm_fault *vmf, enum fault_end end)
{
    pte_t pte = pte_mkdirty(pte_mkyoung(pte_mkwrite(vmf->orig_pte)));

    (void)fault_install(vmf, pte, NULL, RSS_ANON);
    fault_note(vmf, end);
    return 0;
}

/*
 * Swaps the old page for ours if the entry is still as first seen. In between
 * nobody can use either: were the new page there before every CPU has
 * forgotten the old one, a thread that still reads the old one would miss
 * stores that others already make to the new. The entry meanwhile forbids
 * everything instead of being empty, so that nobody takes it for a missing
 * page. The old mapping's count and reference go.
 */
static bool wp_replace(struct vm_fault *vmf, struct page *old,
                       struct page *page)
{
    struct mm_struct *mm = vmf->vma->vm_mm;
    bool counted = !(old->flags & PG_ZERO);
    spinlock_t *lock = pte_lockptr(vmf->pte);

    spin_lock_hot(lock);
    if (unlikely(pte_get(vmf->pte).v != vmf->orig_pte.v)) {
        spin_unlock_hot(lock);
        return false;
    }
    page->mapcount = 1;
    __atomic_fetch_add(&mm->rss[RSS_ANON], 1, __ATOMIC_RELAXED);
    if (counted)
        __atomic_fetch_sub(&mm->rss[page_rss_kind(old)], 1, __ATOMIC_RELAXED);
    pte_set(vmf->pte, pte_modify(vmf->orig_pte, vm_get_page_prot(0)));
    tlb_flush_page(mm, vmf->address);
    pte_set(vmf->pte, fault_make_pte(vmf->vma, page, true));
    spin_unlock_hot(lock);
    if (counted) {
        __atomic_fetch_sub(&old->mapcount, 1, __ATOMIC_RELAXED);
        put_page(old);
    }
    return true;
}

/* Allocates our copy of old (NULL: no memory). */
static struct page *wp_new_page(struct page *old)
{
    struct page *page;

    if (old->flags & PG_ZERO)
        return alloc_zeroed_page();
    page = alloc_page();
    if (page)
        page_copy(page_address(page), page_address(old));
    return page;
}

/* Keeps the page of the entry from being freed while it is copied. */
static struct page *wp_hold_old(struct vm_fault *vmf)
{
    spinlock_t *lock = pte_lockptr(vmf->pte);
    struct page *old = NULL;

    spin_lock_hot(lock);
    if (pte_get(vmf->pte).v == vmf->orig_pte.v) {
        old = pfn_to_page(pte_pfn(vmf->orig_pte));
        get_page(old);
    }
    spin_unlock_hot(lock);
    return old;
}

static __noinline unsigned wp_copy(struct vm_fault *vmf)
{
    struct page *old = wp_hold_old(vmf), *page;

    if (!old)
        return 0; /* it changed: the access is tried again */
    page = mm_charge_page(vmf->vma->vm_mm, wp_new_page(old));
    if (page) {
        page_set_anon(page, vmf->vma, vmf->address);
        if (!wp_replace(vmf, old, page))
            put_page(page);
    }
    fault_note(vmf, old->flags & PG_ZERO ? END_NEW_PAGE : END_COW_COPY);
    put_page(old);
    return page ? 0 : VM_FAULT_OOM;
}

/* A shared page. That of a bound object is dirty before it is writable; and as
 * long as it is the object's, the entry names it. */
static __cold __noinline unsigned wp_shared(struct vm_fault *vmf)
{
    struct mem_object *object = vmf->vma->vm_object;
    struct page *page = pfn_to_page(pte_pfn(vmf->orig_pte));

    if (!(vmf->vma->vm_flags & VM_PAGED))
        return wp_reuse(vmf, END_OBJECT_MAP);
    spin_lock(&object->lock);
    if (page->object == object && !(page->flags & PG_ANON)) {
        object_set_dirty(object, page);
        wp_reuse(vmf, END_OBJECT_MAP);
    }
    spin_unlock(&object->lock);
    return 0;
}

unsigned do_wp_page(struct vm_fault *vmf)
{
    struct page *page = pfn_to_page(pte_pfn(vmf->orig_pte));

    if (unlikely(pte_uffd_wp(vmf->orig_pte)))
        return do_userfault_wp(vmf);
    if (vmf->vma->vm_flags & VM_SHARED)
        return wp_shared(vmf);
    /* Without VM_WRITE the write is forced, and wants a copy: PIN_FORCE. */
    if (likely(vmf->vma->vm_flags & VM_WRITE) && page_is_ours(page)) {
        page_claim(page);
        return wp_reuse(vmf, END_COW_REUSE);
    }
    return wp_copy(vmf);
}
