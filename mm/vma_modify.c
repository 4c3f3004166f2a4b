/*
 * New flags for a part of an area. Merging comes first, for it needs neither
 * memory nor room in the map count; what cannot merge is split off. Relies on
 * vma_merge.c and vma_split.c.
 */
#include <mm/vma_lock.h>

/* Merges [start, end) of the area, which takes the flags. */
static struct vm_area_struct *join(struct vm_area_struct *area, u64 start,
                                   u64 end, u64 flags)
{
    struct vma_shape shape = {flags, area->vm_object, vma_index(area, start),
                              area->vm_uffd, area->vm_anon};

    return vma_merge(area->vm_mm, area->vm_start < start ? area : area->vm_prev,
                     start, end, &shape);
}

/* A neighbour of that part of the area has the flags already. */
static inline bool may_join(const struct vm_area_struct *area, u64 start,
                            u64 end, u64 flags)
{
    const struct vm_area_struct *prev = area->vm_prev, *next = area->vm_next;

    return (area->vm_start == start && prev && vma_flags_fit(prev, flags)) ||
           (area->vm_end == end && next && vma_flags_fit(next, flags));
}

int vma_modify_flags(struct vm_area_struct **vma, u64 start, u64 end, u64 flags)
{
    struct vm_area_struct *area = *vma, *merged = NULL;
    int r = 0;

    if (may_join(area, start, end, flags))
        merged = join(area, start, end, flags);
    if (merged) {
        *vma = merged;
        return 0;
    }
    if (area->vm_start < start)
        r = split_vma(area->vm_mm, area, start, true);
    if (!r && area->vm_end > end)
        r = split_vma(area->vm_mm, area, end, false);
    if (r)
        return r;
    vma_start_write(area);
    area->vm_flags = flags;
    area->vm_page_prot = vma_page_prot(flags);
    return 0;
}

struct vm_area_struct *vma_rejoin(struct vm_area_struct *vma)
{
    struct vm_area_struct *merged =
        join(vma, vma->vm_start, vma->vm_end, vma->vm_flags);

    return merged ? merged : vma;
}
