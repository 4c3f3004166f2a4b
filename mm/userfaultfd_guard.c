/*
 * Failing closed, which Linux does not offer: a page whose pager is dead, or
 * later than it promised to be, is poisoned, or zeros, instead of keeping its
 * reader waiting for ever; and a pager does not wait for itself. See
 * UFFDIO_FL_GUARD in docs/userfaultfd.md.
 */
#include <base/printk.h>
#include <mm/userfaultfd.h>

int userfaultfd_guard(struct userfaultfd_ctx *ctx, u64 deadline_ns, u32 action,
                      u32 flags)
{
    if (action > UFFD_FL_ACTION_ZERO || (flags & ~UFFD_FL_GUARD_SELF) ||
        (deadline_ns && !action))
        return -EINVAL;
    spin_lock(&ctx->lock);
    ctx->deadline_ns = deadline_ns;
    ctx->guard_flags = flags;
    ctx->action = action;
    spin_unlock(&ctx->lock);
    return 0;
}

bool userfaultfd_is_pager(const struct userfaultfd_ctx *ctx, u64 address)
{
    const struct thread *me = thread_current();

    if (ctx->pager != me || ctx->pager_tid != thread_tid(me) || ctx->pagers)
        return false;
    printk("userfaultfd: pager %u[%u] would wait for itself at %lx: SIGBUS\n",
           thread_pid(me), thread_tid(me), address);
    return true;
}

void userfaultfd_act(struct userfaultfd_ctx *ctx, u64 address)
{
    enum uffd_fill kind =
        ctx->action == UFFD_FL_ACTION_ZERO ? FILL_ZERO : FILL_POISON;

    /* Filled at the last moment, unmapped, no memory: the next try will see. */
    (void)userfaultfd_fill(ctx, kind, address, 0, PAGE_SIZE, false);
    userfaultfd_wake(ctx, address, PAGE_SIZE);
    if (ctx->action == UFFD_FL_ACTION_KILL)
        thread_kill_task();
}
