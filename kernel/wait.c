/*
 * Wait queues: who waits for a condition. Waking leaves the waiters queued;
 * each takes itself off once it has looked. Locks: q->lock, then a run queue's
 * lock inside thread_wake(). Callable from interrupts.
 */
#include <mm/hooks.h>

void wait_queue_init(struct wait_queue *q)
{
    spin_lock_init(&q->lock);
    spin_lock_class(&q->lock, LOCK_WAIT_QUEUE);
    list_init(&q->waiters);
}

void wait_add(struct wait_queue *q, struct waiter *w)
{
    u64 flags = spin_lock_irqsave(&q->lock);

    w->thread = thread_current();
    w->wake = NULL;
    list_add_tail(&w->link, &q->waiters);
    spin_unlock_irqrestore(&q->lock, flags);
}

void wait_add_callback(struct wait_queue *q, struct waiter *w,
                       void (*wake)(struct waiter *w))
{
    u64 flags = spin_lock_irqsave(&q->lock);

    w->thread = NULL;
    w->wake = wake;
    list_add_tail(&w->link, &q->waiters);
    spin_unlock_irqrestore(&q->lock, flags);
}

void wait_remove(struct wait_queue *q, struct waiter *w)
{
    u64 flags = spin_lock_irqsave(&q->lock);

    list_del_init(&w->link);
    spin_unlock_irqrestore(&q->lock, flags);
}

void wake_up_all(struct wait_queue *q)
{
    struct waiter *w;
    u64 flags = spin_lock_irqsave(&q->lock);

    list_for_each_entry (w, &q->waiters, link)
        if (unlikely(w->wake))
            w->wake(w);
        else
            thread_wake(w->thread);
    spin_unlock_irqrestore(&q->lock, flags);
}
