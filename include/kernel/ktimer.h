/*
 * Timers that call a function: a kernel thread, which everybody else makes way
 * for, sleeps to the soonest of them. All of it under task_lock, since what
 * they call sends signals.
 */
#pragma once

#include <base/compiler.h>
#include <mm/rbtree.h>

struct ktimer {
    struct rb_node node;
    u64 deadline; /* time_ns(); 0: not queued */
    /* The time has come; the timer is no longer queued and may be set again.
     * Does not sleep. */
    void (*fire)(struct ktimer *timer, u64 now);
};

/* A timer as the ABI sets one: ns of the clock that counts (0: off), and the
 * period (0: once). */
struct itimer {
    u64 deadline, interval;
};

/* Goes to the first end of a period after now, which is past the deadline:
 * returns how many ended before that one. */
u64 itimer_advance(struct itimer *timer, u64 now);

/* The time left in .deadline, as timer_gettime(2) has it; 0: off or over. */
struct itimer itimer_remaining(struct itimer timer, u64 now);

/* struct itimerspec of the ABI, with .deadline as the value: -EFAULT, -EINVAL.
 */
struct itimerspec_k;
__must_check int itimer_from_user(struct itimer *timer,
                                  const struct itimerspec_k __user *user);
__must_check int itimer_to_user(struct itimerspec_k __user *user,
                                const struct itimer *timer);

/* Queues the timer, wherever it was before; deadline 0 takes it off. */
void ktimer_set(struct ktimer *timer, u64 deadline);

/* Interrupt handlers: the thread calls fn soon, under task_lock. One fn only:
 * it is the terminal's. */
void ktimer_defer(void (*fn)(void));

/* Makes the thread. Returns 0 or -ENOMEM. */
__must_check int ktimer_init(void);
