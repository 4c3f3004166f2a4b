/*
 * madvise(2). Some advice changes what an area is (a table says how: fork and
 * core dumps look at it, the rest is kept for who asks), some acts on its
 * pages. MADV_DONTNEED throws pages away; MADV_FREE allows to, when memory is
 * short, and takes that back at the next write.
 */
#include <arch/pkey.h>
#include <arch/tlb.h>
#include <mm/internal.h>
#include <mm/userfaultfd.h>
#include <uapi/faultline/mman.h>

/* Advice that changes vm_flags, by number. */
struct flag_advice {
    u64 set, clear;
    u64 refused; /* EINVAL for areas with one of these */
};

static const struct flag_advice flag_advice[] = {
    [MADV_NORMAL] = {0, VM_RAND_READ | VM_SEQ_READ, 0},
    [MADV_RANDOM] = {VM_RAND_READ, VM_SEQ_READ, 0},
    [MADV_SEQUENTIAL] = {VM_SEQ_READ, VM_RAND_READ, 0},
    [MADV_DONTFORK] = {VM_DONTCOPY, 0, 0},
    [MADV_DOFORK] = {0, VM_DONTCOPY, 0},
    [MADV_MERGEABLE] = {VM_MERGEABLE, 0, 0},
    [MADV_UNMERGEABLE] = {0, VM_MERGEABLE, 0},
    [MADV_HUGEPAGE] = {VM_HUGEPAGE, VM_NOHUGEPAGE, 0},
    [MADV_NOHUGEPAGE] = {VM_NOHUGEPAGE, VM_HUGEPAGE, 0},
    [MADV_DONTDUMP] = {VM_DONTDUMP, 0, 0},
    [MADV_DODUMP] = {0, VM_DONTDUMP, VM_DROPPABLE},
    [MADV_WIPEONFORK] = {VM_WIPEONFORK, 0, VM_SHARED},
    [MADV_KEEPONFORK] = {0, VM_WIPEONFORK, VM_DROPPABLE},
};

/* Changes flags, so that the mmap lock is needed for write. */
static bool changes_flags(int advice)
{
    return (unsigned)advice < ARRAY_SIZE(flag_advice) &&
           (flag_advice[advice].set | flag_advice[advice].clear);
}

/* Acts on pages. */
static bool acts(int advice)
{
    return advice == MADV_WILLNEED || advice == MADV_DONTNEED ||
           advice == MADV_FREE || advice == MADV_REMOVE ||
           (advice >= MADV_COLD && advice <= MADV_COLLAPSE);
}

/* The advice loses what a mapping without the right to write could not. */
static bool discards(int advice)
{
    return advice == MADV_DONTNEED || advice == MADV_DONTNEED_LOCKED ||
           advice == MADV_FREE || advice == MADV_REMOVE ||
           advice == MADV_DONTFORK || advice == MADV_WIPEONFORK;
}

/* mseal(2): the pages of a private area that cannot be written, by its rights
 * or by the thread's protection key, are to stay. */
static bool seal_forbids(const struct vm_area_struct *vma, int advice)
{
    return (vma->vm_flags & (VM_SEALED | VM_SHARED)) == VM_SEALED &&
           !vma->vm_object && discards(advice) &&
           (!(vma->vm_flags & VM_WRITE) ||
            !arch_pkey_allows(vma_pkey(vma), true));
}

/* ---- flags ---- */

static long advise_flags(struct vm_area_struct **vma, u64 start, u64 end,
                         int advice)
{
    const struct flag_advice *a = &flag_advice[advice];
    u64 old = (*vma)->vm_flags, flags = (old & ~a->clear) | a->set;

    if (old & a->refused)
        return -EINVAL;
    if (advice == MADV_WIPEONFORK && (*vma)->vm_object)
        return -EINVAL;
    /* Only private memory can be merged; nobody is told. */
    if (advice == MADV_MERGEABLE && (old & (VM_MAYSHARE | VM_DROPPABLE)))
        return 0;
    if (flags == old)
        return 0;
    return vma_modify_flags(vma, start, end, flags) ? -EAGAIN : 0;
}

/* ---- pages ---- */

static int remove_error(const struct vm_area_struct *vma)
{
    const u64 writable = VM_SHARED | VM_MAYWRITE;

    if ((vma->vm_flags & VM_LOCKED) || !vma->vm_object)
        return -EINVAL;
    return (vma->vm_flags & writable) == writable ? 0 : -EACCES;
}

/*
 * MADV_REMOVE: a hole in the object, for all who map it. They may be changing
 * it and wait: the mmap lock is let go meanwhile, and *vma is what then comes
 * at or after the end.
 */
static long remove_pages(struct vm_area_struct **vma, u64 start, u64 end)
{
    struct mm_struct *mm = (*vma)->vm_mm;
    struct mem_object *object = (*vma)->vm_object;
    u64 offset = start - (*vma)->vm_start + ((*vma)->vm_pgoff << PAGE_SHIFT);
    long r = remove_error(*vma);

    if (r)
        return r;
    object_get(object);
    mmap_read_unlock(mm);
    r = object_punch_hole(object, offset, end - start);
    object_put(object);
    mmap_read_lock(mm);
    *vma = find_vma(mm, end);
    return r;
}

static long advise_pages(struct vm_area_struct **at, u64 start, u64 end,
                         int advice)
{
    struct vm_area_struct *vma = *at;
    bool locked = vma->vm_flags & VM_LOCKED;

    switch (advice) {
    case MADV_REMOVE:
        return remove_pages(at, start, end);
    case MADV_DONTNEED_LOCKED:
        locked = false;
        __attribute__((fallthrough));
    case MADV_DONTNEED:
        if (!locked)
            zap_discard_range(vma, start, end, true);
        return locked ? -EINVAL : 0;
    case MADV_FREE:
        if (locked || vma->vm_object)
            return -EINVAL;
        lazyfree_range(vma, start, end);
        return 0;
    case MADV_PAGEOUT:
        if (!locked)
            lazyfree_pageout(vma, start, end);
        __attribute__((fallthrough));
    case MADV_COLD:
        return locked ? -EINVAL : 0;
    case MADV_COLLAPSE: /* no area is fit for a huge page */
        return -EINVAL;
    default:
        return 0;
    }
}

/*
 * Pages of [start, *end) are to go: a pager that wants to know is told first.
 * For that the lock is let go; what is there afterwards counts, and *end is
 * where it ends.
 */
static long tell_pager(struct vm_area_struct **vma, u64 start, u64 *end)
{
    struct mm_struct *mm = (*vma)->vm_mm;

    if (likely(!userfaultfd_remove(*vma, start, *end)))
        return 0;
    mmap_read_lock(mm);
    *vma = find_vma(mm, start);
    if (!*vma || (*vma)->vm_start > start)
        return -ENOMEM;
    *end = min(*end, (*vma)->vm_end);
    return 0;
}

static bool drops_pages(const struct vm_area_struct *vma, int advice)
{
    if (advice == MADV_DONTNEED_LOCKED)
        return true;
    if (advice == MADV_REMOVE)
        return !remove_error(vma);
    return (advice == MADV_DONTNEED || advice == MADV_FREE) &&
           !(vma->vm_flags & VM_LOCKED);
}

/* Each area of the range; holes are passed over but remembered as -ENOMEM. */
static long advise_range(struct mm_struct *mm, u64 start, u64 end, int advice)
{
    struct vm_area_struct *vma = find_vma(mm, start);
    long hole = 0, r;

    for (u64 at = start; at < end;) {
        u64 from;

        if (!vma || vma->vm_start >= end)
            return -ENOMEM;
        if (vma->vm_start > at)
            hole = -ENOMEM;
        if (unlikely(seal_forbids(vma, advice)))
            return -EPERM;
        from = max(at, vma->vm_start);
        at = min(end, vma->vm_end);
        r = drops_pages(vma, advice) ? tell_pager(&vma, from, &at) : 0;
        if (!r)
            r = changes_flags(advice) ? advise_flags(&vma, from, at, advice)
                                      : advise_pages(&vma, from, at, advice);
        if (r)
            return r;
        if (vma && vma->vm_end <= at)
            vma = vma->vm_next;
    }
    return hole;
}

/*
 * Two of us may be at the same pages. Who finds them gone must not return
 * before the other has flushed: it flushes as well. Faults may go on beside
 * this: the page-table lock orders them.
 */
static long advise_all_pages(struct mm_struct *mm, u64 start, u64 end,
                             int advice)
{
    long r;

    mmap_read_lock(mm);
    __atomic_fetch_add(&mm->discarding, 1, __ATOMIC_SEQ_CST);
    r = advise_range(mm, start, end, advice);
    if (__atomic_sub_fetch(&mm->discarding, 1, __ATOMIC_SEQ_CST))
        tlb_flush_range(mm, start, end);
    mmap_read_unlock(mm);
    return r;
}

long do_madvise(struct mm_struct *mm, u64 start, u64 len, int advice)
{
    u64 end = start + ALIGN_UP(len, PAGE_SIZE);
    long r;

    if (!changes_flags(advice) && !acts(advice))
        return -EINVAL;
    if (!IS_ALIGNED(start, PAGE_SIZE))
        return -EINVAL;
    if (end < start || (len && end == start))
        return -EINVAL;
    if (end == start)
        return 0;
    if (advice == MADV_POPULATE_READ)
        return mm_populate(mm, start, end, POPULATE_READ);
    if (advice == MADV_POPULATE_WRITE)
        return mm_populate(mm, start, end, POPULATE_WRITE);
    if (!changes_flags(advice))
        return advise_all_pages(mm, start, end, advice);
    mmap_write_lock(mm);
    r = advise_range(mm, start, end, advice);
    mmap_write_unlock(mm);
    return r;
}
