/* The pager's side: faults become messages, oldest first, each once. */
#include <arch/cpu.h>
#include <mm/userfaultfd.h>

bool userfaultfd_has_msg(struct userfaultfd_ctx *ctx)
{
    return READ_ONCE(ctx->pending.next) != &ctx->pending ||
           READ_ONCE(ctx->events.next) != &ctx->events;
}

unsigned userfaultfd_next_faults(struct userfaultfd_ctx *ctx,
                                 struct uffd_msg *msgs, unsigned max)
{
    u64 now = cycles();
    unsigned n;

    spin_lock(&ctx->lock);
    for (n = 0; n < max && !list_empty(&ctx->pending); n++) {
        struct userfaultfd_wait *w =
            list_first_entry(&ctx->pending, struct userfaultfd_wait, link);

        list_move_tail(&w->link, &ctx->taken);
        msgs[n] = w->msg;
        if (w->rec)
            w->rec->stage[STAGE_READ] = now;
    }
    spin_unlock(&ctx->lock);
    return n;
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
