/*
 * Pagers that wait for one another. A thread serves a userfaultfd once it has
 * read from it, polled it, filled or woken through it, and until it ends. A
 * fault is a deadlock when its own thread is one of a set of threads that all
 * wait in faults, each for a context that is served by threads of the set and
 * by nobody else. Only a thread that serves something can close such a cycle,
 * and only with a message that no reader has taken at once: others pay nothing.
 *
 * Contexts are looked at one by one, so a claim may be of a moment that never
 * was: it counts when a second look finds the very same waits, for then all of
 * them lasted from the end of the first look to the start of the second. Who
 * is told to give up leaves the queue under userfaultfd_all_lock: of two that
 * close a cycle at once the second sees it broken.
 */
#include <base/printk.h>
#include <base/string.h>
#include <kernel/thread.h>
#include <kernel/uffd.h>
#include <mm/userfaultfd.h>

#define WAITS 16 /* a larger set goes unnoticed */

/* One thread of the set, in its fault. */
struct waiting {
    const struct thread *thread;
    u32 pid, tid;
    struct userfaultfd_ctx *ctx; /* that it waits for */
    u64 address, id, queued;     /* id, stage: of the fault's record */
    bool refuses;
};

struct waiting_set {
    unsigned count, contexts;
    struct waiting waits[WAITS];
    struct {
        struct userfaultfd_ctx *ctx;
        unsigned first, end; /* its servers, among waits */
    } served[WAITS];
};

/* userfaultfd_all_lock */
static struct waiting_set first_look, second_look;

void thread_serves(struct userfaultfd_ctx *ctx)
{
    struct thread *me = current;

    me->serves = true;
    ctx->server = me;
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
    for (int i = 0; i < ctx->server_count; i++)
        if (ctx->servers[i] == t)
            ctx->servers[i--] = ctx->servers[--ctx->server_count];
    spin_unlock(&ctx->lock);
}

void uffd_thread_gone(const struct thread *t)
{
    struct userfaultfd_ctx *ctx;

    spin_lock(&userfaultfd_all_lock);
    list_for_each_entry (ctx, &userfaultfd_all, all_link)
        server_remove(ctx, t);
    spin_unlock(&userfaultfd_all_lock);
}

/* ---- looking; userfaultfd_all_lock held ---- */

/* The thread's wait in one queue, whose context's lock is held. */
static bool look_in(struct list_head *queue, const struct thread *t,
                    struct waiting *out)
{
    const struct userfaultfd_wait *w;

    list_for_each_entry (w, queue, link) {
        if (w->thread != t || !w->rec)
            continue;
        out->address = w->address;
        out->id = w->rec->id;
        out->queued = w->rec->stage[STAGE_QUEUED];
        out->refuses = w->refuses;
        return true;
    }
    return false;
}

/* What the thread waits for; false: for no pager, or a signal will end it. */
static bool look_for(const struct thread *t, struct waiting *out)
{
    struct userfaultfd_ctx *ctx;
    bool found = false;

    if (READ_ONCE(t->work) & WORK_SIGNAL)
        return false;
    list_for_each_entry (ctx, &userfaultfd_all, all_link) {
        spin_lock(&ctx->lock);
        found = look_in(&ctx->pending, t, out) || look_in(&ctx->taken, t, out);
        spin_unlock(&ctx->lock);
        if (found)
            break;
    }
    out->thread = t;
    out->ctx = ctx;
    out->pid = thread_pid(t);
    out->tid = t->tid;
    return found;
}

/* The context is one more to be asked who serves it. */
static bool add_context(struct waiting_set *set, struct userfaultfd_ctx *ctx)
{
    for (unsigned i = 0; i < set->contexts; i++)
        if (set->served[i].ctx == ctx)
            return true;
    if (set->contexts == WAITS)
        return false;
    set->served[set->contexts++].ctx = ctx;
    return true;
}

/* Adds the servers of a context; false: one of them can still serve, or there
 * is none to speak of. They live, for to end they need the lock we hold. */
static bool add_servers(struct waiting_set *set, unsigned n)
{
    struct userfaultfd_ctx *ctx = set->served[n].ctx;
    struct thread *servers[UFFD_SERVERS];
    int count;

    spin_lock(&ctx->lock);
    count = ctx->server_count;
    memcpy(servers, ctx->servers, sizeof(servers));
    spin_unlock(&ctx->lock);
    set->served[n].first = set->count;
    for (int i = 0; i < count; i++) {
        struct waiting *w = &set->waits[set->count];

        if (set->count == WAITS || !look_for(servers[i], w) ||
            !add_context(set, w->ctx))
            return false;
        set->count++;
    }
    set->served[n].end = set->count;
    return count > 0;
}

/* All who could serve ctx, and those who could serve them, wait; the current
 * thread is among them. */
static bool look(struct waiting_set *set, struct userfaultfd_ctx *ctx)
{
    memset(set, 0, sizeof(*set));
    (void)add_context(set, ctx);
    for (unsigned n = 0; n < set->contexts; n++)
        if (!add_servers(set, n))
            return false;
    for (unsigned i = 0; i < set->count; i++)
        if (set->waits[i].thread == current)
            return true;
    return false;
}

/* ---- telling ---- */

static void name_wait(const struct waiting_set *set, const struct waiting *w)
{
    unsigned n = 0;

    while (set->served[n].ctx != w->ctx)
        n++;
    printk("  %u[%u] at %lx, fault #%lu, waits for", w->pid, w->tid, w->address,
           w->id);
    for (unsigned i = set->served[n].first; i < set->served[n].end; i++)
        printk(" %u[%u]", set->waits[i].pid, set->waits[i].tid);
    printk("\n");
}

/* Names each wait once: a thread that serves two contexts is there twice. Their
 * ids go to cycle. */
static void tell(const struct waiting_set *set, bool refused, u64 cycle[4])
{
    unsigned n = 0, before;

    printk("userfaultfd: deadlock closed by %u[%u]%s\n", thread_pid(current),
           current->tid, refused ? ": SIGBUS" : ", unless a new one comes");
    memset(cycle, 0, 4 * sizeof(cycle[0]));
    for (unsigned i = 0; i < set->count; i++) {
        for (before = 0; set->waits[before].id != set->waits[i].id; before++)
            ;
        if (before < i)
            continue;
        name_wait(set, &set->waits[i]);
        if (n < 4)
            cycle[n++] = set->waits[i].id;
    }
}

static void leave_queue(struct userfaultfd_ctx *ctx, struct userfaultfd_wait *w)
{
    spin_lock(&ctx->lock);
    if (!w->woken)
        list_del(&w->link);
    w->woken = true;
    spin_unlock(&ctx->lock);
}

bool thread_is_deadlocked(struct userfaultfd_ctx *ctx,
                          struct userfaultfd_wait *w)
{
    bool refused = false;
    u64 cycle[4];

    if (likely(!current->serves) || !w->rec)
        return false;
    spin_lock(&userfaultfd_all_lock);
    if (look(&first_look, ctx) && look(&second_look, ctx) &&
        !memcmp(&first_look, &second_look, sizeof(first_look))) {
        for (unsigned i = 0; i < first_look.count; i++)
            refused |= first_look.waits[i].refuses;
        tell(&first_look, refused, cycle);
    }
    if (refused) {
        leave_queue(ctx, w);
        w->rec->end = END_DEADLOCK;
        memcpy(w->rec->cycle, cycle, sizeof(cycle));
    }
    spin_unlock(&userfaultfd_all_lock);
    return refused;
}
