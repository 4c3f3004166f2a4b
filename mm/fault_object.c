/*
 * A missing page of a memory object: mapped as it is for reads and shared
 * mappings, copied for a private write.
 */
#include <mm/fault.h>

static u64 fault_index(const struct vm_fault *vmf)
{
    const struct vm_area_struct *vma = vmf->vma;

    return vma->vm_pgoff + ((vmf->address - vma->vm_start) >> PAGE_SHIFT);
}

/* Maps the object's own page; the mapping takes over the reference. Dirty only
 * by a write, though a shared mapping's rights may let the next one pass. */
static unsigned map_object_page(struct vm_fault *vmf, struct page *page)
{
    pte_t pte = fault_make_pte(vmf->vma, page, vmf->flags & FAULT_WRITE);

    if (!fault_install(vmf, pte, page, page_rss_kind(page)))
        put_page(page);
    fault_note(vmf, END_OBJECT_MAP);
    return 0;
}

/* Maps a private copy; the object's page is let go. */
static unsigned map_private_copy(struct vm_fault *vmf, struct page *from)
{
    struct page *page = alloc_page();

    if (likely(page)) {
        page_copy(page_address(page), page_address(from));
        page->flags |= PG_ANON;
        if (!fault_install(vmf, fault_make_pte(vmf->vma, page, true), page,
                           RSS_ANON))
            put_page(page);
        fault_note(vmf, END_OBJECT_COW);
    }
    put_page(from);
    return page ? 0 : VM_FAULT_OOM;
}

unsigned do_fault(struct vm_fault *vmf)
{
    struct page *page;
    int r = object_get_page(vmf->vma->vm_object, fault_index(vmf), &page);

    if (unlikely(r))
        return r == -ENOMEM ? VM_FAULT_OOM : VM_FAULT_SIGBUS;
    if ((vmf->flags & FAULT_WRITE) && !(vmf->vma->vm_flags & VM_SHARED))
        return map_private_copy(vmf, page);
    return map_object_page(vmf, page);
}
