/*
 * Timers that call a function: a kernel thread, which everybody else makes way
 * for, sleeps to the soonest of them. All of it under task_lock, since what
 * they call sends signals.
 */
#ifndef KERNEL_KTIMER_H
#define KERNEL_KTIMER_H

#include <base/compiler.h>
#include <mm/rbtree.h>

struct ktimer {
    struct rb_node node;
    u64 deadline; /* time_ns(); 0: not queued */
    /* The time has come; the timer is no longer queued and may be set again.
     * Does not sleep. */
    void (*fire)(struct ktimer *timer, u64 now);
};

/* Queues the timer, wherever it was before; deadline 0 takes it off. */
void ktimer_set(struct ktimer *timer, u64 deadline);

/* Makes the thread. Returns 0 or -ENOMEM. */
__must_check int ktimer_init(void);

#endif
