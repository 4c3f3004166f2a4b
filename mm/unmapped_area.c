/*
 * Where a new mapping goes when its caller leaves the choice: the hint if it
 * is free, else the highest hole below mm->mmap_base, else (that region being
 * full) the lowest above a third of the address space. O(log n): a subtree
 * whose rb_subtree_gap is too small is never entered. Linux's order of things,
 * see mmap(2). mmap lock held for write.
 *
 * The hole "of" an area is the free space right below it, its guard gap left
 * out; the space above the last area belongs to nobody and is looked at apart.
 */
#include <mm/mm.h>
#include <uapi/faultline/mman.h>

/* A red-black tree of n nodes is at most 2 log2(n + 1) high. */
#define MAX_HEIGHT (2 * 17)
_Static_assert(MAX_MAP_COUNT < 1 << 17, "MAX_HEIGHT");

#define NOT_FOUND       0ul /* page 0 is never handed out */
#define MAP_32BIT_START 0x40000000ul
#define MAP_32BIT_END   0x80000000ul

struct hole_search {
    u64 low, high; /* the hole must lie within */
    u64 len;
};

static u64 hole_start(const struct vm_area_struct *vma)
{
    return vma->vm_prev ? vma->vm_prev->vm_end : 0;
}

/* Pushes the way to the highest area of the subtree whose hole may do. Holes
 * that begin too close to the upper limit are cut off with all that lies right
 * of them. Returns the new depth. */
static unsigned descend_right(struct rb_node *node, const struct hole_search *s,
                              struct vm_area_struct **way, unsigned depth)
{
    while (node) {
        struct vm_area_struct *vma = vma_of(node);

        if (vma->rb_subtree_gap < min(s->len, VMA_GAP_MAX))
            break;
        if (hole_start(vma) + s->len > s->high) {
            node = node->left;
        } else {
            way[depth++] = vma;
            node = node->right;
        }
    }
    return depth;
}

/* The upper end of the hole below vma if it is large enough. */
static inline u64 try_hole(const struct vm_area_struct *vma,
                           const struct hole_search *s)
{
    u64 end = min(vm_start_gap(vma), s->high);

    return max(hole_start(vma), s->low) + s->len <= end ? end - s->len
                                                        : NOT_FOUND;
}

/* Highest fitting hole: the tree in falling order, but only where there are
 * large holes, so at most one is looked at in vain per level. */
static __noinline u64 search_down(struct mm_struct *mm,
                                  const struct hole_search *s)
{
    struct vm_area_struct *way[MAX_HEIGHT];
    unsigned depth = descend_right(mm->mm_rb.node, s, way, 0);

    while (depth) {
        struct vm_area_struct *vma = way[--depth];
        u64 found = try_hole(vma, s);

        if (found) {
            mm->hole_vma = s->len <= VMA_GAP_MAX ? vma : NULL;
            mm->hole_bound = s->len;
            return found;
        }
        if (hole_start(vma) <= s->low)
            break;
        depth = descend_right(vma->vm_rb.left, s, way, depth);
    }
    return NOT_FOUND;
}

static u64 top_down(struct mm_struct *mm, const struct hole_search *s)
{
    if (max(mm->highest_vm_end, s->low) + s->len <= s->high)
        return s->high - s->len;
    return search_down(mm, s);
}

/* Where the last search ended, the next mostly ends as well: no hole above is
 * as large as what was looked for then (mm->hole_vma). */
static inline u64 try_last_hole(struct mm_struct *mm, u64 len)
{
    const struct hole_search s = {MMAP_MIN_ADDR, mm->mmap_base, len};

    if (unlikely(!mm->hole_vma || len < mm->hole_bound))
        return NOT_FOUND;
    return try_hole(mm->hole_vma, &s);
}

/* Lowest fitting hole in the subtree: the mirror image, for rarer use. */
static u64 search_up(struct rb_node *node, const struct hole_search *s)
{
    for (; node; node = node->right) {
        const struct vm_area_struct *vma = vma_of(node);
        u64 start = max(hole_start(vma), s->low);
        u64 end = min(vm_start_gap(vma), s->high);
        u64 found;

        if (vma->rb_subtree_gap < min(s->len, VMA_GAP_MAX))
            break;
        if (vma->vm_start < s->low + s->len)
            continue;
        found = search_up(node->left, s);
        if (found)
            return found;
        if (start + s->len <= end)
            return start;
        if (start + s->len > s->high)
            break;
    }
    return NOT_FOUND;
}

static u64 bottom_up(struct mm_struct *mm, const struct hole_search *s)
{
    u64 found = search_up(mm->mm_rb.node, s);
    u64 last = max(mm->highest_vm_end, s->low);

    if (!found && last + s->len <= s->high)
        found = last;
    return found;
}

/* The hint, rounded as mmap(2) does, if the range there is free and below
 * limit. */
static u64 try_hint(struct mm_struct *mm, u64 hint, u64 len, u64 limit)
{
    struct vm_area_struct *vma;

    hint &= PAGE_MASK;
    if (!hint)
        return NOT_FOUND;
    hint = max(hint, (u64)MMAP_MIN_ADDR);
    if (hint > limit - len)
        return NOT_FOUND;
    vma = find_vma(mm, hint);
    return !vma || hint + len <= vm_start_gap(vma) ? hint : NOT_FOUND;
}

/* MAP_32BIT: the second GiB, lowest first. */
static __noinline u64 unmapped_area_32bit(struct mm_struct *mm, u64 hint,
                                          u64 len)
{
    struct hole_search s = {MAP_32BIT_START, MAP_32BIT_END, len};
    u64 found;

    if (len > MAP_32BIT_END)
        return NOT_FOUND;
    vma_settle(mm);
    found = try_hint(mm, hint, len, MAP_32BIT_END);
    return found ? found : bottom_up(mm, &s);
}

static __noinline u64 unmapped_area(struct mm_struct *mm, u64 hint, u64 len)
{
    struct hole_search below = {MMAP_MIN_ADDR, mm->mmap_base, len};
    struct hole_search above = {ALIGN_UP(TASK_SIZE / 3, PAGE_SIZE), TASK_SIZE,
                                len};
    u64 found = NOT_FOUND;

    vma_settle(mm);
    if (hint)
        found = try_hint(mm, hint, len, TASK_SIZE);
    if (!found)
        found = top_down(mm, &below);
    if (!found)
        found = bottom_up(mm, &above);
    return found;
}

u64 get_unmapped_area(struct mm_struct *mm, u64 hint, u64 len, u64 flags)
{
    u64 found;

    if (!len || len > TASK_SIZE)
        return (u64)-ENOMEM;
    if (likely(!hint && !(flags & MAP_32BIT))) {
        found = try_last_hole(mm, len);
        if (likely(found))
            return found;
    }
    if (unlikely(flags & MAP_32BIT))
        found = unmapped_area_32bit(mm, hint, len);
    else
        found = unmapped_area(mm, hint, len);
    return found ? found : (u64)-ENOMEM;
}
