/*
 * Which areas belong to which context. All under the mmap lock held for
 * write; the whole range is checked before the first area changes.
 */
#include <mm/userfaultfd.h>
#include <mm/vma_lock.h>

struct vm_area_struct *userfaultfd_set_vma(struct vm_area_struct *vma,
                                           struct userfaultfd_ctx *ctx,
                                           u64 uffd_flags)
{
    u64 flags = (vma->vm_flags & ~(VM_UFFD_ANY | VM_GUARD_MASK)) | uffd_flags;
    struct vma_shape shape = {flags, vma->vm_object, vma->vm_pgoff, ctx,
                              vma->vm_anon};
    struct userfaultfd_ctx *old = vma->vm_uffd;
    struct vm_area_struct *merged;

    vma_start_write(vma);
    /* Who registers it without WP finds it as protected as before if he comes
     * back to that. Nothing to allocate, so nothing to fail, without a mark to
     * be made. */
    if ((vma->vm_flags & VM_UFFD_WP) && !ctx)
        (void)!userfaultfd_wp_vma(vma, vma->vm_start, vma->vm_end, false);
    merged =
        vma_merge(vma->vm_mm, vma->vm_prev, vma->vm_start, vma->vm_end, &shape);
    if (merged)
        return merged;
    if (ctx)
        userfaultfd_ctx_get(ctx);
    vma->vm_flags = flags;
    vma->vm_page_prot = vma_page_prot(flags);
    vma->vm_uffd = ctx;
    if (old)
        userfaultfd_ctx_put(old);
    return vma;
}

/* The area can be registered with the VM_UFFD_* flags. */
static bool vma_can_userfault(const struct vm_area_struct *vma,
                              const struct userfaultfd_ctx *ctx, u64 flags)
{
    bool shmem = vma->vm_object && vma->vm_object->kind == OBJECT_SHMEM;

    if (vma->vm_flags & VM_PAGED)
        return false;
    if ((flags & VM_UFFD_MINOR) && !shmem)
        return false;
    /* Who only collects what was written may do so anywhere. */
    if ((ctx->features & UFFD_FEATURE_WP_ASYNC) && flags == VM_UFFD_WP)
        return true;
    return !vma->vm_object || shmem;
}

static int vma_can_register(const struct vm_area_struct *vma,
                            const struct userfaultfd_ctx *ctx, u64 flags)
{
    if (!vma_can_userfault(vma, ctx, flags))
        return -EINVAL;
    if (!(vma->vm_flags & VM_MAYWRITE))
        return -EPERM;
    /* Whom a guard has outlived is no obstacle. */
    return vma->vm_uffd && vma->vm_uffd != ctx && !vma->vm_uffd->released
               ? -EBUSY
               : 0;
}

/* Whose it is does not matter, as on Linux 6.12. */
static int vma_can_unregister(const struct vm_area_struct *vma,
                              const struct userfaultfd_ctx *ctx,
                              u64 flags __maybe_unused)
{
    return vma_can_userfault(vma, ctx, vma->vm_flags & VM_UFFD_ANY) ? 0
                                                                    : -EINVAL;
}

/* Checks every area of the range. */
static int range_check(const struct userfaultfd_ctx *ctx, u64 start, u64 end,
                       u64 flags,
                       int (*check)(const struct vm_area_struct *,
                                    const struct userfaultfd_ctx *, u64))
{
    struct vm_area_struct *vma = find_vma_intersection(ctx->mm, start, end);
    int r = vma ? 0 : -EINVAL;

    for (; !r && vma && vma->vm_start < end; vma = vma->vm_next)
        r = check(vma, ctx, flags);
    return r;
}

int userfaultfd_clip(struct vm_area_struct *vma, u64 start, u64 end)
{
    struct mm_struct *mm = vma->vm_mm;
    int r = 0;

    if (vma->vm_start < start)
        r = split_vma(mm, vma, start, true);
    if (!r && vma->vm_end > end)
        r = split_vma(mm, vma, end, false);
    return r;
}

/* Gives every area of the range to ctx (NULL: to nobody). One that is ctx's
 * with more than the flags stays so. */
static int range_set(struct mm_struct *mm, struct userfaultfd_ctx *ctx,
                     u64 start, u64 end, u64 flags)
{
    struct vm_area_struct *vma = find_vma_intersection(mm, start, end);

    for (; vma && vma->vm_start < end; vma = vma->vm_next) {
        int r;

        if (vma->vm_uffd == ctx && (vma->vm_flags & flags) == flags)
            continue;
        r = userfaultfd_clip(vma, start, end);
        if (r)
            return r;
        if (!ctx) /* else they would wait for a pager that is told no more */
            userfaultfd_wake(vma->vm_uffd, vma->vm_start,
                             vma->vm_end - vma->vm_start);
        vma = userfaultfd_set_vma(vma, ctx,
                                  flags | (vma->vm_uffd == ctx && ctx
                                               ? vma->vm_flags & VM_GUARD_MASK
                                               : 0));
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
    if (ctx->features & UFFD_FEATURE_EVENT_UNMAP)
        mm->uffd_unmap = true;
    r = range_check(ctx, start, end, vm_flags, vma_can_register);
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
    r = range_check(ctx, start, end, 0, vma_can_unregister);
    if (!r)
        r = range_set(mm, NULL, start, end, 0);
    mmap_write_unlock(mm);
    mm_put(mm);
    return r;
}
