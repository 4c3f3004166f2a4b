/*
 * Time comes due: the one-shot hardware timer serves thread deadlines, the
 * tick and the run's guest-time limit. A tick comes only while a thread runs:
 * it ends turns, and tells by what it interrupts how CPU time divides into the
 * user's and the system's, which then costs system calls nothing. All under
 * the run queue's lock.
 */
#include <arch/machine.h>
#include <base/printk.h>
#include <kernel/sched.h>
#include <kernel/thread.h>

static u64 limit_ns = ~0ull;

void timer_set_limit(u64 ns)
{
    struct runqueue *rq = &this_cpu()->rq;
    u64 flags = spin_lock_irqsave(&rq->lock);

    limit_ns = ns;
    timer_rearm(rq);
    spin_unlock_irqrestore(&rq->lock, flags);
}

void timer_rearm(struct runqueue *rq)
{
    u64 soonest = limit_ns;

    if (rq->ticking)
        soonest = min(soonest, rq->tick_at);
    if (!list_empty(&rq->timers))
        soonest = min(soonest,
                      list_first_entry(&rq->timers, struct thread, timer_link)
                          ->timer_deadline);
    if (soonest != rq->armed) {
        rq->armed = soonest;
        timer_arm(soonest);
    }
}

void timer_add(struct runqueue *rq, struct thread *t, u64 deadline_ns)
{
    struct thread *pos;

    t->timer_deadline = deadline_ns;
    list_for_each_entry (pos, &rq->timers, timer_link)
        if (pos->timer_deadline > deadline_ns)
            break;
    list_add_tail(&t->timer_link, &pos->timer_link);
    timer_rearm(rq);
}

/* Wakes the threads whose time has come. */
static void timers_expire(struct cpu *cpu, u64 now)
{
    struct runqueue *rq = &cpu->rq;

    while (!list_empty(&rq->timers)) {
        struct thread *t =
            list_first_entry(&rq->timers, struct thread, timer_link);

        if (t->timer_deadline > now)
            return;
        t->timer_fired = true;
        if (!thread_unblock(t))
            continue;
        rq_add(cpu, t, false);
    }
}

/* Counts for who runs, and ends its turn when others wait. */
static void tick(struct cpu *cpu, u64 now, bool user_mode)
{
    struct thread *t = cpu->running;
    u32 work = 0;

    cpu->rq.ticking = t != cpu->idle;
    if (!cpu->rq.ticking)
        return;
    cpu->rq.tick_at = now + TICK_NS;
    if (user_mode)
        t->user_ticks++;
    else
        t->system_ticks++;
    if (t->slice_left && !--t->slice_left) {
        t->slice_left = t->slice;
        if (cpu->rq.count)
            work = WORK_RESCHED;
    }
    if (unlikely(t->task && READ_ONCE(t->task->cpu_watched)))
        work |= WORK_CPUTIME;
    if (work)
        __atomic_fetch_or(&t->work, work, __ATOMIC_RELAXED);
}

void timer_interrupt(bool user_mode)
{
    struct cpu *cpu = this_cpu();
    struct runqueue *rq = &cpu->rq;
    u64 now = time_ns();

    if (now >= limit_ns) {
        printk("guest time limit reached\n");
        machine_end(-1, END_TIME_LIMIT);
    }
    spin_lock_hot(&rq->lock);
    rq->armed = ~0ull;
    timers_expire(cpu, now);
    if (rq->ticking && now >= rq->tick_at)
        tick(cpu, now, user_mode);
    timer_rearm(rq);
    spin_unlock_hot(&rq->lock);
}
