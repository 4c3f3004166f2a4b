/*
 * Two or three neighbours become one. The range A = [start, end) is free, or
 * an area or part of one that is about to take the given shape; P ends at its
 * start, N begins at its end, X begins where an area O that A covers exactly
 * ends:
 *
 *     A free                                A is O, or part of it
 *     1  PPPPAAAANNNN -> PPPPPPPPPPPP       6  PPPPOOOOXXXX -> PPPPPPPPPPPP
 *     2  PPPPAAAA     -> PPPPPPPP           7  PPPPOOOO     -> PPPPPPPP
 *     3      AAAANNNN -> NNNNNNNN           8      OOOOXXXX -> XXXXXXXX
 *                                           5  PPPPAAOO     -> PPPPPPOO
 *     (P is O:)                             4      PPAANNNN -> PPNNNNNN
 *
 * Only neighbours that already have the shape are touched, so nothing needs
 * memory and nothing can fail. The area that stays grows before the others
 * go, so that their object misses no page of them. It is soft-dirty if any of
 * them was.
 */
#include <mm/vma_lock.h>

struct merge {
    struct vm_area_struct *below; /* like A, ends at start */
    struct vm_area_struct *above; /* like A, begins at end */
    struct vm_area_struct *over;  /* covers A now, or NULL: A is free */
};

static bool shape_fits(const struct vm_area_struct *vma,
                       const struct vma_shape *shape)
{
    return vma_flags_fit(vma, shape->flags) &&
           vma->vm_object == shape->object && vma->vm_uffd == shape->uffd;
}

/* vma is like A and its pages come right before A's / right after. */
static bool fits_below(const struct vm_area_struct *vma,
                       const struct vma_shape *shape)
{
    return shape_fits(vma, shape) &&
           vma->vm_pgoff + vma_pages(vma) == shape->pgoff;
}

static bool fits_above(const struct vm_area_struct *vma,
                       const struct vma_shape *shape, u64 pages)
{
    return shape_fits(vma, shape) && shape->pgoff + pages == vma->vm_pgoff;
}

/* Both may have private pages, see vma_anon.c; those of the neighbour, if any,
 * did not come by fork(2). */
static bool anon_fits(u64 anon, const struct vm_area_struct *vma)
{
    if (!anon && vma->vm_anon && !vma->vm_anon_forked)
        return true;
    return anon == vma->vm_anon;
}

/* What fits A on either side may not fit each other. */
static bool anon_fits_all(const struct merge *m)
{
    return !m->below || !m->below->vm_anon || !m->above->vm_anon ||
           m->below->vm_anon == m->above->vm_anon;
}

/* The id goes on with the area that stays. */
static void anon_take(struct vm_area_struct *vma,
                      const struct vm_area_struct *from)
{
    if (vma->vm_anon || !from)
        return;
    vma->vm_anon = from->vm_anon;
    vma->vm_anon_forked = from->vm_anon_forked;
}

/* The area that overlaps A, given the last one that begins before it and the
 * next. */
static struct vm_area_struct *area_over(struct vm_area_struct *prev,
                                        struct vm_area_struct *next, u64 start,
                                        u64 end)
{
    if (prev && prev->vm_end > start)
        return prev;
    return next && next->vm_start < end ? next : NULL;
}

static void merge_find(struct merge *m, struct mm_struct *mm,
                       struct vm_area_struct *prev, u64 start, u64 end,
                       const struct vma_shape *shape)
{
    struct vm_area_struct *next = prev ? prev->vm_next : mm->mmap;
    struct vm_area_struct *above;
    u64 anon = shape->anon;

    m->over = area_over(prev, next, start, end);
    above = m->over ? m->over->vm_next : next;
    m->below = m->above = NULL;
    if (!anon && m->over)
        anon = m->over->vm_anon;
    if (prev && prev->vm_end == start && fits_below(prev, shape) &&
        anon_fits(anon, prev))
        m->below = prev;
    if (above && above->vm_start == end &&
        (!m->over || m->over->vm_end == end) &&
        fits_above(above, shape, (end - start) >> PAGE_SHIFT) &&
        anon_fits(anon, above))
        m->above = above;
    if (m->above && !anon_fits_all(m))
        m->above = NULL;
}

static void vma_remove(struct mm_struct *mm, struct vm_area_struct *vma)
{
    vma_start_write(vma);
    vma_unlink(mm, vma);
    vma_free(vma);
}

/* Takes [start, end) away from the area over it. */
static void give_up(struct mm_struct *mm, struct vm_area_struct *over,
                    u64 start, u64 end)
{
    if (over->vm_start == start && over->vm_end == end)
        vma_remove(mm, over);
    else if (over->vm_start == start)
        vma_adjust(over, end, over->vm_end);
    else
        vma_adjust(over, over->vm_start, start);
}

struct vm_area_struct *vma_merge(struct mm_struct *mm,
                                 struct vm_area_struct *prev, u64 start,
                                 u64 end, const struct vma_shape *shape)
{
    struct merge m;

    merge_find(&m, mm, prev, start, end, shape);
    if (!m.below && !m.above)
        return NULL;
    if (!m.below) {
        m.above->vm_flags |= shape->flags & VM_SOFTDIRTY;
        anon_take(m.above, m.over);
        vma_adjust(m.above, start, m.above->vm_end);
        if (m.over)
            give_up(mm, m.over, start, end);
        return m.above;
    }
    m.below->vm_flags |= shape->flags & VM_SOFTDIRTY;
    anon_take(m.below, m.above && m.above->vm_anon ? m.above : m.over);
    vma_adjust(m.below, m.below->vm_start, m.above ? m.above->vm_end : end);
    if (m.over)
        give_up(mm, m.over, start, end);
    if (m.above) {
        m.below->vm_flags |= m.above->vm_flags & VM_SOFTDIRTY;
        vma_remove(mm, m.above);
    }
    return m.below;
}
