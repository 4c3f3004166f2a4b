/* The pager's side: faults become messages, oldest first, each once. */
#include <arch/cpu.h>
#include <mm/userfaultfd.h>

bool userfaultfd_has_msg(struct userfaultfd_ctx *ctx)
{
    return READ_ONCE(ctx->pending.next) != &ctx->pending;
}

int userfaultfd_next_msg(struct userfaultfd_ctx *ctx, struct uffd_msg *msg)
{
    struct userfaultfd_wait *w;

    /* A reader looks here before and after it goes to sleep. */
    if (!userfaultfd_has_msg(ctx))
        return -EAGAIN;
    spin_lock(&ctx->lock);
    if (list_empty(&ctx->pending)) {
        spin_unlock(&ctx->lock);
        return -EAGAIN;
    }
    w = list_first_entry(&ctx->pending, struct userfaultfd_wait, link);
    list_move_tail(&w->link, &ctx->taken);
    *msg = w->msg;
    if (w->rec)
        w->rec->stage[STAGE_READ] = cycles();
    spin_unlock(&ctx->lock);
    return 0;
}

/* Wakes the sleepers of one queue that wait within the range; ctx->lock
 * held. A woken waiter may be gone as soon as its thread runs. */
static void wake_list(struct list_head *queue, u64 start, u64 len)
{
    struct userfaultfd_wait *w, *next;

    list_for_each_entry_safe (w, next, queue, link) {
        if (w->address - start >= len)
            continue;
        list_del(&w->link);
        if (w->rec)
            w->rec->stage[STAGE_WOKEN] = cycles();
        __atomic_store_n(&w->woken, true, __ATOMIC_RELEASE);
        thread_wake(w->thread);
    }
}

void userfaultfd_wake(struct userfaultfd_ctx *ctx, u64 start, u64 len)
{
    spin_lock(&ctx->lock);
    wake_list(&ctx->pending, start, len);
    wake_list(&ctx->taken, start, len);
    spin_unlock(&ctx->lock);
}
