/*
 * Write protection by userfaultfd: UFFDIO_WRITEPROTECT, writes to protected
 * pages, and markers, which say of a page that is not there that it will be
 * protected, or that it is poisoned.
 */
#include <arch/tlb.h>
#include <mm/fault.h>
#include <mm/pgtable.h>
#include <mm/userfaultfd.h>

/* ---- changing entries ---- */

/* Lets writes through: to a page that is nobody else's at once, to others by
 * way of the fault that copies them. */
static __always_inline_ pte_t entry_free(const struct vm_area_struct *vma,
                                         pte_t e)
{
    if (!pte_present(e))
        return pte_uffd_wp(e) ? PTE_NONE : e;
    if (!pte_uffd_wp(e))
        return e;
    e = pte_clear_uffd_wp(e);
    if ((vma->vm_flags & (VM_WRITE | VM_SHARED)) == VM_WRITE &&
        pte_soft_dirty(e) && page_is_ours(pfn_to_page(pte_pfn(e)))) {
        page_claim(pfn_to_page(pte_pfn(e)));
        e = pte_mkdirty(pte_mkwrite(e));
    }
    return e;
}

static pte_t entry_protect(pte_t e, bool mark)
{
    if (pte_present(e))
        return pte_mk_uffd_wp(e);
    return pte_none(e) && mark ? PTE_MARK_WP : e;
}

static void protect_table(pte_t *pte, u64 pages, bool mark)
{
    for (; pages; pages--, pte++)
        pte_set(pte, entry_protect(pte_get(pte), mark));
}

static void free_table(const struct vm_area_struct *vma, pte_t *pte, u64 pages)
{
    for (; pages; pages--, pte++)
        pte_set(pte, entry_free(vma, pte_get(pte)));
}

/* Pages not there get markers: what belongs to an object can come back without
 * anybody's doing; of other memory the context may ask for it. */
static bool uses_marks(const struct vm_area_struct *vma)
{
    return vma->vm_object ||
           (vma->vm_uffd->features & UFFD_FEATURE_WP_UNPOPULATED);
}

/* The next table to protect, made if it is to hold marks: 1; 0: no more;
 * -ENOMEM. */
static int next_table(struct mm_struct *mm, u64 *va, u64 end, u64 *stop,
                      pte_t **pte, bool mark)
{
    if (*va >= end)
        return 0;
    if (!mark) {
        *pte = pt_next_leaf(mm->pgd, va, end, stop);
        return *pte != NULL;
    }
    *pte = pte_alloc(mm, *va, NULL);
    *stop = min(end, ALIGN_DOWN(*va, pt_span(1)) + pt_span(1));
    return *pte ? 1 : -ENOMEM;
}

int userfaultfd_wp_vma(struct vm_area_struct *vma, u64 start, u64 end,
                       bool protect)
{
    struct mm_struct *mm = vma->vm_mm;
    bool mark = protect && uses_marks(vma);
    u64 va = start, stop;
    pte_t *pte;
    int r;

    while ((r = next_table(mm, &va, end, &stop, &pte, mark)) > 0) {
        u64 pages = (stop - va) >> PAGE_SHIFT;
        spinlock_t *lock = pte_lockptr(pte);

        spin_lock(lock);
        if (protect)
            protect_table(pte, pages, mark);
        else
            free_table(vma, pte, pages);
        spin_unlock(lock);
        va = stop;
    }
    /* A CPU that still believes in protection only faults once more. */
    if (protect)
        tlb_flush_range(mm, start, end);
    return r;
}

/* ---- UFFDIO_WRITEPROTECT ---- */

static int wp_range(struct userfaultfd_ctx *ctx, u64 start, u64 end,
                    bool protect)
{
    struct vm_area_struct *vma = find_vma(ctx->mm, start);
    int r = -ENOENT;

    if (unlikely(READ_ONCE(ctx->changing)))
        return -EAGAIN;
    for (; vma && vma->vm_start < end; vma = vma->vm_next) {
        if (!(vma->vm_flags & VM_UFFD_WP))
            return -ENOENT;
        r = userfaultfd_wp_vma(vma, max(start, vma->vm_start),
                               min(end, vma->vm_end), protect);
        if (r)
            break;
    }
    return r;
}

/* One page goes free, for which somebody most likely waits. */
static int free_page_wp(struct userfaultfd_ctx *ctx, u64 va, bool wake)
{
    struct vm_area_struct *vma = find_vma_cached(ctx->mm, va);
    pte_t *pte, e = PTE_NONE;

    if (unlikely(READ_ONCE(ctx->changing)))
        return -EAGAIN;
    if (!vma || vma->vm_start > va || !(vma->vm_flags & VM_UFFD_WP))
        return -ENOENT;
    pte = pt_walk_inline(ctx->mm->pgd, va, 0);
    if (likely(pte)) {
        spinlock_t *lock = pte_lockptr(pte);

        spin_lock_hot(lock);
        e = entry_free(vma, pte_get(pte));
        pte_set(pte, e);
        spin_unlock_hot(lock);
    }
    if (likely(wake))
        userfaultfd_stamp_wake(ctx, va, e);
    else
        userfaultfd_stamp(ctx, va, e);
    return 0;
}

int userfaultfd_writeprotect(struct userfaultfd_ctx *ctx, u64 start, u64 len,
                             bool protect, bool wake)
{
    struct mm_struct *mm = ctx->mm;
    int r;

    if (!mm_try_get(mm))
        return -ESRCH;
    mmap_read_lock(mm);
    if (!protect && len == PAGE_SIZE) {
        r = free_page_wp(ctx, start, wake);
    } else {
        r = wp_range(ctx, start, start + len, protect);
        if (wake && !r)
            userfaultfd_wake(ctx, start, len);
    }
    mmap_read_unlock(mm);
    mm_put(mm);
    return r;
}

/* ---- faults ---- */

/* The mark goes, and the write's ordinary way can be gone. */
static unsigned wp_forget(struct vm_fault *vmf)
{
    pte_t pte = pte_clear_uffd_wp(vmf->orig_pte);

    if (!fault_install(vmf, pte, NULL, RSS_ANON))
        return 0; /* it changed: the access is tried again */
    vmf->orig_pte = pte;
    return do_wp_page(vmf);
}

unsigned do_userfault_wp(struct vm_fault *vmf)
{
    const struct vm_area_struct *vma = vmf->vma;

    if (!(vma->vm_flags & VM_UFFD_WP) ||
        (vma->vm_uffd->features & UFFD_FEATURE_WP_ASYNC))
        return wp_forget(vmf);
    return handle_userfault(vmf, UFFD_PAGEFAULT_FLAG_WP);
}

/* A protected page that is touched for the first time: it comes protected, a
 * write then faults once more. */
static unsigned map_marked(struct vm_fault *vmf)
{
    struct vm_area_struct *vma = vmf->vma;
    pte_t pte;

    if (vma->vm_object)
        return do_fault(vmf);
    if (userfaultfd_missing(vma))
        return handle_userfault(vmf, 0);
    pte = pte_mk_uffd_wp(fault_make_pte(vma, zero_page, false));
    (void)fault_install(vmf, pte, NULL, RSS_ANON);
    fault_note(vmf, END_ZERO_PAGE);
    return 0;
}

unsigned do_marker_fault(struct vm_fault *vmf)
{
    if (pte_poisoned(vmf->orig_pte))
        return VM_FAULT_HWPOISON;
    if (vmf->vma->vm_flags & VM_UFFD_WP)
        return map_marked(vmf);
    (void)fault_install(vmf, PTE_NONE, NULL, RSS_ANON);
    return 0;
}
