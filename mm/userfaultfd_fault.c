/*
 * The faulting side: a fault in a registered area becomes a message, and its
 * thread sleeps until the page is there.
 *
 * No lock is held while it sleeps. The race with a pager that fills the page
 * just now is closed by order: we queue first and look at the entry after;
 * the pager installs the entry first and looks for sleepers after.
 */
#include <mm/fault.h>
#include <mm/userfaultfd.h>

static void wait_init(struct userfaultfd_wait *w, const struct vm_fault *vmf,
                      const struct userfaultfd_ctx *ctx, u64 why)
{
    /* Field by field, for every fault pays for it; not the link. */
    w->thread = thread_current();
    w->rec = vmf->rec;
    w->address = vmf->address;
    /* A system call's own access goes on after a mere handler's signal */
    w->mode = vmf->flags & FAULT_USER ? WAIT_INTERRUPTIBLE : WAIT_KILLABLE;
    w->woken = false;
    w->guard = 0;
    w->msg = (struct uffd_msg){0};
    w->msg.event = UFFD_EVENT_PAGEFAULT;
    w->msg.pagefault.address = vmf->address;
    w->msg.pagefault.flags =
        why | (vmf->flags & FAULT_WRITE ? UFFD_PAGEFAULT_FLAG_WRITE : 0);
    if (likely(!(ctx->features &
                 (UFFD_FEATURE_EXACT_ADDRESS | UFFD_FEATURE_THREAD_ID))))
        return;
    if (ctx->features & UFFD_FEATURE_EXACT_ADDRESS)
        w->msg.pagefault.address = vmf->real_address;
    if (ctx->features & UFFD_FEATURE_THREAD_ID)
        w->msg.pagefault.ptid = thread_tid(w->thread);
}

static __noinline void join_crowd(struct userfaultfd_ctx *ctx,
                                  struct userfaultfd_wait *w)
{
    w->node.first = w->node.last = w->address;
    interval_insert(&ctx->crowd, &w->node);
}

/* True: as for userfaultfd_queue(). */
static bool wait_queue_fault(struct userfaultfd_ctx *ctx,
                             struct userfaultfd_wait *w)
{
    u64 now = cycles();
    bool handed;

    w->rec->stage[STAGE_QUEUED] = now;
    spin_lock(&ctx->lock);
    if (likely(!ctx->lone))
        ctx->lone = w;
    else
        join_crowd(ctx, w);
    handed = userfaultfd_queue(ctx, w, now);
    spin_unlock(&ctx->lock);
    return handed;
}

/* The message waits for a reader. True: in vain, for all who could read it wait
 * as well. */
static __noinline bool await_reader(struct userfaultfd_ctx *ctx,
                                    struct userfaultfd_wait *w)
{
    userfaultfd_wake_pollers(ctx);
    return unlikely(thread_is_deadlocked(ctx, w));
}

/* The page is as it was found and somebody may yet do something about it. */
static bool must_wait(const struct userfaultfd_ctx *ctx,
                      const struct vm_fault *vmf)
{
    return pte_get(vmf->pte).v == vmf->orig_pte.v && !READ_ONCE(ctx->released);
}

static void wait_dequeue(struct userfaultfd_ctx *ctx,
                         struct userfaultfd_wait *w)
{
    /* Who has woken us may still look at w, until it lets the lock go. */
    if (likely(userfaultfd_woken(w) && spin_is_free(&ctx->lock)))
        return;
    spin_lock(&ctx->lock);
    if (!w->woken) {
        userfaultfd_unfind(ctx, w);
        list_del(&w->link);
    }
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
    return !(vmf->flags & FAULT_RETRY_OK);
}

/* The guard of the range, as long as its number means something; action and
 * flags 0: none. */
static bool take_guard(const struct vm_fault *vmf, struct userfaultfd_wait *w,
                       struct uffd_guard *guard)
{
    if (likely(!(vmf->vma->vm_flags & VM_GUARD_MASK)))
        return false;
    *guard = *userfaultfd_guard_of(vmf->vma);
    if (guard->flags & UFFD_FL_GUARD_DEADLOCK)
        w->guard |= WAIT_REFUSES;
    if (guard->deadline_ns)
        w->guard |= WAIT_ENDS;
    return true;
}

/* For a call that touches memory on its caller's behalf: mlock(2), or
 * process_vm_readv(2). The wait has a record all the same. */
static __noinline unsigned handle_for_call(struct vm_fault *vmf, u64 why)
{
    struct fault_record own;

    ledger_own(&own);
    vmf->rec = &own;
    return handle_userfault(vmf, why);
}

unsigned handle_userfault(struct vm_fault *vmf, u64 why)
{
    struct userfaultfd_ctx *ctx = vmf->vma->vm_uffd;
    struct fault_record *rec = vmf->rec;
    struct uffd_guard guard;
    struct userfaultfd_wait w;
    bool guarded, wait, handed;
    unsigned error = 0;

    if (unlikely(cannot_wait(ctx, vmf)))
        return VM_FAULT_SIGBUS;
    if (unlikely(!rec))
        return handle_for_call(vmf, why);
    userfaultfd_ctx_get(ctx);
    wait_init(&w, vmf, ctx, why);
    guarded = take_guard(vmf, &w, &guard);
    thread_prepare_block(w.mode);
    handed = wait_queue_fault(ctx, &w);
    wait = must_wait(ctx, vmf);
    fault_unlock(vmf);
    lockdep_no_locks();
    if (unlikely(!handed) && likely(wait) && await_reader(ctx, &w)) {
        thread_cancel_block();
        error = VM_FAULT_SIGBUS;
    } else if (unlikely(guarded)) {
        error = userfaultfd_wait_guarded(ctx, &w, &guard, wait);
    } else if (likely(wait)) {
        (void)userfaultfd_sleep(&w, 0);
    } else {
        thread_cancel_block();
    }
    wait_dequeue(ctx, &w);
    userfaultfd_ctx_put(ctx);
    if (unlikely(error || !rec->stage[STAGE_FILLED]))
        return VM_FAULT_RETRY | error;
    rec->end = END_PAGER;
    return VM_FAULT_RETRY | VM_FAULT_DONE;
}
