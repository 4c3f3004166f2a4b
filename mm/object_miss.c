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

/* Who waits for a page, on the waiter's stack. */
struct object_miss {
    struct userfaultfd_wait wait;
    struct interval_node node;   /* in object->pager->misses, while listed */
    struct mem_object *object;   /* a reference */
    struct userfaultfd_ctx *ctx; /* a reference */
    u64 index, deadline_ns;
    u32 action;
    bool write, handed;
    bool listed; /* object->lock, until woken */
    bool speaks; /* for all who miss the page; this and failed: ctx->lock */
    bool failed;
    struct fault_record own; /* for the wait, if it is not in a fault */
};

static void miss_init(struct object_miss *m, struct mem_object *object,
                      u64 index, enum wait_mode mode, struct fault_record *rec)
{
    /* Field by field: the record is large. */
    m->object = object;
    m->index = m->node.first = m->node.last = index;
    m->write = m->handed = m->listed = m->speaks = m->failed = false;
    m->wait.mode = mode;
    m->wait.rec = rec;
    m->wait.woken = false;
    m->wait.thread = thread_current();
    if (unlikely(!rec)) {
        ledger_own(&m->own);
        m->wait.rec = &m->own;
    }
}

/* ---- the waits ---- */

#define for_each_miss(m, pager, first, last)                                   \
    for ((m) = miss_of(interval_first(&(pager)->misses, first, last)); m;      \
         (m) = miss_of(interval_next(&(m)->node, first, last)))

static struct object_miss *miss_of(struct interval_node *node)
{
    return node ? container_of(node, struct object_miss, node) : NULL;
}

/* One who waits for the same page. object->lock and ctx->lock held. */
static struct object_miss *find_other(const struct object_miss *m)
{
    struct object_miss *other;

    for_each_miss (other, m->object->pager, m->index, m->index)
        if (other != m && other->ctx == m->ctx && !other->wait.woken)
            break;
    return other;
}

void object_pager_answer(struct object_pager *pager, u64 first, u64 last,
                         unsigned how)
{
    struct interval_node *node = interval_first(&pager->misses, first, last);
    struct userfaultfd_ctx *ctx = pager->ctx;
    u64 now = cycles();

    if (!node)
        return;
    spin_lock(&ctx->lock);
    while (node) {
        struct object_miss *m = miss_of(node);

        node = interval_next(node, first, last);
        if (m->ctx != ctx || m->wait.woken)
            continue; /* about to leave */
        m->failed = how & MISS_FAIL;
        if (how & MISS_FILLED)
            m->wait.rec->stage[STAGE_FILLED] = now;
        if (!(how & MISS_WAKE))
            continue;
        interval_remove(&pager->misses, &m->node);
        m->listed = false;
        userfaultfd_wake_wait(&m->wait, now,
                              how & MISS_NEXT ? thread_wake_next : thread_wake);
    }
    spin_unlock(&ctx->lock);
}

/* ---- the waiter's side ---- */

static void describe(struct object_miss *m, const struct object_pager *pager)
{
    m->ctx = pager->ctx;
    m->deadline_ns = pager->args.deadline_ns;
    m->action = pager->args.action;
    m->wait.address = NO_ADDRESS | m->index << PAGE_SHIFT;
    m->wait.guard = WAIT_REFUSES | (m->deadline_ns ? WAIT_ENDS : 0);
    m->wait.msg = (struct uffd_msg){0};
    m->wait.msg.event = UFFD_EVENT_FL_MISS;
    m->wait.msg.object.cookie = pager->args.cookie;
    m->wait.msg.object.offset = m->index << PAGE_SHIFT;
    m->wait.msg.object.info = m->write ? UFFD_PAGEFAULT_FLAG_WRITE : 0;
}

/* Queues the miss; false: there is no pager any more. object->lock held. */
static bool enqueue(struct object_pager *pager, struct object_miss *m)
{
    struct userfaultfd_ctx *ctx = pager->ctx;
    u64 now = cycles();
    bool alive;

    describe(m, pager);
    m->wait.rec->stage[STAGE_QUEUED] = now;
    m->wait.rec->stage[STAGE_READ] = 0;
    thread_prepare_block(m->wait.mode);
    spin_lock(&ctx->lock);
    alive = !list_empty(&pager->link);
    if (alive) {
        userfaultfd_ctx_get(ctx);
        object_get(m->object);
        m->speaks = !find_other(m);
        interval_insert(&pager->misses, &m->node);
        m->listed = true;
        if (m->speaks)
            m->handed = userfaultfd_queue(ctx, &m->wait, now);
        else
            list_add_tail(&m->wait.link, &ctx->taken);
    }
    spin_unlock(&ctx->lock);
    if (!alive)
        thread_cancel_block();
    return alive;
}

/* Takes the wait off its queue; a message that nobody has read is now another's
 * to ask, who takes its place before anybody could miss it. */
static void unlist(struct object_miss *m)
{
    struct userfaultfd_ctx *ctx = m->ctx;
    struct object_miss *other = NULL;

    spin_lock(&m->object->lock);
    if (m->listed)
        interval_remove(&m->object->pager->misses, &m->node);
    spin_lock(&ctx->lock);
    if (!m->wait.woken)
        list_del(&m->wait.link);
    if (m->speaks && !m->wait.rec->stage[STAGE_READ])
        other = find_other(m);
    if (other) {
        other->speaks = true;
        list_del(&other->wait.link);
        userfaultfd_queue(ctx, &other->wait, cycles());
    }
    spin_unlock(&ctx->lock);
    spin_unlock(&m->object->lock);
}

static void miss_leave(struct object_miss *m)
{
    /* Who has woken us may still look at m, until it lets the lock go. */
    if (unlikely(!userfaultfd_woken(&m->wait) || m->listed ||
                 !spin_is_free(&m->ctx->lock)))
        unlist(m);
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
static int miss_queue(struct object_miss *m, struct page **page)
{
    struct mem_object *object = m->object;
    struct object_pager *pager = object->pager;

    if (m->index >= object_pages(object))
        return -ENXIO;
    *page = page_tree_find(&object->tree, m->index);
    if (*page) {
        get_page(*page);
        return 0;
    }
    return enqueue(pager, m) ? 1 : miss_unserved(pager->args.action);
}

/*
 * If the page is absent, queues the current thread, to go on in miss_wait():
 * 1. Else 0 (it is there: *page, with a reference), -ENXIO (beyond the end),
 * and with a dead pager -EIO, -EINTR (the task dies of it), or -ENODEV where
 * zeros are to take the page's place.
 */
static int miss_begin(struct object_miss *m, struct page **page)
{
    int r;

    spin_lock(&m->object->lock);
    r = miss_queue(m, page);
    spin_unlock(&m->object->lock);
    return r;
}

/* Sleeps until woken, a signal (-EINTR) or the deadline (-ETIMEDOUT). */
static int miss_sleep(struct object_miss *m)
{
    u64 deadline = m->deadline_ns ? time_ns() + m->deadline_ns : 0;

    lockdep_no_locks();
    if (unlikely(!m->handed)) {
        userfaultfd_wake_pollers(m->ctx);
        if (thread_is_deadlocked(m->ctx, &m->wait)) {
            thread_cancel_block();
            return -EDEADLK;
        }
    }
    return userfaultfd_sleep(&m->wait, deadline);
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
        miss_init(&m, object, index, WAIT_INTERRUPTIBLE, NULL);
        r = miss_begin(&m, page);
        if (!r)
            return 0;
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
    struct object_miss m;
    int r;

    miss_init(&m, vmf->vma->vm_object, vma_index(vmf->vma, vmf->address),
              vmf->flags & FAULT_USER ? WAIT_INTERRUPTIBLE : WAIT_KILLABLE,
              vmf->rec);
    m.write = vmf->flags & FAULT_WRITE;
    r = miss_begin(&m, page);
    if (r > 0)
        return wait_unlocked(vmf, &m);
    if (r == -EINTR) {
        fault_unlock(vmf);
        return VM_FAULT_RETRY;
    }
    return !r || r == -ENODEV ? 0 : VM_FAULT_SIGBUS;
}
