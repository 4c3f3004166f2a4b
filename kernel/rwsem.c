/*
 * The sleeping reader/writer lock's slow halves. Waiters queue in order and
 * are handed the lock by whoever lets it go, so neither side starves. The
 * fast halves are inline in mm/hooks.h.
 */
#include <mm/hooks.h>

struct rwsem_waiter {
    struct list_head link;
    struct thread *thread;
    bool write;
    bool granted;
};

void rwsem_init(struct rwsem *s)
{
    s->count = 0;
    s->waiting = 0;
    spin_lock_init(&s->lock);
    spin_lock_class(&s->lock, LOCK_RWSEM);
    list_init(&s->queue);
}

/* The lock can be had right now; s->lock held. */
static bool rwsem_take(struct rwsem *s, bool write)
{
    s32 n = READ_ONCE(s->count);

    do {
        if (write ? n != 0 : n < 0)
            return false;
    } while (!__atomic_compare_exchange_n(&s->count, &n, write ? -1 : n + 1,
                                          false, __ATOMIC_ACQUIRE,
                                          __ATOMIC_RELAXED));
    return true;
}

/* Grants the lock to the longest waiting, and to readers right behind a
 * reader. s->lock held. */
static void rwsem_grant(struct rwsem *s)
{
    while (!list_empty(&s->queue)) {
        struct rwsem_waiter *w =
            list_first_entry(&s->queue, struct rwsem_waiter, link);
        struct thread *t = w->thread;

        if (!rwsem_take(s, w->write))
            return;
        list_del(&w->link);
        __atomic_fetch_sub(&s->waiting, 1, __ATOMIC_SEQ_CST);
        __atomic_store_n(&w->granted, true, __ATOMIC_RELEASE);
        thread_wake(t); /* w may be gone from here on */
    }
}

static void rwsem_wait(struct rwsem *s, bool write)
{
    struct rwsem_waiter w = {.thread = thread_current(), .write = write};

    spin_lock(&s->lock);
    list_add_tail(&w.link, &s->queue);
    __atomic_fetch_add(&s->waiting, 1, __ATOMIC_SEQ_CST);
    rwsem_grant(s); /* the holder may have left before it saw us waiting */
    spin_unlock(&s->lock);
    for (;;) {
        thread_prepare_block(WAIT_UNINTERRUPTIBLE);
        if (__atomic_load_n(&w.granted, __ATOMIC_ACQUIRE))
            break;
        (void)thread_block();
    }
    thread_cancel_block();
    /* Who granted it may still be about to wake us, by our address: it has
     * done so when it lets the queue go. */
    spin_lock(&s->lock);
    spin_unlock(&s->lock);
    lockdep_sleeping(1);
}

void rwsem_wait_read(struct rwsem *s)
{
    rwsem_wait(s, false);
}

void rwsem_wait_write(struct rwsem *s)
{
    rwsem_wait(s, true);
}

void rwsem_hand_over(struct rwsem *s)
{
    spin_lock(&s->lock);
    rwsem_grant(s);
    spin_unlock(&s->lock);
}
