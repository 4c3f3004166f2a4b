/*
 * The fault path's portable half: from an area and an address to a page-table
 * entry that lets the access go on. arch/.../fault.c brings the fault here
 * with the area locked, or the mmap lock held for read; the handlers for each
 * kind of memory are in fault_anon.c, fault_object.c, fault_cow.c and
 * userfaultfd_fault.c.
 *
 * Page tables are freed only when no area needs them, so an entry's address
 * stays good while we hold either lock; its content is ours only under the
 * table's lock, and is compared again there.
 */
#include <arch/tlb.h>
#include <mm/fault.h>
#include <mm/pgtable.h>

/*
 * The entry already allows the access: another thread was faster, or the TLB
 * held a stale entry, or a pager has filled the page since this fault slept.
 */
static unsigned do_spurious(struct vm_fault *vmf)
{
    struct fault_record *rec = vmf->rec;
    spinlock_t *lock = pte_lockptr(vmf->pte);

    /* Another CPU is replacing the page (wp_replace()) and waits for this one,
     * which had better wait as well than fault again and again. */
    if (!pte_user(vmf->orig_pte)) {
        spin_lock_hot(lock);
        spin_unlock_hot(lock);
    }
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
    struct vm_fault vmf;
    unsigned ret;
    pte_t *pte;

    /* The record keeps the walk as the first try found it. */
    if (likely(rec && !(flags & FAULT_TRIED)))
        pte = pte_alloc_inline(vma->vm_mm, addr, rec);
    else
        pte = pte_alloc(vma->vm_mm, addr, NULL);
    if (unlikely(!pte))
        return VM_FAULT_OOM;
    vmf = (struct vm_fault){
        .vma = vma,
        .address = addr & PAGE_MASK,
        .real_address = addr,
        .flags = flags,
        .pte = pte,
        .orig_pte = pte_get(pte),
        .rec = rec,
    };
    ret = handle_pte_fault(&vmf);
    if (rec && !(ret & VM_FAULT_RETRY))
        rec->walk_after[PT_LEVELS - 1] = pte_get(pte).v;
    return ret;
}

/* An access of this kind is within the area's rights, see PIN_FORCE. */
static bool access_allowed(const struct vm_area_struct *vma, unsigned how)
{
    u64 flags = vma->vm_flags;

    if (flags & (how & PIN_WRITE ? VM_WRITE : VM_READ))
        return true;
    if (!(how & PIN_FORCE))
        return false;
    return how & PIN_WRITE ? (flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE
                           : flags & VM_MAYREAD;
}

/* The entry allows the access, or forced: the copy is there already. */
static bool entry_allows(pte_t e, unsigned how)
{
    if (!(how & PIN_WRITE) || pte_write(e))
        return true;
    return (how & PIN_FORCE) && !pte_uffd_wp(e) &&
           page_is_ours(pfn_to_page(pte_pfn(e)));
}

/* The page at addr with a reference, if the entry allows the access now. */
static struct page *page_get_mapped(struct mm_struct *mm, u64 addr,
                                    unsigned how)
{
    pte_t *pte = pte_lookup(mm, addr), e;
    struct page *page = NULL;

    if (!pte)
        return NULL;
    spin_lock(pte_lockptr(pte));
    e = pte_get(pte);
    if (pte_present(e) && entry_allows(e, how)) {
        page = pfn_to_page(pte_pfn(e));
        if (page_is_ours(page)) /* reading it so is a use, too */
            page_claim(page);
        get_page(page);
        if (how & PIN_WRITE) /* it will be, though not through the entry */
            pte_set(pte, pte_mkdirty(e));
    }
    spin_unlock(pte_lockptr(pte));
    return page;
}

#define PIN_AGAIN 0x1

/* One try at mm_pin_page(); PIN_AGAIN: a fault was served, or with
 * VM_FAULT_RETRY waited for. */
static int pin_page_once(struct mm_struct *mm, u64 addr, unsigned flags,
                         unsigned how, struct page **out)
{
    struct vm_area_struct *vma;
    unsigned ret;

    mmap_read_lock(mm);
    vma = find_vma(mm, addr);
    if (!vma || vma->vm_start > addr || !access_allowed(vma, how)) {
        mmap_read_unlock(mm);
        return -EFAULT;
    }
    *out = page_get_mapped(mm, addr, how);
    if (*out) {
        mmap_read_unlock(mm);
        return 0;
    }
    ret = handle_mm_fault(vma, addr, flags, NULL);
    if (!(ret & VM_FAULT_RETRY))
        mmap_read_unlock(mm);
    if (ret & VM_FAULT_ERROR)
        return ret & VM_FAULT_OOM ? -ENOMEM : -EFAULT;
    if (!(ret & VM_FAULT_RETRY))
        thread_count_fault(flags & FAULT_TRIED);
    return PIN_AGAIN | (int)(ret & VM_FAULT_RETRY);
}

int mm_pin_page(struct mm_struct *mm, u64 addr, unsigned how, struct page **out)
{
    unsigned flags = FAULT_RETRY_OK | (how & PIN_WRITE ? FAULT_WRITE : 0);
    unsigned tries = 0;
    int r;

    while ((r = pin_page_once(mm, addr, flags, how, out)) > 0 ||
           (unlikely(r == -ENOMEM) && out_of_memory(mm, tries++))) {
        if (thread_signal_pending(WAIT_KILLABLE))
            return -EINTR;
        if (r > 0 && (r & VM_FAULT_RETRY))
            flags |= FAULT_TRIED;
    }
    return r;
}
