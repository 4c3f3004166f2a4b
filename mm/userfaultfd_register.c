/*
 * Which areas belong to which context. All under the mmap lock held for
 * write; the whole range is checked before the first area changes.
 */
#include <mm/userfaultfd.h>

struct vm_area_struct *userfaultfd_set_vma(struct vm_area_struct *vma,
                                           struct userfaultfd_ctx *ctx,
                                           u64 uffd_flags)
{
    u64 flags = (vma->vm_flags & ~VM_UFFD_ANY) | uffd_flags;
    struct vma_shape shape = {flags, vma->vm_object, vma->vm_pgoff, ctx};
    struct userfaultfd_ctx *old = vma->vm_uffd;
    struct vm_area_struct *merged;

    merged =
        vma_merge(vma->vm_mm, vma->vm_prev, vma->vm_start, vma->vm_end, &shape);
    if (merged)
        return merged;
    if (ctx)
        userfaultfd_ctx_get(ctx);
    vma->vm_flags = flags;
    vma->vm_uffd = ctx;
    if (old)
        userfaultfd_ctx_put(old);
    return vma;
}

/* The area can have missing pages a pager fills. */
static int vma_can_register(const struct vm_area_struct *vma,
                            const struct userfaultfd_ctx *ctx)
{
    if (vma->vm_object)
        return -EINVAL;
    if (!(vma->vm_flags & VM_MAYWRITE))
        return -EPERM;
    if (ctx && vma->vm_uffd && vma->vm_uffd != ctx)
        return -EBUSY;
    return 0;
}

/* Checks every area of the range; ctx NULL: for unregistering. */
static int range_check(struct mm_struct *mm, struct userfaultfd_ctx *ctx,
                       u64 start, u64 end)
{
    struct vm_area_struct *vma = find_vma_intersection(mm, start, end);

    if (!vma)
        return -EINVAL;
    for (; vma && vma->vm_start < end; vma = vma->vm_next) {
        int r = vma_can_register(vma, ctx);

        if (r)
            return r;
    }
    return 0;
}

/* Cuts the area down to its part within [start, end). */
static int vma_clip(struct vm_area_struct *vma, u64 start, u64 end)
{
    struct mm_struct *mm = vma->vm_mm;
    int r = 0;

    if (vma->vm_start < start)
        r = split_vma(mm, vma, start, true);
    if (!r && vma->vm_end > end)
        r = split_vma(mm, vma, end, false);
    return r;
}

/* Gives every area of the range to ctx (NULL: to nobody). */
static int range_set(struct mm_struct *mm, struct userfaultfd_ctx *ctx,
                     u64 start, u64 end, u64 flags)
{
    struct vm_area_struct *vma = find_vma_intersection(mm, start, end);

    for (; vma && vma->vm_start < end; vma = vma->vm_next) {
        int r;

        if (vma->vm_uffd == ctx && (vma->vm_flags & VM_UFFD_ANY) == flags)
            continue;
        r = vma_clip(vma, start, end);
        if (r)
            return r;
        vma = userfaultfd_set_vma(vma, ctx, flags);
    }
    return 0;
}

int userfaultfd_register(struct userfaultfd_ctx *ctx, u64 start, u64 end,
                         u64 vm_flags)
{
    struct mm_struct *mm = ctx->mm;
    int r;

    if (!mm_try_get(mm))
        return -ENOMEM;
    mmap_write_lock(mm);
    r = range_check(mm, ctx, start, end);
    if (!r)
        r = range_set(mm, ctx, start, end, vm_flags);
    mmap_write_unlock(mm);
    mm_put(mm);
    return r;
}

int userfaultfd_unregister(struct userfaultfd_ctx *ctx, u64 start, u64 end)
{
    struct mm_struct *mm = ctx->mm;
    int r;

    if (!mm_try_get(mm))
        return -ENOMEM;
    mmap_write_lock(mm);
    r = range_check(mm, NULL, start, end);
    if (!r)
        r = range_set(mm, NULL, start, end, 0);
    mmap_write_unlock(mm);
    mm_put(mm);
    if (!r)
        userfaultfd_wake(ctx, start, end - start);
    return r;
}
