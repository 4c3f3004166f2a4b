/*
 * Waiting for an object's pager, in a fault or in a call on the object: a wait
 * in the queues of its userfaultfd as for a place in memory, with an address
 * that none has. The page is found absent and the wait queued in one step under
 * object->lock, as it is brought and who waits woken: no miss is told that is
 * none. Who comes second to a page says nothing and waits. No lock is held
 * meanwhile.
 */
#include <arch/machine.h>
#include <mm/fault.h>
#include <mm/object_pager.h>

#define NO_ADDRESS (1ull << 63) /* and the offset in the object */

/* Who waits for a page, on the waiter's stack. */
struct object_miss {
    struct userfaultfd_wait wait;
    struct mem_object *object;   /* a reference */
    struct userfaultfd_ctx *ctx; /* a reference */
    u64 index, deadline_ns;
    u32 action;
    bool write;
    bool speaks; /* for all who miss the page; this and failed: ctx->lock */
    bool failed;
    struct fault_record own; /* for the wait, if it is not in a fault */
};

/* ---- the queues; ctx->lock held ---- */

/* The wait as a miss of one of the pages; NULL: it is none. */
static struct object_miss *miss_of(struct userfaultfd_wait *w,
                                   const struct mem_object *object, u64 first,
                                   u64 count)
{
    struct object_miss *m = container_of(w, struct object_miss, wait);

    return (w->address & NO_ADDRESS) && m->object == object &&
                   m->index - first < count
               ? m
               : NULL;
}

/* One who waits for the same page. */
static struct object_miss *find_other(struct list_head *queue,
                                      const struct object_miss *m)
{
    struct userfaultfd_wait *w;

    list_for_each_entry (w, queue, link)
        if (miss_of(w, m->object, m->index, 1))
            return container_of(w, struct object_miss, wait);
    return NULL;
}

static void step_queue(struct list_head *queue,
                       const struct object_pager *pager, u64 first, u64 count,
                       enum fault_stage stage, bool failed)
{
    struct userfaultfd_wait *w, *next;

    list_for_each_entry_safe (w, next, queue, link) {
        struct object_miss *m = miss_of(w, pager->object, first, count);

        if (!m)
            continue;
        w->rec->stage[stage] = cycles();
        m->failed = failed;
        if (stage == STAGE_WOKEN)
            userfaultfd_wake_wait(w, cycles(), thread_wake);
    }
}

void object_pager_step(struct object_pager *pager, u64 first, u64 count,
                       enum fault_stage stage, bool failed)
{
    struct userfaultfd_ctx *ctx = pager->ctx;

    spin_lock(&ctx->lock);
    step_queue(&ctx->pending, pager, first, count, stage, failed);
    step_queue(&ctx->taken, pager, first, count, stage, failed);
    spin_unlock(&ctx->lock);
}

/* ---- the waiter's side ---- */

static void describe(struct object_miss *m, const struct object_pager *pager)
{
    m->ctx = pager->ctx;
    m->deadline_ns = pager->args.deadline_ns;
    m->action = pager->args.action;
    m->wait.address = NO_ADDRESS | m->index << PAGE_SHIFT;
    m->wait.refuses = true;
    m->wait.msg.event = UFFD_EVENT_FL_MISS;
    m->wait.msg.object.cookie = pager->args.cookie;
    m->wait.msg.object.offset = m->index << PAGE_SHIFT;
    m->wait.msg.object.info = m->write ? UFFD_PAGEFAULT_FLAG_WRITE : 0;
}

/* Queues the miss; false: there is no pager any more. object->lock held. */
static bool enqueue(const struct object_pager *pager, struct object_miss *m)
{
    struct userfaultfd_ctx *ctx = pager->ctx;
    bool alive;

    describe(m, pager);
    spin_lock(&ctx->lock);
    alive = !list_empty(&pager->link);
    if (alive) {
        userfaultfd_ctx_get(ctx);
        object_get(m->object);
        m->speaks =
            !find_other(&ctx->pending, m) && !find_other(&ctx->taken, m);
        list_add_tail(&m->wait.link, m->speaks ? &ctx->pending : &ctx->taken);
        if (m->speaks)
            userfaultfd_wake_reader(ctx);
    }
    spin_unlock(&ctx->lock);
    return alive;
}

/* Leaves the queue; a message that nobody has read is another's to ask. */
static void miss_leave(struct object_miss *m)
{
    struct userfaultfd_ctx *ctx = m->ctx;
    struct object_miss *other = NULL;

    spin_lock(&ctx->lock);
    if (!m->wait.woken)
        list_del(&m->wait.link);
    if (m->speaks && !m->wait.rec->stage[STAGE_READ])
        other = find_other(&ctx->taken, m);
    if (other) {
        other->speaks = true;
        list_move_tail(&other->wait.link, &ctx->pending);
        userfaultfd_wake_reader(ctx);
    }
    spin_unlock(&ctx->lock);
    if (other)
        userfaultfd_wake_pollers(ctx);
}

/* What becomes of a miss that nobody serves, or not in time. */
static int miss_unserved(u32 action)
{
    if (action == UFFD_FL_ACTION_ZERO)
        return -ENODEV;
    if (action != UFFD_FL_ACTION_KILL)
        return -EIO;
    thread_kill_task();
    return -EINTR;
}

/* object->lock held. */
static int miss_queue(struct object_miss *m)
{
    struct mem_object *object = m->object;
    struct object_pager *pager = object->pager;

    if (m->index >= object_pages(object))
        return -ENXIO;
    if (page_tree_find(&object->tree, m->index))
        return 0;
    if (enqueue(pager, m))
        return 1;
    return miss_unserved(pager->args.action);
}

/*
 * If the page is absent, queues the current thread, to go on in miss_wait():
 * 1. Else 0 (it is there), -ENXIO (beyond the end), and with a dead pager -EIO,
 * -EINTR (the task dies of it), or -ENODEV where zeros are to take the page's
 * place.
 */
static int miss_begin(struct object_miss *m)
{
    struct fault_record *rec = m->wait.rec ? m->wait.rec : &m->own;
    int r;

    if (rec == &m->own)
        rec->id = __atomic_add_fetch(&ledger_last_id, 1, __ATOMIC_RELAXED);
    rec->stage[STAGE_QUEUED] = cycles();
    rec->stage[STAGE_READ] = 0;
    m->wait.rec = rec;
    m->wait.thread = thread_current();
    thread_prepare_block(m->wait.mode);
    spin_lock(&m->object->lock);
    r = miss_queue(m);
    spin_unlock(&m->object->lock);
    if (r <= 0)
        thread_cancel_block();
    return r;
}

/* Sleeps until woken, a signal (-EINTR) or the deadline (-ETIMEDOUT). */
static int miss_sleep(struct object_miss *m)
{
    u64 deadline = time_ns() + m->deadline_ns;
    int r = 0;

    lockdep_no_locks();
    userfaultfd_wake_pollers(m->ctx);
    if (thread_is_deadlocked(m->ctx, &m->wait)) {
        thread_cancel_block();
        return -EDEADLK;
    }
    while (!userfaultfd_woken(&m->wait) && !r) {
        r = m->deadline_ns ? thread_block_timed(deadline) : thread_block();
        thread_prepare_block(m->wait.mode);
    }
    thread_cancel_block();
    return r;
}

/* After miss_begin(): 0 (look again), -EINTR, -EDEADLK (the pager waits for
 * itself), -EIO, -ENODEV. */
static int miss_wait(struct object_miss *m)
{
    int r = miss_sleep(m);

    miss_leave(m);
    if (m->wait.woken && r != -EDEADLK)
        return m->failed ? -EIO : 0;
    return r == -ETIMEDOUT ? miss_unserved(m->action) : r;
}

/* What miss_begin() holds for the wait. */
static void miss_end(const struct object_miss *m)
{
    userfaultfd_ctx_put(m->ctx);
    object_put(m->object);
}

/* ---- who misses a page ---- */

int object_page_in(struct mem_object *object, u64 index, struct page **page)
{
    struct object_miss m;
    int r;

    do {
        *page = object_find_page(object, index);
        if (*page || likely(!object->pager))
            return 0;
        m = (struct object_miss){
            .object = object, .index = index, .wait.mode = WAIT_INTERRUPTIBLE};
        r = miss_begin(&m);
        if (r > 0) {
            r = miss_wait(&m);
            miss_end(&m);
        }
    } while (!r);
    if (r == -ENODEV)
        return object_get_page(object, index, page);
    return r == -ENXIO ? 0 : r;
}

static unsigned wait_unlocked(struct vm_fault *vmf, struct object_miss *m)
{
    struct page *page;
    int r;

    fault_unlock(vmf);
    r = miss_wait(m);
    if (r == -ENODEV && !object_get_page(m->object, m->index, &page))
        put_page(page);
    miss_end(m);
    return VM_FAULT_RETRY | (r == -EIO || r == -EDEADLK ? VM_FAULT_SIGBUS : 0);
}

unsigned do_paged_fault(struct vm_fault *vmf, struct page **page)
{
    const bool user = vmf->flags & FAULT_USER;
    struct object_miss m = {
        .object = vmf->vma->vm_object,
        .index = vma_index(vmf->vma, vmf->address),
        .wait.rec = vmf->rec,
        .wait.mode = user ? WAIT_INTERRUPTIBLE : WAIT_KILLABLE,
        .write = vmf->flags & FAULT_WRITE,
    };
    int r;

    do {
        *page = object_find_page(m.object, m.index);
        if (*page)
            return 0;
        r = miss_begin(&m);
    } while (!r);
    if (r > 0)
        return wait_unlocked(vmf, &m);
    if (r == -EINTR) {
        fault_unlock(vmf);
        return VM_FAULT_RETRY;
    }
    return r == -ENODEV ? 0 : VM_FAULT_SIGBUS;
}
