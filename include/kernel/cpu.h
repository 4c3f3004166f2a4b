/*
 * Per-CPU data, reached through GS. Only its own CPU writes it, except where
 * a field says otherwise.
 */
#pragma once

#include <base/types.h>
#include <base/list.h>
#include <base/spinlock.h>

/* Ready threads, the most important first and else round robin, and the
 * threads that wait for a time. */

struct runqueue {
    spinlock_t lock; /* taken in interrupts: irqsave */
    struct list_head ready;
    unsigned count;          /* on ready */
    bool ticking;            /* somebody runs: a tick is coming */
    u64 tick_at;             /* time_ns() of that tick */
    struct list_head timers; /* threads by timer_deadline, soonest first */
    u64 armed;               /* what the hardware timer is set to; ~0: not */
};

struct cpu {
    struct cpu *self;       /* assembly reads this through GS */
    struct thread *running; /* and this: `current` */
    u64 kernel_stack;       /* top of current's kernel stack; and this */
    u64 user_stack;         /* scratch of the syscall entry; and this */
    u32 id;
    u32 irq_depth;
    u32 locks; /* spinlocks held; and this */
    u32 owner; /* id + 1: what its spinlocks say; and this */
    struct thread *idle;
    struct thread *reap; /* dead, waiting for its stack to be left */
    struct thread *push; /* to go to another CPU once its stack is left */
    struct mm_struct *active_mm; /* whose page tables are loaded; may be NULL */
    struct runqueue rq;
    struct arch_cpu arch;
};

extern struct cpu *cpus[MAX_CPUS];
extern unsigned cpu_count;

/* CPUs with nothing to do. Atomic. */
extern u64 idle_cpus;
