/*
 * Failing closed, which Linux does not offer: a range can say what becomes of
 * an access whose pager is dead, or later than it promised to be, instead of
 * letting it wait for ever. See UFFDIO_FL_GUARD in docs/userfaultfd.md.
 *
 * An area has the number of its guard among its flags, so that it goes where
 * the flags go (splits, mprotect, mremap, fork) and keeps areas with different
 * guards apart. Numbers that no area has any more are given out again.
 */
#include <arch/machine.h>
#include <base/string.h>
#include <mm/userfaultfd.h>

/* ---- setting; mmap lock held for write ---- */

/* Bit n: areas have guard n. */
static u64 guards_used(const struct userfaultfd_ctx *ctx)
{
    const struct vm_area_struct *vma;
    u64 used = 1;

    for_each_vma (ctx->mm, vma)
        if (vma->vm_uffd == ctx)
            used |= 1ul << ((vma->vm_flags & VM_GUARD_MASK) >> VM_GUARD_SHIFT);
    return used;
}

/* The number of such a guard, or -errno. */
static int guard_number(struct userfaultfd_ctx *ctx, const struct uffd_guard *g)
{
    u64 used;

    if (!g->action && !g->flags)
        return 0;
    if (!ctx->guards)
        ctx->guards = kzalloc(UFFD_GUARDS * sizeof(*g));
    if (!ctx->guards)
        return -ENOMEM;
    for (int i = 1; i < UFFD_GUARDS; i++)
        if (!memcmp(&ctx->guards[i], g, sizeof(*g)))
            return i;
    used = guards_used(ctx);
    if (!~used)
        return -ENOSPC;
    ctx->guards[__builtin_ctzl(~used)] = *g;
    return __builtin_ctzl(~used);
}

static bool is_registered(struct userfaultfd_ctx *ctx, u64 start, u64 end)
{
    const struct vm_area_struct *vma = find_vma(ctx->mm, start);

    for (; start < end; start = vma->vm_end, vma = vma->vm_next)
        if (!vma || vma->vm_start > start || vma->vm_uffd != ctx)
            return false;
    return true;
}

static int guard_range(struct userfaultfd_ctx *ctx, u64 start, u64 end,
                       const struct uffd_guard *guard)
{
    int number, r = 0;
    struct vm_area_struct *vma;

    if (!is_registered(ctx, start, end))
        return -ENOENT;
    number = guard_number(ctx, guard);
    if (number < 0)
        return number;
    vma = find_vma(ctx->mm, start);
    for (; vma && vma->vm_start < end && !r; vma = vma->vm_next) {
        r = userfaultfd_clip(vma, start, end);
        if (!r)
            vma = userfaultfd_set_vma(vma, ctx,
                                      (vma->vm_flags & VM_UFFD_ANY) |
                                          (u64)number << VM_GUARD_SHIFT);
    }
    return r;
}

int userfaultfd_guard(struct userfaultfd_ctx *ctx, u64 start, u64 end,
                      const struct uffd_guard *guard)
{
    int r;

    if (guard->action > UFFD_FL_ACTION_ZERO ||
        (guard->flags & ~UFFD_FL_GUARD_DEADLOCK) ||
        (guard->deadline_ns && !guard->action))
        return -EINVAL;
    if (!mm_try_get(ctx->mm))
        return -ESRCH;
    mmap_write_lock(ctx->mm);
    r = guard_range(ctx, start, end, guard);
    mmap_write_unlock(ctx->mm);
    mm_put(ctx->mm);
    if (!r) /* who waits already is to know of it */
        userfaultfd_wake(ctx, start, end - start);
    return r;
}

bool userfaultfd_guard_copy(struct userfaultfd_ctx *child,
                            const struct userfaultfd_ctx *parent)
{
    const size_t size = UFFD_GUARDS * sizeof(*parent->guards);

    if (!parent->guards)
        return true;
    child->guards = kmalloc(size);
    return child->guards && memcpy(child->guards, parent->guards, size);
}

/* ---- the fault's side; no lock held ---- */

/* The pager is gone or late: the page is seen to. A page that is there, and
 * protected or not mapped, stays as it is. */
static unsigned act(struct userfaultfd_ctx *ctx,
                    const struct userfaultfd_wait *w, u32 action)
{
    enum uffd_fill kind =
        action == UFFD_FL_ACTION_ZERO ? FILL_ZERO : FILL_POISON;
    u64 there = UFFD_PAGEFAULT_FLAG_WP | UFFD_PAGEFAULT_FLAG_MINOR;
    int r = -EFAULT;

    if (!(w->msg.pagefault.flags & there)) {
        r = userfaultfd_fill_now(ctx, kind, w->address);
        userfaultfd_wake(ctx, w->address, PAGE_SIZE);
    }
    if (action == UFFD_FL_ACTION_KILL)
        thread_kill_task();
    /* Filled at the last moment, or unmapped: the next try will see. */
    return !r || r == -EEXIST || r == -ENOENT ? 0 : VM_FAULT_SIGBUS;
}

/* Of time_ns(): from the trap, for a false alarm is no reason to wait longer.
 */
static u64 deadline_of(const struct userfaultfd_wait *w,
                       const struct uffd_guard *guard)
{
    u64 now = time_ns();

    now -= min(now, cycles_to_ns(cycles() - w->rec->stage[STAGE_TRAP]));
    return now + guard->deadline_ns;
}

unsigned userfaultfd_wait_guarded(struct userfaultfd_ctx *ctx,
                                  const struct userfaultfd_wait *w,
                                  const struct uffd_guard *guard, bool wait)
{
    int r = 0;

    if (wait)
        r = userfaultfd_sleep(w,
                              guard->deadline_ns ? deadline_of(w, guard) : 0);
    else
        thread_cancel_block();
    if (guard->action && (r == -ETIMEDOUT || READ_ONCE(ctx->released)))
        return act(ctx, w, guard->action);
    return 0;
}
