/*
 * Events: a pager that asked for it is told of fork, mremap, munmap and
 * discarded pages, and whoever does one of these waits until its message has
 * been read. Events are noted under the mmap lock, in mm->uffd_events, and
 * delivered once it is let go; from the first to the second the context says
 * that mappings are changing, and fills nothing.
 *
 * ctx->lock guards an event's state: its waiter looks at it under the lock, so
 * the event is still there for a reader that has just changed it.
 */
#include <mm/object_pager.h>
#include <mm/userfaultfd.h>

struct userfaultfd_event **userfaultfd_events_end(struct mm_struct *mm)
{
    struct userfaultfd_event **last = &mm->uffd_events;

    while (*last)
        last = &(*last)->next;
    return last;
}

/* An event of ctx, to be delivered when mm's lock is let go; NULL: no memory.
 */
static struct userfaultfd_event *event_note(struct mm_struct *mm,
                                            struct userfaultfd_ctx *ctx,
                                            u8 what)
{
    struct userfaultfd_event *e = kzalloc(sizeof(*e));

    if (!e)
        return NULL;
    userfaultfd_ctx_get(ctx);
    __atomic_fetch_add(&ctx->changing, 1, __ATOMIC_RELAXED);
    e->ctx = ctx;
    e->msg.event = what;
    *userfaultfd_events_end(mm) = e;
    return e;
}

static bool wants(const struct vm_area_struct *vma, u64 feature)
{
    return vma->vm_uffd && (vma->vm_uffd->features & feature);
}

/* ---- what happens to areas; mmap lock held for write ---- */

/* The context that a child gets for its parent's: one for all its areas. */
static struct userfaultfd_ctx *child_ctx(struct mm_struct *parent,
                                         struct mm_struct *child,
                                         struct userfaultfd_ctx *ctx)
{
    struct userfaultfd_event *e;

    for (e = parent->uffd_events; e; e = e->next)
        if (e->ctx == ctx && e->child)
            return e->child;
    e = event_note(parent, ctx, UFFD_EVENT_FORK);
    if (!e)
        return NULL;
    e->child = userfaultfd_ctx_create(child, ctx->flags);
    if (!e->child || !userfaultfd_guard_copy(e->child, ctx))
        return NULL;
    e->child->features = ctx->features;
    e->child->initialized = true;
    child->uffd_unmap = parent->uffd_unmap;
    return e->child;
}

int userfaultfd_dup(struct mm_struct *parent, struct vm_area_struct *copy)
{
    struct userfaultfd_ctx *ctx;

    if (!wants(copy, UFFD_FEATURE_EVENT_FORK)) {
        userfaultfd_forget(copy);
        return 0;
    }
    ctx = child_ctx(parent, copy->vm_mm, copy->vm_uffd);
    if (!ctx)
        return -ENOMEM;
    userfaultfd_ctx_put(copy->vm_uffd);
    userfaultfd_ctx_get(ctx);
    copy->vm_uffd = ctx;
    return 0;
}

int userfaultfd_remap(struct vm_area_struct *new, u64 from, u64 to, u64 len)
{
    struct userfaultfd_event *e;

    if (!wants(new, UFFD_FEATURE_EVENT_REMAP)) {
        userfaultfd_forget(new);
        return 0;
    }
    e = event_note(new->vm_mm, new->vm_uffd, UFFD_EVENT_REMAP);
    if (!e)
        return -ENOMEM;
    e->msg.remap.from = from;
    e->msg.remap.to = to;
    e->msg.remap.len = len;
    return 0;
}

void userfaultfd_remap_first(struct userfaultfd_event **place,
                             struct userfaultfd_event **events)
{
    struct userfaultfd_event *e = *events;

    if (place == events || !e || e->msg.event != UFFD_EVENT_REMAP)
        return;
    *events = e->next;
    e->next = *place;
    *place = e;
}

static bool unmap_noted(const struct mm_struct *mm,
                        const struct userfaultfd_ctx *ctx, u64 start, u64 end)
{
    const struct userfaultfd_event *e;

    for (e = mm->uffd_events; e; e = e->next)
        if (e->ctx == ctx && e->msg.event == UFFD_EVENT_UNMAP &&
            e->msg.remove.start == start && e->msg.remove.end == end)
            return true;
    return false;
}

int userfaultfd_unmap(struct mm_struct *mm, u64 start, u64 end)
{
    struct vm_area_struct *vma = find_vma(mm, start);
    struct userfaultfd_event *e;

    for (; vma && vma->vm_start < end; vma = vma->vm_next) {
        if (vma->vm_flags & VM_SEALED)
            break;
        if (!wants(vma, UFFD_FEATURE_EVENT_UNMAP) ||
            unmap_noted(mm, vma->vm_uffd, start, end))
            continue;
        e = event_note(mm, vma->vm_uffd, UFFD_EVENT_UNMAP);
        if (!e)
            return -ENOMEM;
        e->msg.remove.start = start;
        e->msg.remove.end = end;
    }
    return 0;
}

/* ---- delivery; no lock held ---- */

/* Takes the state; an event that nobody will read any more is lost. */
static enum event_state event_look(struct userfaultfd_event *e)
{
    enum event_state state;

    spin_lock(&e->ctx->lock);
    if (e->state == EVENT_QUEUED && thread_signal_pending(WAIT_KILLABLE)) {
        list_del(&e->link);
        e->state = EVENT_LOST;
    }
    state = e->state;
    spin_unlock(&e->ctx->lock);
    return state;
}

static void event_queue(struct userfaultfd_event *e)
{
    struct userfaultfd_ctx *ctx = e->ctx;

    e->thread = thread_current();
    spin_lock(&ctx->lock);
    if (ctx->released)
        e->state = EVENT_LOST;
    else
        list_add_tail(&e->link, &ctx->events);
    userfaultfd_wake_reader(ctx);
    spin_unlock(&ctx->lock);
    userfaultfd_wake_pollers(ctx);
}

/* Takes the message back if all who could read it wait as well, and nobody has
 * begun to. */
static void lose_if_hopeless(struct userfaultfd_event *e,
                             struct userfaultfd_wait *w)
{
    struct userfaultfd_ctx *ctx = e->ctx;

    spin_lock(&ctx->lock);
    w->woken = false;
    w->rec->stage[STAGE_QUEUED] = cycles();
    list_add_tail(&w->link, &ctx->telling);
    spin_unlock(&ctx->lock);
    if (!thread_is_deadlocked(ctx, w))
        return;
    spin_lock(&ctx->lock);
    if (e->state == EVENT_QUEUED) {
        list_del(&e->link);
        e->state = EVENT_LOST;
    }
    spin_unlock(&ctx->lock);
}

/* Waits until the message was read, nobody can read it, or we must die; as w,
 * which is woken to look whether there is hope. */
static void event_wait(struct userfaultfd_event *e, struct userfaultfd_wait *w)
{
    enum event_state state;

    for (;;) {
        thread_prepare_block(w->mode);
        state = event_look(e);
        if (state >= EVENT_TOLD)
            break;
        /* A reader that is at it will not be long. */
        w->mode = state == EVENT_TAKEN ? WAIT_UNINTERRUPTIBLE : WAIT_KILLABLE;
        if (state == EVENT_QUEUED && userfaultfd_woken(w))
            lose_if_hopeless(e, w);
        else
            (void)thread_block();
    }
    thread_cancel_block();
}

static bool event_told(struct userfaultfd_event *e)
{
    struct fault_record rec;
    struct userfaultfd_wait w = {
        .thread = thread_current(),
        .rec = &rec,
        .address = NO_ADDRESS | e->msg.remove.start,
        .mode = WAIT_KILLABLE,
        .woken = true,
        .guard = WAIT_TELLS,
    };

    lockdep_no_locks();
    ledger_own(&rec);
    event_queue(e);
    event_wait(e, &w);
    spin_lock(&e->ctx->lock);
    if (!w.woken)
        list_del(&w.link);
    spin_unlock(&e->ctx->lock);
    return e->state == EVENT_TOLD;
}

static void event_free(struct userfaultfd_event *e, bool told)
{
    __atomic_fetch_sub(&e->ctx->changing, 1, __ATOMIC_RELEASE);
    if (e->child && !told)
        userfaultfd_release(e->child); /* no descriptor will ever name it */
    userfaultfd_ctx_put(e->ctx);
    kfree(e);
}

void userfaultfd_deliver(struct mm_struct *mm)
{
    struct userfaultfd_event *e = mm->uffd_events, *next;

    mm->uffd_events = NULL;
    rwsem_up_write(&mm->mmap_lock);
    for (; e; e = next) {
        next = e->next;
        event_free(e, event_told(e));
    }
}

void userfaultfd_cancel(struct userfaultfd_event **from)
{
    struct userfaultfd_event *e;

    while ((e = *from)) {
        *from = e->next;
        if (e->child) /* its areas go with their address space */
            userfaultfd_ctx_put(e->child);
        e->child = NULL;
        event_free(e, false);
    }
}

bool userfaultfd_remove(struct vm_area_struct *vma, u64 start, u64 end)
{
    struct userfaultfd_event e = {.msg.event = UFFD_EVENT_REMOVE};

    if (likely(!wants(vma, UFFD_FEATURE_EVENT_REMOVE)))
        return false;
    e.ctx = vma->vm_uffd;
    e.msg.remove.start = start;
    e.msg.remove.end = end;
    userfaultfd_ctx_get(e.ctx);
    __atomic_fetch_add(&e.ctx->changing, 1, __ATOMIC_RELAXED);
    mmap_read_unlock(vma->vm_mm);
    (void)event_told(&e);
    __atomic_fetch_sub(&e.ctx->changing, 1, __ATOMIC_RELEASE);
    userfaultfd_ctx_put(e.ctx);
    return true;
}

/* ---- the reader's side ---- */

/* ctx->lock held. The waiter may be gone when the lock is let go. */
static void event_set(struct userfaultfd_event *e, enum event_state state)
{
    e->state = state;
    thread_wake(e->thread);
}

int userfaultfd_next_event(struct userfaultfd_ctx *ctx, struct uffd_msg *msg,
                           struct userfaultfd_event **fork)
{
    struct userfaultfd_event *e;
    int r = -EAGAIN;

    *fork = NULL;
    spin_lock(&ctx->lock);
    if (!list_empty(&ctx->events)) {
        e = list_first_entry(&ctx->events, struct userfaultfd_event, link);
        if (e->thread) {
            list_del(&e->link);
            *msg = e->msg;
        } else {
            object_pager_news(e, msg);
        }
        if (e->child) {
            e->state = EVENT_TAKEN;
            *fork = e;
        } else if (e->thread) {
            event_set(e, EVENT_TOLD);
        }
        r = 0;
    }
    spin_unlock(&ctx->lock);
    return r;
}

void userfaultfd_fork_done(struct userfaultfd_ctx *ctx,
                           struct userfaultfd_event *e, bool told)
{
    spin_lock(&ctx->lock);
    if (!told && !ctx->released)
        list_add(&e->link, &ctx->events);
    event_set(e, told ? EVENT_TOLD : ctx->released ? EVENT_LOST : EVENT_QUEUED);
    spin_unlock(&ctx->lock);
}

void userfaultfd_lose_events(struct userfaultfd_ctx *ctx)
{
    struct userfaultfd_event *e, *next;

    spin_lock(&ctx->lock);
    list_for_each_entry_safe (e, next, &ctx->events, link) {
        list_del(&e->link);
        event_set(e, EVENT_LOST);
    }
    spin_unlock(&ctx->lock);
}
