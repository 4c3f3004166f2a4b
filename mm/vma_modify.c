/*
 * New flags for a part of an area. Merging comes first, for it needs neither
 * memory nor room in the map count; what cannot merge is split off. Relies on
 * vma_merge.c and vma_split.c.
 */
#include <mm/internal.h>
#include <mm/vma_lock.h>

static struct vma_shape shape_at(const struct vm_area_struct *vma, u64 start,
                                 u64 flags)
{
    u64 pgoff = vma->vm_pgoff + ((start - vma->vm_start) >> PAGE_SHIFT);

    return (struct vma_shape){flags, vma->vm_object, pgoff, vma->vm_uffd,
                              vma->vm_anon};
}

static bool like(const struct vm_area_struct *vma, u64 flags)
{
    return vma && !((vma->vm_flags ^ flags) & ~VM_SOFTDIRTY);
}

/* A neighbour of that part of the area has the flags already. */
static inline bool may_join(const struct vm_area_struct *area, u64 start,
                            u64 end, u64 flags)
{
    return (area->vm_start == start && like(area->vm_prev, flags)) ||
           (area->vm_end == end && like(area->vm_next, flags));
}

int vma_modify_flags(struct vm_area_struct **vma, u64 start, u64 end, u64 flags)
{
    struct vma_shape shape = shape_at(*vma, start, flags);
    struct vm_area_struct *area = *vma, *merged = NULL;
    struct mm_struct *mm = area->vm_mm;
    int r = 0;

    if (may_join(area, start, end, flags))
        merged = vma_merge(mm, area->vm_start < start ? area : area->vm_prev,
                           start, end, &shape);
    if (merged) {
        *vma = merged;
        return 0;
    }
    if (area->vm_start < start)
        r = split_vma(mm, area, start, true);
    if (!r && area->vm_end > end)
        r = split_vma(mm, area, end, false);
    if (r)
        return r;
    vma_start_write(area);
    area->vm_flags = flags;
    area->vm_page_prot = vma_page_prot(flags);
    return 0;
}

struct vm_area_struct *vma_rejoin(struct vm_area_struct *vma)
{
    struct vma_shape shape = shape_at(vma, vma->vm_start, vma->vm_flags);
    struct vm_area_struct *merged =
        vma_merge(vma->vm_mm, vma->vm_prev, vma->vm_start, vma->vm_end, &shape);

    return merged ? merged : vma;
}
