/*
 * The fault path's portable half: from an area and an address to a page-table
 * entry that lets the access go on. arch/.../fault.c brings the fault here
 * with the mmap lock held for read; the handlers for each kind of memory are
 * in fault_anon.c, fault_object.c, fault_cow.c and userfaultfd_fault.c.
 *
 * Page tables are freed only under the mmap lock for write, so an entry's
 * address stays good while we hold it; its content is ours only under the
 * page-table lock, and is compared again there.
 */
#include <arch/tlb.h>
#include <mm/fault.h>

pte_t fault_make_pte(const struct vm_area_struct *vma, struct page *page,
                     bool write)
{
    pte_t pte = pte_mkyoung(pte_make(page_to_pfn(page), vma->vm_page_prot));

    if (write && (vma->vm_flags & VM_WRITE))
        pte = pte_mkdirty(pte_mkwrite(pte));
    return pte;
}

bool fault_install(struct vm_fault *vmf, pte_t pte, struct page *page,
                   enum rss_kind kind)
{
    struct mm_struct *mm = vmf->vma->vm_mm;

    spin_lock(&mm->page_table_lock);
    if (unlikely(pte_get(vmf->pte).v != vmf->orig_pte.v)) {
        spin_unlock(&mm->page_table_lock);
        return false;
    }
    if (page) {
        __atomic_fetch_add(&page->mapcount, 1, __ATOMIC_RELAXED);
        mm->rss[kind]++;
    }
    pte_set(vmf->pte, pte);
    spin_unlock(&mm->page_table_lock);
    return true;
}

/*
 * The entry already allows the access: another thread was faster, or the TLB
 * held a stale entry, or a pager has filled the page since this fault slept.
 */
static unsigned do_spurious(struct vm_fault *vmf)
{
    struct fault_record *rec = vmf->rec;

    tlb_flush_local(vmf->address);
    fault_note(vmf, rec && rec->stage[STAGE_QUEUED] ? END_PAGER : END_SPURIOUS);
    return 0;
}

static unsigned handle_pte_fault(struct vm_fault *vmf)
{
    if (pte_none(vmf->orig_pte)) {
        if (vmf->vma->vm_object)
            return do_fault(vmf);
        return do_anonymous_page(vmf);
    }
    if (unlikely(!pte_present(vmf->orig_pte)))
        return do_marker_fault(vmf);
    if ((vmf->flags & FAULT_WRITE) && !pte_write(vmf->orig_pte))
        return do_wp_page(vmf);
    return do_spurious(vmf);
}

unsigned handle_mm_fault(struct vm_area_struct *vma, u64 addr, unsigned flags,
                         struct fault_record *rec)
{
    bool retry = flags & FAULT_TRIED;
    unsigned ret;
    struct vm_fault vmf = {
        .vma = vma,
        .address = addr & PAGE_MASK,
        .real_address = addr,
        .flags = flags,
        .rec = rec,
    };

    /* The record keeps the walk as the first try found it. */
    vmf.pte = pte_alloc(vma->vm_mm, addr, retry ? NULL : rec);
    if (unlikely(!vmf.pte))
        return VM_FAULT_OOM;
    vmf.orig_pte = pte_get(vmf.pte);
    ret = handle_pte_fault(&vmf);
    if (rec && !(ret & VM_FAULT_RETRY))
        rec->walk_after[PT_LEVELS - 1] = pte_get(vmf.pte).v;
    return ret;
}

/* An access of this kind is within the area's rights. */
static bool access_allowed(const struct vm_area_struct *vma, bool write)
{
    return vma->vm_flags & (write ? VM_WRITE : VM_READ);
}

#define PIN_AGAIN 0x1

/* One try at mm_pin_page(); PIN_AGAIN: a fault was served, or with
 * VM_FAULT_RETRY waited for. */
static int pin_page_once(struct mm_struct *mm, u64 addr, unsigned flags,
                         struct page **out)
{
    bool write = flags & FAULT_WRITE;
    struct vm_area_struct *vma;
    unsigned ret;
    pte_t *pte;

    mmap_read_lock(mm);
    vma = find_vma(mm, addr);
    if (!vma || vma->vm_start > addr || !access_allowed(vma, write)) {
        mmap_read_unlock(mm);
        return -EFAULT;
    }
    spin_lock(&mm->page_table_lock);
    pte = pte_lookup(mm, addr);
    if (pte && pte_present(*pte) && (!write || pte_write(*pte))) {
        *out = pfn_to_page(pte_pfn(*pte));
        get_page(*out);
        spin_unlock(&mm->page_table_lock);
        mmap_read_unlock(mm);
        return 0;
    }
    spin_unlock(&mm->page_table_lock);
    ret = handle_mm_fault(vma, addr, flags, NULL);
    if (!(ret & VM_FAULT_RETRY))
        mmap_read_unlock(mm);
    if (ret & VM_FAULT_ERROR)
        return ret & VM_FAULT_OOM ? -ENOMEM : -EFAULT;
    if (!(ret & VM_FAULT_RETRY))
        thread_count_fault(flags & FAULT_TRIED);
    return PIN_AGAIN | (int)(ret & VM_FAULT_RETRY);
}

int mm_pin_page(struct mm_struct *mm, u64 addr, bool write, struct page **out)
{
    unsigned flags =
        FAULT_RETRY_OK | FAULT_KILLABLE | (write ? FAULT_WRITE : 0);
    int r;

    while ((r = pin_page_once(mm, addr, flags, out)) > 0) {
        if (thread_signal_pending(WAIT_KILLABLE))
            return -EINTR;
        if (r & VM_FAULT_RETRY)
            flags |= FAULT_TRIED;
    }
    return r;
}
