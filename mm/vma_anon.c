/*
 * Which areas' private pages belong together. An area gets an id with its
 * first private page, or when it is about to grow by a fault: its neighbour's
 * if the two could be one but for their rights, else a new one. Areas with
 * different ids do not merge, nor do those that fork(2) copied with an id and
 * new ones: on Linux such an id is the anon_vma, of which an area can have
 * only one.
 */
#include <mm/vma_lock.h>

static u64 last_id;

/* below ends where above begins, and only rights may keep them apart. */
static bool could_be_one(const struct vm_area_struct *below,
                         const struct vm_area_struct *above)
{
    return below->vm_end == above->vm_start &&
           below->vm_object == above->vm_object &&
           !((below->vm_flags ^ above->vm_flags) &
             ~(VM_ACCESS | VM_SOFTDIRTY)) &&
           above->vm_pgoff == below->vm_pgoff + vma_pages(below);
}

/* The neighbour's id, unless fork(2) gave it one. */
static u64 id_of(const struct vm_area_struct *vma)
{
    return vma->vm_anon_forked ? 0 : READ_ONCE(vma->vm_anon);
}

static u64 neighbours_id(const struct vm_area_struct *vma)
{
    const struct vm_area_struct *prev = READ_ONCE(vma->vm_prev);
    const struct vm_area_struct *next = READ_ONCE(vma->vm_next);
    u64 id = next && could_be_one(vma, next) ? id_of(next) : 0;

    if (!id && prev && could_be_one(prev, vma))
        id = id_of(prev);
    return id;
}

void vma_choose_anon(struct vm_area_struct *vma)
{
    u64 id, none = 0;

    /* The neighbours stay in memory meanwhile; what they are matters only if
     * nobody changes them. */
    vma_lookup_begin(vma->vm_mm);
    id = neighbours_id(vma);
    vma_lookup_end(vma->vm_mm);
    if (!id)
        id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
    /* Another fault in the area may have been faster. */
    __atomic_compare_exchange_n(&vma->vm_anon, &none, id, false,
                                __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

void vma_inherit_anon(struct vm_area_struct *copy)
{
    if (!copy->vm_anon)
        return;
    copy->vm_anon = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
    copy->vm_anon_forked = true;
}
