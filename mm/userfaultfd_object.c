/*
 * userfaultfd on memory objects. What is missing is missing from the object,
 * for all who map it, and filled there; what the object has but this mapping
 * has not is a minor fault, for UFFDIO_CONTINUE. A private mapping is filled
 * with pages of its own.
 */
#include <mm/fault.h>
#include <mm/userfaultfd.h>

unsigned do_userfault_object(struct vm_fault *vmf)
{
    const struct vm_area_struct *vma = vmf->vma;
    u64 index = vma_index(vma, vmf->address);
    struct page *page = object_find_page(vma->vm_object, index);

    if (page) {
        put_page(page);
        return vma->vm_flags & VM_UFFD_MINOR
                   ? handle_userfault(vmf, UFFD_PAGEFAULT_FLAG_MINOR)
                   : 0;
    }
    if (userfaultfd_missing(vma) && index < object_pages(vma->vm_object))
        return handle_userfault(vmf, 0);
    return 0;
}

/* Maps the object's page, which has a reference for it, unless an entry is
 * there by now, or the page has left the object. */
static int install(struct vm_fault *vmf, struct page *page, bool protect)
{
    struct vm_area_struct *vma = vmf->vma;
    pte_t pte =
        pte_mksoft_dirty(fault_make_pte(vma, page, vma->vm_flags & VM_SHARED));
    spinlock_t *lock = pte_lockptr(vmf->pte);
    int r = 0;

    spin_lock(lock);
    if (pte_get(vmf->pte).v != vmf->orig_pte.v) {
        r = -EEXIST;
    } else if (READ_ONCE(page->object) != vma->vm_object) {
        r = -EFAULT;
    } else {
        __atomic_fetch_add(&page->mapcount, 1, __ATOMIC_RELAXED);
        __atomic_fetch_add(&vma->vm_mm->rss[page_rss_kind(page)], 1,
                           __ATOMIC_RELAXED);
        pte_set(vmf->pte, protect ? pte_mk_uffd_wp(pte) : pte);
    }
    spin_unlock(lock);
    return r;
}

static int continue_page(struct vm_fault *vmf, u64 index, bool protect,
                         bool exists)
{
    struct page *page = object_find_page(vmf->vma->vm_object, index);
    int r;

    if (!page)
        return -EFAULT;
    if (unlikely(page->flags & PG_PREALLOC))
        page_clear_flag(page, PG_PREALLOC);
    r = exists ? -EEXIST : install(vmf, page, protect);
    if (r)
        put_page(page);
    return r;
}

/* page (NULL: one of zeros) becomes the object's, and is mapped. */
static int add_page(struct vm_fault *vmf, u64 index, struct page *page,
                    bool protect)
{
    struct page *zeros = NULL;
    int r;

    if (!page)
        page = zeros = mm_charge_page(vmf->vma->vm_mm, alloc_zeroed_page());
    if (!page)
        return -ENOMEM;
    r = object_add_page(vmf->vma->vm_object, index, page);
    if (!r)
        r = install(vmf, page, protect);
    if (r && zeros)
        put_page(zeros);
    return r;
}

int userfaultfd_fill_object(struct vm_fault *vmf, enum uffd_fill kind,
                            struct page *page, bool protect, bool exists)
{
    const struct vm_area_struct *vma = vmf->vma;
    u64 index = vma_index(vma, vmf->address);

    if (vma->vm_object->kind != OBJECT_SHMEM)
        return -EINVAL;
    if (index >= object_pages(vma->vm_object))
        return kind == FILL_CONTINUE ? -EINVAL : -EFAULT;
    if (kind == FILL_CONTINUE)
        return continue_page(vmf, index, protect, exists);
    if (exists)
        return -EEXIST;
    if (kind == FILL_POISON || !(vma->vm_flags & VM_SHARED))
        return 1;
    return add_page(vmf, index, page, protect);
}
