/*
 * Protection keys of an address space, pkeys(7): which are in use, and the one
 * that makes memory executable only: mmap(2) and mprotect(2) give it to what
 * shall have PROT_EXEC and nothing else, and the thread that asks first takes
 * its own access by that key away.
 */
#include <arch/pkey.h>
#include <mm/internal.h>

int mm_pkey_alloc(struct mm_struct *mm)
{
    u32 free = ~(u32)mm->pkeys & ((1u << arch_pkeys()) - 1);
    int key;

    if (!free)
        return -ENOSPC;
    key = __builtin_ctz(free);
    mm->pkeys |= 1u << key;
    return key;
}

bool mm_pkey_allocated(const struct mm_struct *mm, int key)
{
    if (key && key == mm->exec_pkey)
        return false;
    return key >= 0 && key < (int)arch_pkeys() && (mm->pkeys & 1u << key);
}

/* The key for execute-only memory, set up for this thread; 0: none. */
static int exec_only_pkey(struct mm_struct *mm)
{
    int key = mm->exec_pkey;

    if (!key)
        key = mm_pkey_alloc(mm);
    if (key <= 0) /* 0 is for all that has none */
        return 0;
    if (!mm->exec_pkey || arch_pkey_allows(key, false))
        arch_pkey_set(key, PKEY_DISABLE_ACCESS);
    mm->exec_pkey = key;
    return key;
}

u64 pkey_for_mmap(struct mm_struct *mm, u64 prot)
{
    return prot == VM_EXEC ? (u64)exec_only_pkey(mm) << VM_PKEY_SHIFT : 0;
}

u64 pkey_for_mprotect(const struct vm_area_struct *vma, u64 prot, int key)
{
    struct mm_struct *mm = vma->vm_mm;
    int old = vma_pkey(vma);

    if (key >= 0)
        return (u64)key << VM_PKEY_SHIFT;
    if (prot == VM_EXEC) {
        key = exec_only_pkey(mm);
        if (key)
            return (u64)key << VM_PKEY_SHIFT;
    } else if (old && old == mm->exec_pkey &&
               (vma->vm_flags & VM_ACCESS) == VM_EXEC) {
        return 0; /* no longer execute-only */
    }
    return (u64)old << VM_PKEY_SHIFT;
}
