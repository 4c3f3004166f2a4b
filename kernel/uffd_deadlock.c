/*
 * Pagers that wait for one another. Those who can bring a page are the threads
 * that hold the descriptor; those who serve it are the ones that ever read from
 * it, polled it, filled or woke through it. A fault is a deadlock for certain
 * when all who can bring its page wait in faults themselves, for this
 * descriptor or for others of which the same is true, and neither a deadline
 * nor a signal's handler can end one of these waits. It is likely one when all
 * who serve wait so.
 *
 * Contexts are looked at one by one, so a claim may be of a moment that never
 * was: it counts when a second look finds the very same waits, for then all of
 * them lasted from the end of the first look to the start of the second. Who
 * is told to give up is marked under userfaultfd_all_lock: of two that
 * close a cycle at once the second sees it broken.
 *
 * To be cheap a context remembers one who could help: as long as that thread
 * has the descriptor and is in no fault, nobody else's fault is looked at.
 */
#include <arch/machine.h>
#include <base/printk.h>
#include <base/string.h>
#include <kernel/file.h>
#include <kernel/thread.h>
#include <kernel/uffd.h>
#include <mm/userfaultfd.h>

#define NAMED    8             /* waits that the console names */
#define LASTS_NS 1000000000ull /* before it names what may still be served */

/* userfaultfd_all_lock: the look that goes on, and what was found. */
static u64 look_no;
static bool certain; /* it asks who can bring pages, not who serves */
static struct {
    unsigned count, named; /* waits */
    u64 ids[4];            /* of the faults; 0: no more */
    bool sure;             /* nothing can free one of them */
    bool refused;          /* for that, or because a range says so */
} cycle;

/* ---- who serves, who could help ---- */

void thread_serves(struct userfaultfd_ctx *ctx)
{
    struct thread *me = current;

    me->serves = true;
    ctx->server = ctx->helper = me;
    for (int i = 0; i < ctx->server_count; i++)
        if (ctx->servers[i] == me)
            return;
    if (ctx->server_count == UFFD_SERVERS)
        ctx->server_count = -1;
    else if (ctx->server_count >= 0)
        ctx->servers[ctx->server_count++] = me;
}

static void server_remove(struct userfaultfd_ctx *ctx, const struct thread *t)
{
    spin_lock(&ctx->lock);
    if (ctx->server == t)
        ctx->server = NULL;
    if (ctx->helper == t)
        ctx->helper = NULL;
    for (int i = 0; i < ctx->server_count; i++)
        if (ctx->servers[i] == t)
            ctx->servers[i--] = ctx->servers[--ctx->server_count];
    spin_unlock(&ctx->lock);
}

/* By its record, which a call that misses a page has not. */
static bool in_fault(const struct thread *t)
{
    const struct fault_record *rec = t->fault;

    return rec && rec->tid == t->tid && record_is_open(rec);
}

static void set_helper(struct userfaultfd_ctx *ctx, struct thread *t)
{
    spin_lock(&ctx->lock);
    ctx->helper = t;
    spin_unlock(&ctx->lock);
}

/* Who ends takes the lock too, so the helper is there. */
static bool has_helper(struct userfaultfd_ctx *ctx)
{
    bool has;

    spin_lock(&ctx->lock);
    has = ctx->helper && ctx->helper != current && !in_fault(ctx->helper);
    spin_unlock(&ctx->lock);
    return has;
}

/* ---- looking; userfaultfd_all_lock held ---- */

static struct userfaultfd_wait *next_wait(struct userfaultfd_ctx *ctx,
                                          const struct userfaultfd_wait *w)
{
    struct list_head *next = w ? w->link.next : ctx->pending.next;

    if (next == &ctx->pending)
        next = ctx->taken.next;
    if (next == &ctx->taken)
        next = ctx->telling.next;
    return next == &ctx->telling
               ? NULL
               : container_of(next, struct userfaultfd_wait, link);
}

#define for_each_wait(ctx, w)                                                  \
    for ((w) = next_wait(ctx, NULL); w; (w) = next_wait(ctx, w))

/* Marks who waits in ctx; again: and did so in the look before. */
static void mark_waits(struct userfaultfd_ctx *ctx, bool again)
{
    const struct userfaultfd_wait *w;

    ctx->look = look_no;
    spin_lock(&ctx->lock);
    for_each_wait (ctx, w) {
        struct thread *t = w->thread;
        u64 since = w->rec->stage[STAGE_QUEUED];

        if ((READ_ONCE(t->work) & WORK_SIGNAL) || (w->guard & WAIT_REFUSED) ||
            (certain && (w->guard & WAIT_ENDS)) ||
            (again && (t->look != look_no - 1 || t->look_since != since)))
            continue;
        t->look = look_no;
        t->look_since = since;
    }
    spin_unlock(&ctx->lock);
}

/* The context, not looked at yet, in which it waits; NULL: none. */
static struct userfaultfd_ctx *waited_for(const struct thread *t)
{
    const struct userfaultfd_wait *w;
    struct userfaultfd_ctx *ctx;

    list_for_each_entry (ctx, &userfaultfd_all, all_link) {
        if (ctx->look == look_no)
            continue;
        spin_lock(&ctx->lock);
        for_each_wait (ctx, w)
            if (w->thread == t)
                break;
        spin_unlock(&ctx->lock);
        if (w)
            return ctx;
    }
    return NULL;
}

/* One of those who can bring ctx's pages, or serve it. ctx->lock and task_lock
 * held. */
static bool is_member(const struct userfaultfd_ctx *ctx, const struct thread *t)
{
    if (certain)
        return t->files && files_hold(t->files, ctx);
    for (int i = 0; i < ctx->server_count; i++)
        if (ctx->servers[i] == t)
            return true;
    return false;
}

/* A member that is not in a fault; marked: not among those who wait. */
static struct thread *free_member(struct userfaultfd_ctx *ctx, bool marked)
{
    struct thread *t, *found = NULL;

    spin_lock(&ctx->lock);
    spin_lock(&task_lock);
    list_for_each_entry (t, &all_threads, all_link) {
        if ((!marked && in_fault(t)) || !is_member(ctx, t))
            continue;
        ctx->members = t->member = look_no;
        if (!marked || t->look != look_no) {
            found = t;
            break;
        }
    }
    spin_unlock(&task_lock);
    spin_unlock(&ctx->lock);
    return found;
}

/* All members of the contexts looked at so far wait, but for one who may wait
 * in *more. False: nobody to speak of, or one who does not wait. */
static bool members_wait(struct userfaultfd_ctx **more)
{
    struct userfaultfd_ctx *ctx;
    struct thread *t;

    *more = NULL;
    list_for_each_entry (ctx, &userfaultfd_all, all_link) {
        if (ctx->look != look_no)
            continue;
        t = free_member(ctx, true);
        if (t) {
            *more = waited_for(t);
            return *more;
        }
        if (ctx->members != look_no)
            return false;
    }
    return true;
}

static bool look(struct userfaultfd_ctx *ctx, bool again)
{
    look_no++;
    do {
        mark_waits(ctx, again);
        if (!members_wait(&ctx))
            return false;
    } while (ctx);
    return true;
}

/* fn for each wait of a member, and of the current thread, task_lock held. */
static void each_wait(void (*fn)(struct userfaultfd_ctx *,
                                 const struct userfaultfd_wait *))
{
    const struct userfaultfd_wait *w;
    struct userfaultfd_ctx *ctx;

    list_for_each_entry (ctx, &userfaultfd_all, all_link) {
        if (ctx->look != look_no)
            continue;
        spin_lock(&ctx->lock);
        spin_lock(&task_lock);
        for_each_wait (ctx, w)
            if (w->thread->look == look_no &&
                (w->thread->member == look_no || w->thread == current))
                fn(ctx, w);
        spin_unlock(&task_lock);
        spin_unlock(&ctx->lock);
    }
}

/* A signal from outside can run a handler, which may do anything. Those for the
 * thread's own deeds do not count, nor do the two of the C library. */
static bool may_handle(const struct userfaultfd_wait *w)
{
    const struct thread *t = w->thread;
    u64 open = ~(t->sig_mask | SIG_BIT(SIGILL) | SIG_BIT(SIGTRAP) |
                 SIG_BIT(SIGBUS) | SIG_BIT(SIGFPE) | SIG_BIT(SIGSEGV) |
                 SIG_BIT(SIGSYS) | SIG_BIT(SIGRTMIN) | SIG_BIT(SIGRTMIN + 1));

    for (int i = 0; w->mode == WAIT_INTERRUPTIBLE && i < SIG_COUNT; i++)
        if ((open >> i & 1) &&
            t->task->sighand->actions[i].sa_handler > SIG_IGN)
            return true;
    return false;
}

static void judge(struct userfaultfd_ctx *ctx __maybe_unused,
                  const struct userfaultfd_wait *w)
{
    if (cycle.count < 4)
        cycle.ids[cycle.count] = w->rec->id;
    cycle.count++;
    cycle.refused |= w->guard & WAIT_REFUSES;
    cycle.sure &= certain && !may_handle(w);
}

static bool find_cycle(struct userfaultfd_ctx *ctx, bool for_certain)
{
    struct thread *t;

    certain = for_certain;
    look_no++;
    t = free_member(ctx, false);
    if (t && !waited_for(t)) {
        if (certain && t->state != THREAD_NEW) /* which may never run */
            set_helper(ctx, t);
        return false;
    }
    if (!look(ctx, false) || !look(ctx, true))
        return false;
    memset(&cycle, 0, sizeof(cycle));
    cycle.sure = true;
    each_wait(judge);
    cycle.refused |= cycle.sure;
    return true;
}

/* ---- telling ---- */

static void name_wait(struct userfaultfd_ctx *ctx,
                      const struct userfaultfd_wait *w)
{
    const struct thread *t;
    unsigned n = 0;

    if (cycle.named++ >= NAMED)
        return;
    printk("  %u[%u] at %lx, fault #%lu, waits for", thread_pid(w->thread),
           w->thread->tid, w->address & ~NO_ADDRESS, w->rec->id);
    list_for_each_entry (t, &all_threads, all_link)
        if (t->member == look_no && is_member(ctx, t) && n++ < NAMED)
            printk(" %u[%u]", thread_pid(t), t->tid);
    printk(n > NAMED ? " ...\n" : "\n");
}

static void tell(const struct userfaultfd_wait *w)
{
    printk("userfaultfd: deadlock closed by %u[%u]%s\n", thread_pid(current),
           current->tid,
           !cycle.refused          ? ", unless a new one comes"
           : w->guard & WAIT_TELLS ? ": goes on untold"
                                   : ": SIGBUS");
    each_wait(name_wait);
    if (cycle.count > NAMED)
        printk("  and %u more\n", cycle.count - NAMED);
    w->rec->end = END_DEADLOCK;
    memcpy(w->rec->cycle, cycle.ids, sizeof(w->rec->cycle));
}

/* ---- the fault that closes it ---- */

/* The wait is part of a cycle; if that is refused, or has lasted, it is told,
 * and in the first case the wait is over. */
static bool examine(struct userfaultfd_ctx *ctx, struct userfaultfd_wait *w,
                    bool lasts, bool *refused)
{
    struct userfaultfd_ctx *other;
    bool found;

    spin_lock(&userfaultfd_all_lock);
    list_for_each_entry (other, &userfaultfd_all, all_link)
        if (READ_ONCE(other->helper) == current) /* no more */
            set_helper(other, NULL);
    found =
        find_cycle(ctx, true) || (current->serves && find_cycle(ctx, false) &&
                                  current->member == look_no);
    found = found && current->look == look_no; /* not woken by now */
    *refused = found && cycle.refused;
    if (*refused || (found && lasts))
        tell(w);
    if (*refused)
        w->guard |= WAIT_REFUSED;
    spin_unlock(&userfaultfd_all_lock);
    return found;
}

bool thread_is_deadlocked(struct userfaultfd_ctx *ctx,
                          struct userfaultfd_wait *w)
{
    bool refused;

    if (likely(!current->serves && w->rec == current->fault && has_helper(ctx)))
        return false;
    if (!examine(ctx, w, false, &refused) || refused || (w->guard & WAIT_ENDS))
        return refused;
    /* Somebody new may come. */
    if (thread_block_timed(time_ns() + LASTS_NS) == -ETIMEDOUT)
        (void)examine(ctx, w, true, &refused);
    thread_prepare_block(w->mode);
    if (userfaultfd_woken(w)) /* the caller's wait is over */
        thread_cancel_block();
    return refused;
}

/* ---- cycles that are closed by one who goes ---- */

/* If those who wait in ctx wait for one another now, one of them is woken, to
 * fault again and be refused. userfaultfd_all_lock held. */
static void ask_again(struct userfaultfd_ctx *ctx)
{
    struct userfaultfd_wait *w;

    if (!next_wait(ctx, NULL) || has_helper(ctx) ||
        !(find_cycle(ctx, true) || find_cycle(ctx, false)) || !cycle.refused)
        return;
    spin_lock(&ctx->lock);
    for_each_wait (ctx, w)
        if (w->thread->look == look_no &&
            (certain || w->thread->member == look_no))
            break;
    if (w) {
        userfaultfd_unfind(ctx, w);
        userfaultfd_wake_wait(w, cycles(), thread_wake);
    }
    spin_unlock(&ctx->lock);
}

void uffd_thread_gone(const struct thread *t, bool last)
{
    struct userfaultfd_ctx *ctx;

    spin_lock(&userfaultfd_all_lock);
    list_for_each_entry (ctx, &userfaultfd_all, all_link)
        server_remove(ctx, t);
    if (last || !thread_doomed(t)) /* else the others end as well */
        list_for_each_entry (ctx, &userfaultfd_all, all_link)
            ask_again(ctx);
    spin_unlock(&userfaultfd_all_lock);
}

void uffd_closed(struct file *f)
{
    struct userfaultfd_ctx *ctx = f->data;

    spin_lock(&userfaultfd_all_lock);
    set_helper(ctx, NULL); /* it may have been the one */
    ask_again(ctx);
    spin_unlock(&userfaultfd_all_lock);
}
