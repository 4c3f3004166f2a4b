/*
 * munmap(2): split at both edges, take the areas out, unmap their pages, free
 * the tables that became empty. Cost goes with what is mapped.
 */
#include <mm/internal.h>
#include <mm/userfaultfd.h>
#include <mm/vma_lock.h>

/* Cuts the areas that straddle an edge, so that whole areas go. */
static int split_edges(struct mm_struct *mm, struct vm_area_struct *first,
                       u64 start, u64 end)
{
    struct vm_area_struct *last;
    int r;

    if (first->vm_start < start) {
        if (unlikely(first->vm_flags & VM_SEALED))
            return -EPERM;
        /* A hole in the middle of one area makes one area more. */
        if (first->vm_end > end && mm->map_count >= MAX_MAP_COUNT)
            return -ENOMEM;
        r = split_vma_uncounted(mm, first, start, true);
        if (r)
            return r;
    }
    /* Linux has made the first cut by the time it sees this, and tells the
     * pagers of what comes before. */
    if (unlikely(mm->sealed) && range_sealed(mm, start, end)) {
        if (mm->uffd_unmap)
            (void)!userfaultfd_unmap(mm, start, end);
        return -EPERM;
    }
    if (first->vm_end >= end)
        last = first->vm_end > end ? first : NULL;
    else
        last = find_vma(mm, end - 1);
    if (last && last->vm_start < end && last->vm_end > end)
        return split_vma_uncounted(mm, last, end, true);
    return 0;
}

/* The tables of [start, end) as far as no neighbour needs them. */
static void free_tables_around(struct mm_struct *mm, u64 start, u64 end,
                               const struct vm_area_struct *prev,
                               const struct vm_area_struct *next)
{
    free_pgtables(mm, start, end, prev ? prev->vm_end : 0,
                  next ? next->vm_start : ~0ul);
}

/* The pages of all areas from vma on that begin before end: in one go, so that
 * many small ones share their TLB flushes. */
static inline void zap_areas(struct mm_struct *mm, struct vm_area_struct *vma,
                             u64 end)
{
    u64 start = vma->vm_start;
    struct vm_area_struct *last;

    do {
        vma_start_write(vma);
        last = vma;
        vma = vma->vm_next;
    } while (vma && vma->vm_start < end);
    zap_page_range(mm, start, last->vm_end);
}

/* The areas from vma on that begin before end, all of them; start: of what is
 * free then. */
static __always_inline_ void unmap_areas(struct mm_struct *mm,
                                         struct vm_area_struct *vma, u64 start,
                                         u64 end)
{
    struct vm_area_struct *prev = vma->vm_prev, *next;
    u64 accounted = 0;

    update_hiwater_vm(mm);
    zap_areas(mm, vma, end);
    for (; vma && vma->vm_start < end; vma = next) {
        next = vma->vm_next;
        vm_stat_account(mm, vma->vm_flags, -(s64)vma_pages(vma));
        accounted += vma_accounted(vma);
        if (next && next->vm_start < end)
            vma_unlink_more(mm, vma);
        else
            vma_unlink(mm, vma);
        vma_free(vma);
    }
    vm_uncharge(accounted);
    free_tables_around(mm, start, end, prev, vma);
}

void munmap_area(struct vm_area_struct *vma)
{
    unmap_areas(vma->vm_mm, vma, vma->vm_start, vma->vm_end);
}

__cold int munmap_prepare(struct mm_struct *mm, u64 start, u64 end)
{
    struct vm_area_struct *vma = find_vma(mm, start);
    int r = vma && vma->vm_start < end ? split_edges(mm, vma, start, end) : 0;

    return r || !mm->uffd_unmap ? r : userfaultfd_unmap(mm, start, end);
}

int munmap_range(struct mm_struct *mm, u64 start, u64 end)
{
    struct vm_area_struct *vma = find_vma_cached(mm, start);
    int r;

    if (!vma || vma->vm_start >= end)
        return 0;
    if (vma->vm_start < start || vma->vm_end != end || unlikely(mm->sealed)) {
        r = split_edges(mm, vma, start, end);
        if (r)
            return r;
        vma = find_vma(mm, start);
    }
    if (unlikely(mm->uffd_unmap)) {
        r = userfaultfd_unmap(mm, start, end);
        if (r)
            return r;
    }
    unmap_areas(mm, vma, start, end);
    return 0;
}

long do_munmap(struct mm_struct *mm, u64 start, u64 len)
{
    int r;

    if (!IS_ALIGNED(start, PAGE_SIZE) || start > TASK_SIZE ||
        len > TASK_SIZE - start)
        return -EINVAL;
    len = ALIGN_UP(len, PAGE_SIZE);
    if (!len)
        return -EINVAL;
    mmap_write_lock(mm);
    r = munmap_range(mm, start, start + len);
    mmap_write_unlock(mm);
    return r;
}
