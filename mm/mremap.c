/*
 * mremap(2): an area shrinks, grows where it is, or moves with its pages. The
 * old area is cut to size before anything moves, and the new one is linked and
 * has its tables by then, so a call that fails leaves everything in its place.
 * Relies on mremap_move.c for the page tables and munmap.c for what goes.
 */
#include <mm/internal.h>
#include <mm/rmap.h>
#include <mm/userfaultfd.h>
#include <uapi/faultline/mman.h>

struct remap {
    struct mm_struct *mm;
    u64 addr, old_len; /* bytes, whole pages */
    u64 told_len;      /* old_len, as a pager hears of it */
    u64 new_len, new_addr;
    u64 flags;                      /* MREMAP_* */
    bool locked;                    /* what is new wants its pages at once */
    struct userfaultfd_event **cut; /* told of a tail cut off, or NULL */
};

static struct vm_area_struct *area_at(struct mm_struct *mm, u64 addr)
{
    struct vm_area_struct *vma = find_vma(mm, addr);

    return vma && vma->vm_start <= addr ? vma : NULL;
}

static int unmap(struct mm_struct *mm, u64 start, u64 len)
{
    if (start > TASK_SIZE || len > TASK_SIZE - start)
        return -EINVAL;
    return munmap_range(mm, start, start + len);
}

/* By how much the address space becomes larger in the end. */
static u64 added_pages(const struct remap *rm)
{
    u64 given_up = rm->flags & MREMAP_DONTUNMAP ? 0 : rm->old_len;

    return (rm->new_len - given_up) >> PAGE_SHIFT;
}

/* Promises what is added, and for now what will be given up as well. Returns 0
 * or -ENOMEM. */
static int charge(const struct remap *rm, const struct vm_area_struct *vma,
                  u64 given_up)
{
    int r;

    if (!(vma->vm_flags & VM_ACCOUNT))
        return 0;
    r = vm_charge(rm->mm, added_pages(rm));
    if (!r)
        vm_charge_anyway(given_up);
    return r;
}

/* The area that is to be resized, or NULL: *error says why not. */
static struct vm_area_struct *area_to_resize(const struct remap *rm, int *error)
{
    struct vm_area_struct *vma = area_at(rm->mm, rm->addr);
    u64 pgoff;

    *error = -EFAULT;
    if (!vma)
        return NULL;
    pgoff = vma_index(vma, rm->addr);
    if (!rm->old_len && !(vma->vm_flags & VM_MAYSHARE))
        *error = -EINVAL;
    else if (rm->old_len > vma->vm_end - rm->addr)
        *error = -EFAULT;
    else if (pgoff + (rm->new_len >> PAGE_SHIFT) < pgoff)
        *error = -EINVAL;
    else if (!may_expand_vm(rm->mm, vma->vm_flags, added_pages(rm)))
        *error = -ENOMEM;
    else
        *error = 0;
    return *error ? NULL : vma;
}

/* ---- in place ---- */

static bool room_above(const struct remap *rm, const struct vm_area_struct *vma)
{
    u64 end = rm->addr + rm->new_len;

    return end > rm->addr && end <= TASK_SIZE &&
           rm->addr + rm->old_len == vma->vm_end &&
           (!vma->vm_next || vma->vm_next->vm_start >= end);
}

/* The new part is like the area below it, so merging is all there is to do. */
static long grow_in_place(struct remap *rm, struct vm_area_struct *vma)
{
    u64 start = vma->vm_end, end = rm->addr + rm->new_len;
    struct vma_shape shape = {vma->vm_flags, vma->vm_object,
                              vma_index(vma, start), vma->vm_uffd,
                              vma->vm_anon};

    if (charge(rm, vma, 0))
        return -ENOMEM;
    rm->locked = vma->vm_flags & VM_LOCKED;
    vma = vma_merge(rm->mm, vma, start, end, &shape);
    BUG_ON(!vma);
    vm_stat_account(rm->mm, vma->vm_flags, (s64)added_pages(rm));
    return rm->addr;
}

/* ---- moving ---- */

/* A second area like vma's part, linked at the new place: NULL: no memory. */
static struct vm_area_struct *copy_area(const struct remap *rm,
                                        const struct vm_area_struct *vma)
{
    struct vm_area_struct *new = vma_dup(vma);

    if (!new)
        return NULL;
    new->vm_start = rm->new_addr;
    new->vm_end = rm->new_addr + rm->new_len;
    /* Nobody knows the offset of untouched memory: it may merge better. */
    new->vm_pgoff = vma->vm_object || vma->vm_anon ? vma_index(vma, rm->addr)
                                                   : rm->new_addr >> PAGE_SHIFT;
    mm_note_moved(new);
    if (userfaultfd_remap(new, rm->addr, rm->new_addr, rm->told_len) ||
        vma_insert(rm->mm, new)) {
        vma_free(new);
        return NULL;
    }
    vm_stat_account(rm->mm, new->vm_flags, (s64)vma_pages(new));
    return new;
}

/* The part that moves becomes an area by itself, so that nothing is left to
 * fail when it is unmapped. */
static int cut_out(const struct remap *rm, struct vm_area_struct *vma)
{
    u64 end = rm->addr + rm->old_len;
    int r = 0;

    if (vma->vm_start < rm->addr)
        r = split_vma(rm->mm, vma, rm->addr, true);
    if (!r && vma->vm_end > end)
        r = split_vma(rm->mm, vma, end, false);
    if (r)
        vma_rejoin(vma);
    return r;
}

/* What stays of the area that the pages left. */
static void leave_area(const struct remap *rm, struct vm_area_struct *vma)
{
    if (rm->flags & MREMAP_DONTUNMAP) {
        if (vma->vm_start == rm->addr &&
            vma->vm_end == rm->addr + rm->old_len) {
            vma->vm_anon = 0; /* none of its pages is left */
            vma->vm_anon_forked = false;
            if (!vma->vm_object)
                vma->vm_pgoff = vma->vm_start >> PAGE_SHIFT;
        }
        if (vma->vm_flags & VM_LOCKED) {
            rm->mm->locked_vm -= vma_pages(vma);
            vma->vm_flags &= ~VM_LOCKED_MASK;
        }
    } else if (rm->old_len) {
        munmap_area(vma);
    }
}

/* The new area merges with those beside it, but not with the one its pages
 * left (or NULL). That could only be like it without pages of its own: then
 * nobody knows it by its offset meanwhile. Returns what it has become. */
static struct vm_area_struct *join_neighbours(struct vm_area_struct *new,
                                              struct vm_area_struct *left)
{
    const bool apart = left && !left->vm_object && !left->vm_anon;
    const u64 pgoff = left ? left->vm_pgoff : 0;

    if (apart)
        left->vm_pgoff = ~0ull;
    new = vma_rejoin(new);
    if (apart)
        left->vm_pgoff = pgoff;
    return new;
}

/* The old area, without private pages, reached from first to last. If the new
 * one grew together with what is left on one side, that on the other side has
 * its id as well: on Linux the old was one with the new before it was cut. */
static void spread_anon(const struct vm_area_struct *new, u64 first, u64 last)
{
    struct vm_area_struct *rest[] = {area_at(new->vm_mm, first),
                                     area_at(new->vm_mm, last)};

    if (new != rest[0] && new != rest[1])
        return;
    for (size_t i = 0; i < ARRAY_SIZE(rest); i++)
        if (rest[i] && !rest[i]->vm_anon) {
            rest[i]->vm_anon = new->vm_anon;
            rest[i]->vm_anon_forked = new->vm_anon_forked;
        }
}

/* A pager that wants to know hears that the old place goes. */
static int tell_of_leaving(const struct remap *rm)
{
    if (likely(!rm->mm->uffd_unmap) || (rm->flags & MREMAP_DONTUNMAP) ||
        !rm->old_len)
        return 0;
    return userfaultfd_unmap(rm->mm, rm->addr, rm->addr + rm->old_len);
}

/* The new area with the pages in it, or NULL: no memory, nothing has changed.
 */
static struct vm_area_struct *new_home(const struct remap *rm,
                                       struct vm_area_struct *vma)
{
    u64 promised = vma->vm_flags & VM_ACCOUNT ? rm->new_len >> PAGE_SHIFT : 0;
    /* What stays behind loses its lock, and just that. */
    bool cut = rm->old_len &&
               (!(rm->flags & MREMAP_DONTUNMAP) || (vma->vm_flags & VM_LOCKED));
    struct userfaultfd_event **events = userfaultfd_events_end(rm->mm);
    struct vm_area_struct *new;

    if (cut && cut_out(rm, vma)) {
        vm_uncharge(promised);
        return NULL;
    }
    new = copy_area(rm, vma);
    if (new && !tell_of_leaving(rm) &&
        !move_page_tables(vma, rm->addr, new, rm->old_len)) {
        if (unlikely(rm->cut))
            userfaultfd_remap_first(rm->cut, events);
        return new;
    }
    userfaultfd_cancel(events);
    if (new)
        munmap_area(new);
    else
        vm_uncharge(promised);
    vma_rejoin(vma);
    return NULL;
}

/* To the new place, which is free. */
static long move_area(struct remap *rm, struct vm_area_struct *vma)
{
    const bool untouched = !vma->vm_object && !vma->vm_anon;
    u64 pages = rm->new_len >> PAGE_SHIFT;
    u64 first = vma->vm_start, last = vma->vm_end - 1;
    struct vm_area_struct *new;

    /* Two cuts and one area more must not pass the limit. */
    if (rm->mm->map_count >= MAX_MAP_COUNT - 3 ||
        charge(rm, vma, pages - added_pages(rm)))
        return -ENOMEM;
    new = new_home(rm, vma);
    if (!new)
        return -ENOMEM;
    rm->locked = VM_LOCKED & new->vm_flags;
    leave_area(rm, vma);
    new = join_neighbours(new, rm->flags & MREMAP_DONTUNMAP ? vma : NULL);
    if (untouched && new->vm_anon && !(rm->flags & MREMAP_DONTUNMAP))
        spread_anon(new, first, last);
    return rm->new_addr;
}

/* MREMAP_FIXED, MREMAP_DONTUNMAP: to new_addr, or near it. */
static long remap_to(struct remap *rm)
{
    struct vm_area_struct *vma;
    u64 place;
    int r = 0;

    if (!IS_ALIGNED(rm->new_addr, PAGE_SIZE) || rm->new_len > TASK_SIZE ||
        rm->new_addr > TASK_SIZE - rm->new_len)
        return -EINVAL;
    if (rm->addr + rm->old_len > rm->new_addr &&
        rm->new_addr + rm->new_len > rm->addr)
        return -EINVAL;
    if (rm->mm->map_count + 2 >= MAX_MAP_COUNT - 3)
        return -ENOMEM;
    if (rm->flags & MREMAP_FIXED)
        r = unmap(rm->mm, rm->new_addr, rm->new_len);
    if (!r && rm->old_len > rm->new_len) {
        rm->cut = userfaultfd_events_end(rm->mm);
        r = unmap(rm->mm, rm->addr + rm->new_len, rm->old_len - rm->new_len);
        rm->old_len = rm->new_len;
    }
    if (r)
        return r;
    vma = area_to_resize(rm, &r);
    if (!vma)
        return r;
    if (!(rm->flags & MREMAP_FIXED)) {
        place = get_unmapped_area(rm->mm, rm->new_addr, rm->new_len, 0);
        if (IS_ERR_VALUE(place))
            return (long)place;
        rm->new_addr = place;
    }
    return move_area(rm, vma);
}

static long grow(struct remap *rm)
{
    struct vm_area_struct *vma;
    u64 place;
    int r;

    vma = area_to_resize(rm, &r);
    if (!vma)
        return r;
    if (room_above(rm, vma))
        return grow_in_place(rm, vma);
    if (!(rm->flags & MREMAP_MAYMOVE))
        return -ENOMEM;
    place = get_unmapped_area(rm->mm, 0, rm->new_len, 0);
    if (IS_ERR_VALUE(place))
        return (long)place;
    rm->new_addr = place;
    return move_area(rm, vma);
}

/* mmap lock held for write. */
static long remap(struct remap *rm)
{
    struct vm_area_struct *vma = area_at(rm->mm, rm->addr);
    int r;

    if (!vma)
        return -EFAULT;
    if (vma->vm_flags & VM_SEALED)
        return -EPERM;
    if (rm->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP))
        return remap_to(rm);
    if (rm->old_len < rm->new_len)
        return grow(rm);
    if (rm->old_len == rm->new_len)
        return rm->addr;
    r = unmap(rm->mm, rm->addr + rm->new_len, rm->old_len - rm->new_len);
    return r ? r : (long)rm->addr;
}

long do_mremap(struct mm_struct *mm, u64 addr, u64 old_len, u64 new_len,
               u64 flags, u64 new_addr)
{
    struct remap rm = {.mm = mm,
                       .addr = addr,
                       .old_len = ALIGN_UP(old_len, PAGE_SIZE),
                       .told_len = ALIGN_UP(old_len, PAGE_SIZE),
                       .new_len = ALIGN_UP(new_len, PAGE_SIZE),
                       .new_addr = new_addr,
                       .flags = flags};
    long r;

    if (flags & ~(u64)(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP))
        return -EINVAL;
    if (flags && !(flags & MREMAP_MAYMOVE))
        return -EINVAL;
    if ((flags & MREMAP_DONTUNMAP) && old_len != new_len)
        return -EINVAL;
    if (!IS_ALIGNED(addr, PAGE_SIZE) || !rm.new_len)
        return -EINVAL;
    mmap_write_lock(mm);
    r = remap(&rm);
    mmap_write_unlock(mm);
    if (rm.locked && rm.new_len > rm.old_len && !IS_ERR_VALUE(r))
        (void)!mm_populate(mm, (u64)r + rm.old_len, (u64)r + rm.new_len,
                           POPULATE_LAX);
    return r;
}
