/* The pager's side: faults become messages, oldest first, each once. */
#include <mm/userfaultfd.h>

/* ctx->lock held. */
static inline void note_server(struct userfaultfd_ctx *ctx)
{
    if (unlikely(ctx->server != thread_current()))
        slow_call(thread_serves, ctx);
}

void userfaultfd_serve(struct userfaultfd_ctx *ctx)
{
    spin_lock(&ctx->lock);
    note_server(ctx);
    spin_unlock(&ctx->lock);
}

bool userfaultfd_reader_enter(struct userfaultfd_ctx *ctx, struct uffd_msg *msg)
{
    struct thread *me = thread_current();
    bool entered;

    spin_lock(&ctx->lock);
    entered = !userfaultfd_has_msg(ctx) && !ctx->reader;
    if (entered) {
        note_server(ctx);
        ctx->reader = me;
        ctx->handed = msg;
    }
    spin_unlock(&ctx->lock);
    return entered;
}

void userfaultfd_reader_leave(struct userfaultfd_ctx *ctx)
{
    /* Who wakes us does so under the lock, and only while we are here. */
    spin_lock(&ctx->lock);
    if (ctx->reader == thread_current())
        ctx->reader = NULL;
    spin_unlock(&ctx->lock);
}

unsigned userfaultfd_next_faults(struct userfaultfd_ctx *ctx,
                                 struct uffd_msg *msgs, unsigned max)
{
    u64 now = cycles();
    unsigned n;

    spin_lock(&ctx->lock);
    note_server(ctx);
    for (n = 0; n < max && !list_empty(&ctx->pending); n++) {
        struct userfaultfd_wait *w =
            list_first_entry(&ctx->pending, struct userfaultfd_wait, link);

        list_move_tail(&w->link, &ctx->taken);
        msgs[n] = w->msg;
        w->rec->stage[STAGE_READ] = now;
    }
    spin_unlock(&ctx->lock);
    return n;
}

/* What the fault waits for has been done to its page, whose entry is this. */
static inline void note_filled(const struct userfaultfd_wait *w, pte_t entry,
                               u64 now)
{
    w->rec->stage[STAGE_FILLED] = now;
    w->rec->walk_after[PT_LEVELS - 1] = entry.v;
}

#define for_each_in_crowd(ctx, node, next, first, last)                        \
    for ((node) = interval_first(&(ctx)->crowd, first, last);                  \
         (node) && ((next) = interval_next(node, first, last), true);          \
         (node) = (next))

static struct userfaultfd_wait *wait_of(struct interval_node *node)
{
    return container_of(node, struct userfaultfd_wait, node);
}

void userfaultfd_stamp(struct userfaultfd_ctx *ctx, u64 address, pte_t entry)
{
    struct interval_node *node, *next;
    u64 now = cycles();

    spin_lock(&ctx->lock);
    if (ctx->lone && ctx->lone->address == address)
        note_filled(ctx->lone, entry, now);
    if (unlikely(ctx->crowd.node))
        for_each_in_crowd (ctx, node, next, address, address)
            note_filled(wait_of(node), entry, now);
    spin_unlock(&ctx->lock);
}

/* Those of the range but the lone one. */
static __noinline void wake_crowd(struct userfaultfd_ctx *ctx, u64 start,
                                  u64 len, u64 now,
                                  void (*wake)(struct thread *),
                                  const pte_t *filled)
{
    struct interval_node *node, *next;

    for_each_in_crowd (ctx, node, next, start, start + len - 1) {
        interval_remove(&ctx->crowd, node);
        if (filled)
            note_filled(wait_of(node), *filled, now);
        userfaultfd_wake_wait(wait_of(node), now, wake);
    }
}

static __always_inline_ void wake_range(struct userfaultfd_ctx *ctx, u64 start,
                                        u64 len, void (*wake)(struct thread *),
                                        const pte_t *filled)
{
    struct userfaultfd_wait *w;
    u64 now = cycles();

    spin_lock(&ctx->lock);
    w = ctx->lone;
    if (w && w->address - start < len) {
        ctx->lone = NULL;
        if (filled)
            note_filled(w, *filled, now);
        userfaultfd_wake_wait(w, now, wake);
    }
    if (unlikely(ctx->crowd.node))
        wake_crowd(ctx, start, len, now, wake, filled);
    spin_unlock(&ctx->lock);
}

static void wake_list(struct userfaultfd_ctx *ctx, struct list_head *queue)
{
    struct userfaultfd_wait *w, *next;

    list_for_each_entry_safe (w, next, queue, link) {
        userfaultfd_unfind(ctx, w);
        userfaultfd_wake_wait(w, cycles(), thread_wake);
    }
}

void userfaultfd_wake_all(struct userfaultfd_ctx *ctx)
{
    spin_lock(&ctx->lock);
    wake_list(ctx, &ctx->pending);
    wake_list(ctx, &ctx->taken);
    spin_unlock(&ctx->lock);
}

void userfaultfd_wake(struct userfaultfd_ctx *ctx, u64 start, u64 len)
{
    wake_range(ctx, start, len, thread_wake, NULL);
}

void userfaultfd_stamp_wake(struct userfaultfd_ctx *ctx, u64 address,
                            pte_t entry)
{
    wake_range(ctx, address, PAGE_SIZE, thread_wake, &entry);
}

void userfaultfd_wake_next(struct userfaultfd_ctx *ctx, u64 start, u64 len)
{
    wake_range(ctx, start, len, thread_wake_next, NULL);
}

void userfaultfd_count(struct userfaultfd_ctx *ctx, unsigned *pending,
                       unsigned *total)
{
    struct userfaultfd_wait *w;

    *pending = *total = 0;
    spin_lock(&ctx->lock);
    list_for_each_entry (w, &ctx->pending, link)
        ++*pending;
    list_for_each_entry (w, &ctx->taken, link)
        ++*total;
    spin_unlock(&ctx->lock);
    *total += *pending;
}
