/*
 * Waiting for an area's readers, or for the tree of areas to stand still.
 * Both last for a few hundred instructions at most, and who is waited for runs
 * on another CPU: the kernel is not preempted, and neither sleeps.
 */
#include <mm/vma_lock.h>

/* The last lookup that began before the change ends. */
void vma_tree_wait_lookups(struct mm_struct *mm)
{
    while (__atomic_load_n(&mm->tree_users, __ATOMIC_ACQUIRE) != TREE_CHANGING)
        cpu_relax();
}

/* A lookup came in the middle of a change: it counts again only after it. */
void vma_tree_wait_change(struct mm_struct *mm)
{
    do {
        __atomic_fetch_sub(&mm->tree_users, 1, __ATOMIC_RELEASE);
        while (__atomic_load_n(&mm->tree_users, __ATOMIC_ACQUIRE) < 0)
            cpu_relax();
    } while (__atomic_add_fetch(&mm->tree_users, 1, __ATOMIC_SEQ_CST) < 0);
}

void vma_wait_readers(struct vm_area_struct *vma)
{
    while (__atomic_load_n(&vma->vm_readers, __ATOMIC_ACQUIRE))
        cpu_relax();
}
