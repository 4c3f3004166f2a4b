/*
 * The scheduler: one run queue per CPU, the most important thread first and
 * else round robin; blocking, waking. A run queue's lock guards the scheduling
 * state of the threads that belong to its CPU and is held across the switch:
 * the thread switched to lets it go. So a waker on another CPU never sees a
 * thread whose stack is still in use. Interrupts are off while the lock is
 * held.
 */
#include <arch/machine.h>
#include <arch/tlb.h>
#include <base/printk.h>
#include <kernel/cpu.h>
#include <kernel/cputime.h>
#include <kernel/sched.h>
#include <kernel/thread.h>
#include <kernel/trace_stream.h>

/* Asks for a tick: somebody is going to run here. */
static void tick_begin(struct runqueue *rq)
{
    if (likely(rq->ticking))
        return;
    rq->ticking = true;
    rq->tick_at = time_ns() + TICK_NS;
    timer_rearm(rq);
}

/* Into its place by priority: behind its equals, or before them; asks whoever
 * runs there, and is less important, to let go. */
static __noinline void ready_insert(struct cpu *cpu, struct thread *t,
                                    bool before)
{
    int next = t->sched.prio + before;
    struct thread *pos;

    list_for_each_entry (pos, &cpu->rq.ready, run_link)
        if (pos->sched.prio < next)
            break;
    t->state = THREAD_READY;
    list_add_tail(&t->run_link, &pos->run_link);
    cpu->rq.count++;
    if (t->sched.prio <= cpu->running->sched.prio)
        return;
    __atomic_fetch_or(&cpu->running->work, WORK_PREEMPT, __ATOMIC_SEQ_CST);
    if (cpu != this_cpu())
        cpu_interrupt(cpu);
}

/* At the end, which is where most belong. */
static inline void ready_append(struct runqueue *rq, struct thread *t)
{
    t->state = THREAD_READY;
    list_add_tail(&t->run_link, &rq->ready);
    rq->count++;
}

static inline void ready_add(struct cpu *cpu, struct thread *t, bool before)
{
    struct runqueue *rq = &cpu->rq;

    if (likely(!t->sched.prio && !before))
        ready_append(rq, t);
    else
        ready_insert(cpu, t, before);
    if (likely(cpu == this_cpu()))
        tick_begin(rq);
    else if (!rq->ticking || cpu->running == cpu->idle)
        cpu_interrupt(cpu); /* it arms its own timer, or wakes up */
}

void rq_add(struct cpu *cpu, struct thread *t, bool before)
{
    ready_add(cpu, t, before);
}

struct thread *rq_take(struct runqueue *rq, struct thread *t)
{
    list_del(&t->run_link);
    rq->count--;
    return t;
}

void sched_interrupt(void)
{
    struct cpu *cpu = this_cpu();

    spin_lock_hot(&cpu->rq.lock);
    if (cpu->rq.count && cpu->running != cpu->idle)
        tick_begin(&cpu->rq);
    spin_unlock_hot(&cpu->rq.lock);
}

static __slow_half void note_switch(const struct thread *next)
{
    trace_switch(current->tid, next->tid, next->start_cycles);
}

static inline void switch_to(struct thread *prev, struct thread *next)
{
    next->state = THREAD_RUNNING;
    if (next == prev)
        return;
    prev->switches++;
    next->start_cycles = cycles();
    prev->run_cycles += next->start_cycles - prev->start_cycles;
    if (unlikely(trace_streams))
        slow_call(note_switch, next);
    arch_switch(prev, next);
}

/* Nobody is ready here. */
static __noinline void switch_idle(struct cpu *cpu, struct thread *prev)
{
    struct thread *next = cpu_count > 1 ? sched_steal(cpu) : NULL;

    if (next)
        tick_begin(&cpu->rq);
    switch_to(prev, next ? next : cpu->idle);
}

/* Gives the CPU to the next thread. rq locked on entry and, whenever we come
 * back - perhaps on another CPU -, that CPU's rq is on exit. */
static void switch_away(struct cpu *cpu, struct thread *prev)
{
    struct runqueue *rq = &cpu->rq;

    if (rq->count)
        switch_to(prev, rq_take(rq, list_first_entry(&rq->ready, struct thread,
                                                     run_link)));
    else
        switch_idle(cpu, prev);
}

u64 thread_run_ns(const struct thread *t)
{
    u64 run = t->run_cycles;

    if (t->state == THREAD_RUNNING)
        run += cycles() - t->start_cycles;
    return cycles_to_ns(run);
}

/* The thread left has to go elsewhere, or has died: now that its stack is no
 * longer in use it can be sent on, or freed. */
static __cold void after_switch(struct cpu *cpu)
{
    struct thread *dead = cpu->reap;

    if (cpu->push)
        sched_push(cpu);
    if (dead) {
        cpu->reap = NULL;
        thread_free(dead);
    }
}

static inline void finish_switch(void)
{
    struct cpu *cpu = this_cpu();

    spin_unlock_hot(&cpu->rq.lock);
    if (unlikely((u64)cpu->push | (u64)cpu->reap))
        after_switch(cpu);
}

void sched_finish_switch(void)
{
    finish_switch();
}

void thread_prepare_block(enum wait_mode mode)
{
    thread_prepare(current, mode);
}

void thread_cancel_block(void)
{
    struct thread *t = current;
    u64 flags = spin_lock_irqsave(&t->cpu->rq.lock);

    t->state = THREAD_RUNNING;
    spin_unlock_irqrestore(&t->cpu->rq.lock, flags);
}

/* A signal that ends a wait of the thread's mode is there. */
static bool wait_broken(struct thread *t)
{
    return unlikely(READ_ONCE(t->work) & WORK_SIGNAL) &&
           t->wait_mode != WAIT_UNINTERRUPTIBLE &&
           thread_signal_pending(t->wait_mode);
}

/* Who may sleep has interrupts on: here and in the next they are just that. */
int thread_block(void)
{
    struct thread *t = current;

    lockdep_may_sleep();
    if (wait_broken(t)) {
        thread_cancel_block();
        return -EINTR;
    }
    irq_disable();
    spin_lock_hot(&t->cpu->rq.lock);
    if (t->state == THREAD_BLOCKED)
        switch_away(t->cpu, t);
    finish_switch();
    irq_enable();
    return wait_broken(t) ? -EINTR : 0;
}

int thread_block_timed(u64 deadline_ns)
{
    struct thread *t = current;

    lockdep_may_sleep();
    if (wait_broken(t)) {
        thread_cancel_block();
        return -EINTR;
    }
    t->timer_fired = false;
    irq_disable();
    spin_lock_hot(&t->cpu->rq.lock);
    if (t->state == THREAD_BLOCKED) {
        timer_add(&t->cpu->rq, t, deadline_ns);
        switch_away(t->cpu, t);
    }
    finish_switch();
    irq_enable();
    if (wait_broken(t))
        return -EINTR;
    return t->timer_fired ? -ETIMEDOUT : 0;
}

int thread_sleep_until(u64 deadline_ns, enum wait_mode mode)
{
    int r;

    do {
        thread_prepare_block(mode);
        r = thread_block_until(deadline_ns);
    } while (r == 0);
    return r == -ETIMEDOUT ? 0 : r;
}

/* A thread that has not yet left its CPU (it is between prepare and block)
 * just goes on. */
bool thread_unblock(struct thread *t)
{
    if (t->state != THREAD_BLOCKED)
        return false;
    if (unlikely(!list_empty(&t->timer_link)))
        list_del_init(&t->timer_link);
    if (t == t->cpu->running) {
        t->state = THREAD_RUNNING;
        return false;
    }
    return true;
}

/* Makes t, just unblocked and at home on a CPU whose rq is locked, ready where
 * it is to run; lets go of the rq. */
static __noinline void wake_placed(struct thread *t, struct cpu *home,
                                   bool next, u64 flags)
{
    struct cpu *to = this_cpu();

    if (!next || !(t->affinity & 1ul << to->id))
        to = sched_place(t, home);
    if (to == home) {
        ready_add(home, t, next);
        spin_unlock_hot(&home->rq.lock);
    } else {
        t->state = THREAD_NEW;
        spin_unlock_hot(&home->rq.lock);
        sched_send(to, t, next);
    }
    irq_restore(flags);
}

static __always_inline_ void wake(struct thread *t, bool next)
{
    u64 flags = irq_save();
    struct cpu *cpu = thread_lock_home(t);
    struct runqueue *rq = &cpu->rq;

    if (unlikely(!thread_unblock(t))) {
        spin_unlock_hot(&rq->lock);
    } else if (likely(cpu_count == 1 && !t->sched.prio && rq->ticking &&
                      !(next && rq->count))) {
        ready_append(rq, t);
        spin_unlock_hot(&rq->lock);
    } else {
        wake_placed(t, cpu, next, flags);
        return;
    }
    irq_restore(flags);
}

void thread_wake(struct thread *t)
{
    wake(t, false);
}

void thread_wake_next(struct thread *t)
{
    wake(t, true);
}

void thread_start(struct thread *t)
{
    u64 flags = irq_save();

    sched_send(sched_place(t, this_cpu()), t, false);
    irq_restore(flags);
}

/* before: it goes on as soon as those more important let it. */
static void yield(bool before)
{
    struct thread *t = current;
    u64 flags = irq_save();
    struct cpu *cpu = t->cpu;
    bool alone = false;

    lockdep_may_sleep();
    spin_lock_hot(&cpu->rq.lock);
    if (unlikely(!(t->affinity & 1ul << cpu->id))) {
        t->state = THREAD_NEW;
        cpu->push = t;
        switch_away(cpu, t);
    } else if (cpu->rq.count) {
        ready_add(cpu, t, before);
        switch_away(cpu, t);
    } else {
        alone = cpu_count > 1;
    }
    finish_switch();
    irq_restore(flags);
    /* Who yields waits for somebody: an emulator that runs one CPU at a time
     * takes this for the word to go on to the next. */
    if (alone)
        cpu_relax();
}

void thread_yield(void)
{
    yield(false);
}

u32 sched_slice(const struct sched_params *params)
{
    u32 slice = SLICE_TICKS * 16;

    if (params->policy == SCHED_IDLE)
        return 1;
    if (params->prio)
        return params->policy == SCHED_RR ? RR_TICKS : 0;
    for (int nice = params->nice; nice > 0; nice--)
        slice -= slice / 5; /* five steps are a factor of three */
    for (int nice = params->nice; nice < 0; nice++)
        slice += slice / 4;
    return min(max(slice / 16, 1u), SLICE_MAX);
}

void thread_set_sched(struct thread *t, const struct sched_params *params)
{
    u64 flags = irq_save();
    struct cpu *cpu = thread_lock_home(t);
    bool queued = t->state == THREAD_READY, down = params->prio < t->sched.prio;

    if (queued)
        rq_take(&cpu->rq, t);
    t->sched = *params;
    t->slice = t->slice_left = sched_slice(params);
    if (queued)
        ready_add(cpu, t, down); /* before its new equals, see sched(7) */
    else
        __atomic_fetch_or(&t->work, WORK_PREEMPT, __ATOMIC_SEQ_CST);
    spin_unlock_hot(&cpu->rq.lock);
    irq_restore(flags);
    thread_kick(t);
}

void thread_exit_final(void)
{
    struct thread *t = current;
    struct cpu *cpu = t->cpu;

    lockdep_no_locks();
    irq_disable();
    spin_lock_hot(&cpu->rq.lock);
    t->state = THREAD_DEAD;
    cpu->reap = t;
    switch_away(cpu, t);
    panic("a dead thread ran again");
}

void user_return_work(struct regs *regs)
{
    struct thread *t = current;

    while (READ_ONCE(t->work)) {
        u32 work = __atomic_exchange_n(&t->work, 0, __ATOMIC_ACQ_REL);

        irq_enable();
        if (work & WORK_SIGNAL)
            signal_deliver(regs);
        if (unlikely(work & WORK_CPUTIME))
            cpu_limits_check();
        if (work & (WORK_RESCHED | WORK_PREEMPT)) {
            u64 before = t->switches;

            yield(!(work & WORK_RESCHED));
            t->preempted += t->switches - before != 0;
        }
        irq_disable();
    }
}

void sched_init(void)
{
    struct cpu *cpu = this_cpu();

    spin_lock_init(&cpu->rq.lock);
    spin_lock_class(&cpu->rq.lock, LOCK_RUN_QUEUE);
    list_init(&cpu->rq.ready);
    list_init(&cpu->rq.timers);
    cpu->rq.armed = ~0ull;
    cpu->idle = current;
    thread_init_idle(cpu->idle, cpu);
    cpu->idle->state = THREAD_RUNNING;
}

void sched_idle_loop(void)
{
    struct cpu *cpu = this_cpu();
    u64 here = 1ul << cpu->id;

    for (;;) {
        irq_disable();
        spin_lock_hot(&cpu->rq.lock);
        if (cpu->rq.count)
            tick_begin(&cpu->rq);
        switch_away(cpu, cpu->idle);
        finish_switch();
        /* First the mask, then one more look: who adds a thread looks at the
         * mask after, and an interrupt ends the wait. */
        __atomic_fetch_or(&idle_cpus, here, __ATOMIC_SEQ_CST);
        if (!READ_ONCE(cpu->rq.count))
            cpu_idle();
        __atomic_fetch_and(&idle_cpus, ~here, __ATOMIC_SEQ_CST);
    }
}
