/*
 * Untouched private anonymous memory: the zero page for a read, a fresh page
 * for a write, a pager's business where one is registered.
 */
#include <mm/fault.h>
#include <mm/rmap.h>
#include <mm/userfaultfd.h>

static unsigned map_zero_page(struct vm_fault *vmf)
{
    pte_t pte = fault_make_pte(vmf->vma, zero_page, false);

    /* Losing the race is as good: the access is simply tried again. */
    (void)fault_install(vmf, pte, NULL, RSS_ANON);
    fault_note(vmf, END_ZERO_PAGE);
    return 0;
}

static __noinline unsigned map_new_page(struct vm_fault *vmf)
{
    struct page *page = mm_charge_page(vmf->vma->vm_mm, alloc_zeroed_page());

    if (unlikely(!page))
        return VM_FAULT_OOM;
    page_set_family(page, vmf->vma, vmf->address);
    if (!fault_install(vmf, fault_make_pte(vmf->vma, page, true), page,
                       RSS_ANON))
        put_page(page);
    fault_note(vmf, END_NEW_PAGE);
    return 0;
}

/* Apart, for the others save no registers. */
static __noinline unsigned ask_pager(struct vm_fault *vmf)
{
    if (vmf->flags & FAULT_WRITE)
        vma_note_anon(vmf->vma); /* as if it had the page */
    return handle_userfault(vmf, 0);
}

unsigned do_anonymous_page(struct vm_fault *vmf)
{
    if (userfaultfd_missing(vmf->vma))
        return ask_pager(vmf);
    return vmf->flags & FAULT_WRITE ? map_new_page(vmf) : map_zero_page(vmf);
}
