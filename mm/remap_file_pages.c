/*
 * remap_file_pages(2): what was once a rearrangement of page-table entries is
 * a fixed shared mapping of another part of the object.
 */
#include <mm/internal.h>
#include <uapi/faultline/mman.h>

/* The area that start lies in, if it and those right behind it, which differ
 * in nothing but their place, are shared and reach to end. */
static struct vm_area_struct *find_range(struct mm_struct *mm, u64 start,
                                         u64 end)
{
    struct vm_area_struct *first = find_vma(mm, start), *vma = first;

    if (!first || first->vm_start > start || !(first->vm_flags & VM_SHARED))
        return NULL;
    while (vma->vm_end < end) {
        const struct vm_area_struct *next = vma->vm_next;

        if (!next || next->vm_start != vma->vm_end ||
            next->vm_object != first->vm_object ||
            next->vm_flags != first->vm_flags)
            return NULL;
        vma = vma->vm_next;
    }
    return first;
}

long do_remap_file_pages(struct mm_struct *mm, u64 start, u64 size, u64 prot,
                         u64 pgoff, u64 flags)
{
    struct vm_area_struct *vma;
    struct mem_object *object;
    u64 vm_flags;
    long r;

    start &= PAGE_MASK;
    size &= PAGE_MASK;
    if (prot || start + size <= start || pgoff + (size >> PAGE_SHIFT) < pgoff)
        return -EINVAL;
    mmap_read_lock(mm);
    vma = find_range(mm, start, start + size);
    if (vma) {
        object = vma->vm_object;
        vm_flags = vma->vm_flags;
        object_get(object);
    }
    mmap_read_unlock(mm);
    if (!vma)
        return -EINVAL;
    flags = MAP_SHARED | MAP_FIXED | MAP_POPULATE | (flags & MAP_NONBLOCK) |
            (vm_flags & VM_LOCKED ? MAP_LOCKED : 0);
    r = do_mmap_shared(mm, start, size, vm_flags & VM_ACCESS, flags, object,
                       pgoff, vm_flags & VM_MAYWRITE);
    object_put(object);
    return r < 0 ? r : 0;
}
