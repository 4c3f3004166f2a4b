/*
 * Wait queues: who waits for a condition. Waking leaves the waiters queued;
 * each takes itself off once it has looked. Locks: q->lock, then a run queue's
 * lock inside thread_wake(). Callable from interrupts.
 */
#include <mm/hooks.h>

void wait_queue_init(struct wait_queue *q)
{
    spin_lock_init(&q->lock);
    list_init(&q->waiters);
}

void wait_add(struct wait_queue *q, struct waiter *w)
{
    u64 flags = spin_lock_irqsave(&q->lock);

    w->thread = thread_current();
    list_add_tail(&w->link, &q->waiters);
    spin_unlock_irqrestore(&q->lock, flags);
}

void wait_remove(struct wait_queue *q, struct waiter *w)
{
    u64 flags = spin_lock_irqsave(&q->lock);

    list_del_init(&w->link);
    spin_unlock_irqrestore(&q->lock, flags);
}

void wake_up_one(struct wait_queue *q)
{
    u64 flags = spin_lock_irqsave(&q->lock);

    if (!list_empty(&q->waiters))
        thread_wake(list_first_entry(&q->waiters, struct waiter, link)->thread);
    spin_unlock_irqrestore(&q->lock, flags);
}

void wake_up_all(struct wait_queue *q)
{
    struct waiter *w;
    u64 flags = spin_lock_irqsave(&q->lock);

    list_for_each_entry (w, &q->waiters, link)
        thread_wake(w->thread);
    spin_unlock_irqrestore(&q->lock, flags);
}
