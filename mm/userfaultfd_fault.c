/*
 * The faulting side: a fault in a registered area becomes a message, and its
 * thread sleeps until the page is there.
 *
 * No lock is held while it sleeps. The race with a pager that fills the page
 * just now is closed by order: we queue first and look at the entry after;
 * the pager installs the entry first and looks for sleepers after.
 */
#include <arch/cpu.h>
#include <arch/machine.h>
#include <base/printk.h>
#include <mm/fault.h>
#include <mm/userfaultfd.h>

static void wait_init(struct userfaultfd_wait *w, const struct vm_fault *vmf,
                      const struct userfaultfd_ctx *ctx, u64 why)
{
    bool exact = ctx->features & UFFD_FEATURE_EXACT_ADDRESS;
    bool tid = ctx->features & UFFD_FEATURE_THREAD_ID;

    *w = (struct userfaultfd_wait){
        .thread = thread_current(),
        .rec = vmf->rec,
        /* A system call's own access goes on after a mere handler's signal */
        .mode = vmf->flags & FAULT_USER ? WAIT_INTERRUPTIBLE : WAIT_KILLABLE,
        .address = vmf->address,
    };
    w->msg.event = UFFD_EVENT_PAGEFAULT;
    w->msg.pagefault.address = exact ? vmf->real_address : vmf->address;
    w->msg.pagefault.flags =
        why | (vmf->flags & FAULT_WRITE ? UFFD_PAGEFAULT_FLAG_WRITE : 0);
    if (tid)
        w->msg.pagefault.ptid = thread_tid(w->thread);
}

/* A reader that is blocked has the message in its hand when it wakes. */
static void wait_queue_fault(struct userfaultfd_ctx *ctx,
                             struct userfaultfd_wait *w)
{
    u64 now = cycles();

    if (likely(w->rec))
        w->rec->stage[STAGE_QUEUED] = now;
    spin_lock(&ctx->lock);
    if (ctx->reader) {
        list_add_tail(&w->link, &ctx->taken);
        *ctx->handed = w->msg;
        if (likely(w->rec))
            w->rec->stage[STAGE_READ] = now;
        userfaultfd_wake_reader(ctx);
    } else {
        list_add_tail(&w->link, &ctx->pending);
    }
    spin_unlock(&ctx->lock);
}

/* The page is as it was found and somebody may yet do something about it. */
static bool must_wait(const struct userfaultfd_ctx *ctx,
                      const struct vm_fault *vmf)
{
    return pte_get(vmf->pte).v == vmf->orig_pte.v && !READ_ONCE(ctx->released);
}

static bool is_woken(const struct userfaultfd_wait *w)
{
    return __atomic_load_n(&w->woken, __ATOMIC_ACQUIRE);
}

/* The same, but not beyond the deadline: the page is then seen to. */
static __cold void wait_guarded(struct userfaultfd_ctx *ctx,
                                const struct userfaultfd_wait *w)
{
    u64 deadline = time_ns() + ctx->deadline_ns;
    int r = 0;

    while (!r && !is_woken(w)) {
        r = ctx->deadline_ns ? thread_block_timed(deadline) : thread_block();
        if (!r)
            thread_prepare_block(w->mode);
    }
    thread_cancel_block();
    if (r == -ETIMEDOUT || READ_ONCE(ctx->released))
        userfaultfd_act(ctx, w->address);
}

/* Sleeps until woken or a signal of the mode. */
static void wait_for_pager(struct userfaultfd_ctx *ctx,
                           const struct userfaultfd_wait *w)
{
    lockdep_no_locks();
    if (unlikely(ctx->action)) {
        wait_guarded(ctx, w);
        return;
    }
    while (!thread_block() && !is_woken(w)) {
        thread_prepare_block(w->mode);
        if (unlikely(is_woken(w))) {
            thread_cancel_block();
            return;
        }
    }
}

static void wait_dequeue(struct userfaultfd_ctx *ctx,
                         struct userfaultfd_wait *w)
{
    spin_lock(&ctx->lock);
    if (!w->woken)
        list_del(&w->link);
    spin_unlock(&ctx->lock);
}

/* A context that must not, or cannot, make this access wait. */
static bool cannot_wait(const struct userfaultfd_ctx *ctx,
                        const struct vm_fault *vmf)
{
    if (ctx->features & UFFD_FEATURE_SIGBUS)
        return true;
    if ((ctx->flags & UFFD_USER_MODE_ONLY) && !(vmf->flags & FAULT_USER))
        return true;
    if (unlikely(ctx->guard_flags) && userfaultfd_is_pager(ctx, vmf->address))
        return true;
    return !(vmf->flags & FAULT_RETRY_OK);
}

unsigned handle_userfault(struct vm_fault *vmf, u64 why)
{
    struct userfaultfd_ctx *ctx = vmf->vma->vm_uffd;
    struct fault_record *rec = vmf->rec;
    struct userfaultfd_wait w;
    bool wait;

    if (unlikely(cannot_wait(ctx, vmf)))
        return VM_FAULT_SIGBUS;
    userfaultfd_ctx_get(ctx);
    wait_init(&w, vmf, ctx, why);
    thread_prepare_block(w.mode);
    wait_queue_fault(ctx, &w);
    wait = must_wait(ctx, vmf);
    fault_unlock(vmf);
    if (likely(wait)) {
        userfaultfd_wake_pollers(ctx);
        wait_for_pager(ctx, &w);
    } else {
        thread_cancel_block();
        if (unlikely(ctx->action) && ctx->released)
            userfaultfd_act(ctx, w.address);
    }
    wait_dequeue(ctx, &w);
    userfaultfd_ctx_put(ctx);
    if (unlikely(!rec || !rec->stage[STAGE_FILLED]))
        return VM_FAULT_RETRY;
    rec->end = END_PAGER;
    return VM_FAULT_RETRY | VM_FAULT_DONE;
}
