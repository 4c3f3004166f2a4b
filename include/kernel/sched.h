/*
 * Inside the scheduler only: what sched.c, sched_smp.c and timer.c share. All
 * with interrupts off; "locked" means that run queue's lock.
 */
#pragma once

#include <kernel/cpu.h>
#include <kernel/thread.h>

#define TICK_NS     2000000ull /* while a thread runs: 2 ms */
#define SLICE_TICKS 5u         /* a turn at nice 0 */
#define SLICE_MAX   200u
#define RR_TICKS    50u /* a turn of SCHED_RR, 100 ms */
#define SCHED_OTHER 0
#define SCHED_FIFO  1
#define SCHED_RR    2
#define SCHED_BATCH 3
#define SCHED_IDLE  5

#define PRIO_KERNEL 100 /* above SCHED_FIFO and SCHED_RR's 1..99 */

/* Makes t ready on cpu, whose rq is locked, behind or before its equals / takes
 * it off again. */
void rq_add(struct cpu *cpu, struct thread *t, bool before);
struct thread *rq_take(struct runqueue *rq, struct thread *t);

/* Ends t's wait; its home's rq locked. True: it has to be made ready; false:
 * it was not waiting, or had not left its CPU yet. */
bool thread_unblock(struct thread *t);

/* ---- sys_sched_policy.c ---- */

/* The thread of a task with that number, 0: the caller; NULL. task_lock. */
struct thread *sched_target(int tid);

/* ---- timer.c ---- */

/* Sets the hardware timer to the soonest of tick, deadlines and limit. */
void timer_rearm(struct runqueue *rq);

/* Queues t, blocked and at home on this rq, to be woken at the deadline;
 * locked. Whoever wakes it sooner takes it off. */
void timer_add(struct runqueue *rq, struct thread *t, u64 deadline_ns);

/* ---- sched_smp.c ---- */

/* Locks the run queue t belongs to and returns its CPU. */
static inline struct cpu *thread_lock_home(struct thread *t)
{
    for (;;) {
        struct cpu *cpu = READ_ONCE(t->cpu);

        spin_lock_hot(&cpu->rq.lock);
        if (likely(cpu == t->cpu))
            return cpu;
        spin_unlock_hot(&cpu->rq.lock);
    }
}

/* The CPU on which t, at home on `home`, should run: home if it is idle, else
 * an idle one, else home. */
struct cpu *sched_place_among(struct thread *t, struct cpu *home);
static inline struct cpu *sched_place(struct thread *t, struct cpu *home)
{
    return likely(cpu_count == 1) ? home : sched_place_among(t, home);
}

/* The same for t that nobody else may touch (on no queue), with no rq locked.
 */
void sched_send(struct cpu *cpu, struct thread *t, bool before);

/* A thread waiting on another CPU that may run here, now belonging to cpu;
 * NULL: none. cpu's rq locked. */
struct thread *sched_steal(struct cpu *cpu);

/* Sends cpu->push where it may run. No rq locked. */
void sched_push(struct cpu *cpu);
