/* Between sched.c and timer.c only: both work under a run queue's lock. */
#ifndef KERNEL_SCHED_H
#define KERNEL_SCHED_H

#include <kernel/cpu.h>

struct thread;

#define SLICE_NS 10000000ull /* round-robin turn, 10 ms */

/* Sets the hardware timer to the soonest of tick, deadlines and limit. */
void timer_rearm(struct runqueue *rq);

/* Queues t to be woken at the deadline, time_ns(). */
void timer_add(struct runqueue *rq, struct thread *t, u64 deadline_ns);

/* Takes t off the timers if it is there; true if its time had come. */
bool timer_remove(struct thread *t);

/* thread_wake() for callers that hold the lock. */
void thread_wake_locked(struct thread *t);

#endif
