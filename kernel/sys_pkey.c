/* Protection keys: pkey_alloc(2), pkey_free(2), pkey_mprotect(2). */
#include <arch/pkey.h>
#include <kernel/sys_mm.h>
#include <kernel/thread.h>

long sys_pkey_alloc(u64 flags, u64 rights)
{
    struct mm_struct *mm = current->mm;
    int key;

    if (flags || (rights & ~(u64)(PKEY_DISABLE_ACCESS | PKEY_DISABLE_WRITE)))
        return -EINVAL;
    mmap_write_lock(mm);
    key = mm_pkey_alloc(mm);
    mmap_write_unlock(mm);
    if (key >= 0)
        arch_pkey_set(key, (unsigned)rights);
    return key;
}

long sys_pkey_free(int key)
{
    struct mm_struct *mm = current->mm;
    bool was;

    mmap_write_lock(mm);
    was = mm_pkey_allocated(mm, key);
    if (was)
        mm->pkeys &= ~(1u << key);
    mmap_write_unlock(mm);
    return was ? 0 : -EINVAL;
}

long sys_pkey_mprotect(u64 addr, u64 len, u64 prot, int key)
{
    return do_pkey_mprotect(current->mm, addr, len, prot, key);
}
