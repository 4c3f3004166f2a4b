/*
 * A lock per area, so that a fault waits only for who changes that very area
 * and not for whoever holds the mmap lock elsewhere.
 *
 * A fault holds its area for reading and neither sleeps nor faults meanwhile.
 * Who changes an area's edges, flags or pages has the mmap lock for write and
 * locks the area for writing as well: it stays locked until the mmap lock is
 * let go. Looking an area up without the mmap lock counts in mm->tree_users;
 * the tree changes only while nobody looks, for a few instructions.
 */
#pragma once

#include <mm/mm.h>

#define TREE_CHANGING ((s32)0x80000000)

/* Slow halves, mm/vma_lock.c. */
__slow_half void vma_tree_wait_lookups(struct mm_struct *mm);
__slow_half void vma_tree_wait_change(struct mm_struct *mm);
__slow_half void vma_wait_readers(struct vm_area_struct *vma);

/* The tree is about to change / has changed. mmap lock held for write. */
static inline void vma_tree_begin(struct mm_struct *mm)
{
    if (unlikely(__atomic_add_fetch(&mm->tree_users, TREE_CHANGING,
                                    __ATOMIC_SEQ_CST) != TREE_CHANGING))
        slow_call(vma_tree_wait_lookups, mm);
}

static inline void vma_tree_end(struct mm_struct *mm)
{
    __atomic_fetch_sub(&mm->tree_users, TREE_CHANGING, __ATOMIC_RELEASE);
}

/* The tree is looked at without the mmap lock, and does not change meanwhile.
 * Others wait for the end: be brief. */
static inline void vma_lookup_begin(struct mm_struct *mm)
{
    if (unlikely(__atomic_add_fetch(&mm->tree_users, 1, __ATOMIC_SEQ_CST) < 0))
        slow_call(vma_tree_wait_change, mm);
}

static inline void vma_lookup_end(struct mm_struct *mm)
{
    __atomic_fetch_sub(&mm->tree_users, 1, __ATOMIC_RELEASE);
}

/* Nobody handles a fault in the area from here on, until the mmap lock, held
 * for write, is let go. */
static inline void vma_start_write(struct vm_area_struct *vma)
{
    u32 seq = vma->vm_mm->lock_seq;

    if (vma->vm_lock_seq == seq)
        return;
    /* The full barrier stands against the one in vma_start_read(). */
    __atomic_exchange_n(&vma->vm_lock_seq, seq, __ATOMIC_SEQ_CST);
    if (unlikely(READ_ONCE(vma->vm_readers)))
        slow_call(vma_wait_readers, vma);
}

static inline void vma_end_read(struct vm_area_struct *vma)
{
    lockdep_sleeping(-1);
    __atomic_fetch_sub(&vma->vm_readers, 1, __ATOMIC_RELEASE);
}

/* Counts the caller among the area's readers unless it is being changed. */
static inline bool vma_try_read(struct vm_area_struct *vma)
{
    __atomic_fetch_add(&vma->vm_readers, 1, __ATOMIC_SEQ_CST);
    lockdep_sleeping(1);
    if (likely(__atomic_load_n(&vma->vm_lock_seq, __ATOMIC_ACQUIRE) !=
               READ_ONCE(vma->vm_mm->lock_seq)))
        return true;
    vma_end_read(vma);
    return false;
}

/* find_vma() with its most frequent answer, the area of the last hit, found
 * right here. */
static inline struct vm_area_struct *find_vma_cached(struct mm_struct *mm,
                                                     u64 addr)
{
    struct vm_area_struct *hit = READ_ONCE(mm->vma_cache);

    if (likely(hit && hit->vm_start <= addr && addr < hit->vm_end))
        return hit;
    return find_vma(mm, addr);
}

/* The area that holds addr, locked for reading; NULL: there is none, or it is
 * being changed. No lock held. */
static inline struct vm_area_struct *vma_start_read(struct mm_struct *mm,
                                                    u64 addr)
{
    struct vm_area_struct *vma;

    vma_lookup_begin(mm);
    vma = find_vma_cached(mm, addr);
    if (unlikely(!vma || vma->vm_start > addr || !vma_try_read(vma)))
        vma = NULL;
    vma_lookup_end(mm);
    return vma;
}
