/* User accesses as the CPU and the arch half of the fault path do them. */
#include "fake.h"

#include <arch/uaccess.h>
#include <mm/vma_lock.h>

#define TRIES 8

/* The entry lets a user access of the kind through. */
static bool pte_allows(pte_t pte, bool write)
{
    return pte_present(pte) && pte_user(pte) && (!write || pte_write(pte));
}

/* TLB, then the walk, which sets accessed and dirty; the first store to a page
 * walks again. */
static bool translate(struct mm_struct *mm, u64 va, bool write, pte_t *out)
{
    pte_t *pte;

    if (fake_tlb_lookup(mm, va, out) &&
        !(write && pte_write(*out) && !pte_dirty(*out)))
        return pte_allows(*out, write);
    pte = pte_lookup(mm, va);
    if (!pte || !pte_allows(*pte, write))
        return false;
    *pte = pte_mkyoung(*pte);
    if (write)
        *pte = pte_mkdirty(*pte);
    fake_tlb_insert(mm, va, *pte);
    *out = *pte;
    return true;
}

static bool vma_allows(const struct vm_area_struct *vma, bool write)
{
    return vma->vm_flags & (write ? VM_WRITE : VM_ACCESS);
}

/* mmap lock held for read: the area that holds va, grown if need be. */
static struct vm_area_struct *area_for(struct mm_struct *mm, u64 va)
{
    struct vm_area_struct *vma = find_vma(mm, va);

    if (vma && vma->vm_start <= va)
        return vma;
    if (expand_stack(mm, va))
        return NULL;
    return find_vma(mm, va);
}

/* The area that holds va, itself locked on the first try, as in user mode, else
 * by the mmap lock; NULL: there is none. */
static struct vm_area_struct *lock_area(struct mm_struct *mm, u64 va,
                                        unsigned *flags)
{
    struct vm_area_struct *vma = NULL;

    if (!(*flags & FAULT_TRIED))
        vma = vma_start_read(mm, va);
    if (vma) {
        *flags |= FAULT_VMA_LOCK;
        return vma;
    }
    mmap_read_lock(mm);
    vma = area_for(mm, va);
    if (!vma)
        mmap_read_unlock(mm);
    return vma;
}

static void unlock_area(struct vm_area_struct *vma, unsigned flags)
{
    if (flags & FAULT_VMA_LOCK)
        vma_end_read(vma);
    else
        mmap_read_unlock(vma->vm_mm);
}

static enum fake_result fault_once(struct mm_struct *mm, u64 va, bool write,
                                   unsigned flags)
{
    struct vm_area_struct *vma = lock_area(mm, va, &flags);
    unsigned r = VM_FAULT_SIGSEGV;

    if (!vma)
        return FAKE_SEGV_MAPERR;
    if (vma_allows(vma, write))
        r = handle_mm_fault(vma, va, flags | (write ? FAULT_WRITE : 0), NULL);
    if (!(r & VM_FAULT_RETRY))
        unlock_area(vma, flags);
    if (r & VM_FAULT_OOM)
        return FAKE_OOM;
    if (r & VM_FAULT_SIGSEGV)
        return FAKE_SEGV_ACCERR;
    if (r & VM_FAULT_SIGBUS)
        return FAKE_SIGBUS;
    if (r & VM_FAULT_HWPOISON)
        return FAKE_POISON;
    fake_tlb_check_page(mm, va); /* other CPUs go on with what they have */
    return FAKE_OK;
}

enum fake_result fake_access(struct mm_struct *mm, u64 va, bool write, char **p)
{
    unsigned flags = FAULT_USER | FAULT_RETRY_OK;
    struct mm_struct *current_mm = fake_mm;
    pte_t pte;

    if (va >= TASK_SIZE)
        return FAKE_SEGV_MAPERR;
    for (unsigned i = 0; i < TRIES; i++) {
        enum fake_result r;

        if (translate(mm, va, write, &pte)) {
            *p = (char *)phys_to_virt(pte_pfn(pte) << PAGE_SHIFT) +
                 (va & ~PAGE_MASK);
            return FAKE_OK;
        }
        fake_mm = mm; /* whose thread faults */
        r = fault_once(mm, va, write, flags);
        fake_mm = current_mm;
        assert_true(fake_may_run());
        if (r != FAKE_OK)
            return r;
        flags |= FAULT_TRIED;
    }
    fail_msg("access to %lx faults for ever", va);
    return FAKE_OOM;
}

int fake_read(struct mm_struct *mm, u64 va)
{
    char *p;

    return fake_access(mm, va, false, &p) == FAKE_OK ? (u8)*p : -1;
}

bool fake_write(struct mm_struct *mm, u64 va, char byte)
{
    char *p;

    if (fake_access(mm, va, true, &p) != FAKE_OK)
        return false;
    *p = byte;
    return true;
}

size_t copy_from_user_partial(void *dst, const void __user *src, size_t n)
{
    char *p;

    for (size_t i = 0; i < n; i++) {
        if (fake_access(fake_mm, (u64)src + i, false, &p) != FAKE_OK)
            return n - i;
        ((char *)dst)[i] = *p;
    }
    return 0;
}

int copy_page_from_user(void *dst, const void __user *src)
{
    return copy_from_user(dst, src, PAGE_SIZE);
}

size_t copy_to_user_partial(void __user *dst, const void *src, size_t n)
{
    char *p;

    for (size_t i = 0; i < n; i++) {
        if (fake_access(fake_mm, (u64)dst + i, true, &p) != FAKE_OK)
            return n - i;
        *p = ((const char *)src)[i];
    }
    return 0;
}
