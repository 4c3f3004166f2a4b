/*
 * Threads and CPUs: where a woken thread goes, who helps whom. A thread changes
 * CPUs only while it is off all of them and under the lock of the queue it
 * leaves; a thread that must leave the CPU it runs on is switched away first
 * and sent on by the thread that follows it (cpu->push), when its stack is no
 * longer in use.
 */
#include <kernel/sched.h>
#include <kernel/thread.h>

u64 idle_cpus;

struct cpu *sched_place_among(struct thread *t, struct cpu *home)
{
    u64 allowed = READ_ONCE(t->affinity), idle;

    idle = __atomic_load_n(&idle_cpus, __ATOMIC_SEQ_CST) & allowed;
    if (idle & 1ul << home->id)
        return home;
    if (idle)
        return cpus[__builtin_ctzl(idle)];
    return allowed & 1ul << home->id ? home : cpus[__builtin_ctzl(allowed)];
}

void sched_send(struct cpu *cpu, struct thread *t, bool before)
{
    spin_lock_hot(&cpu->rq.lock);
    t->cpu = cpu;
    rq_add(cpu, t, before);
    spin_unlock_hot(&cpu->rq.lock);
}

void sched_push(struct cpu *cpu)
{
    struct thread *t = cpu->push;

    cpu->push = NULL;
    sched_send(sched_place(t, cpu), t, false);
}

/* The first thread of a queue that may run on the CPUs of mask. */
static struct thread *first_allowed(struct runqueue *rq, u64 mask)
{
    struct thread *t;

    list_for_each_entry (t, &rq->ready, run_link)
        if (t->affinity & mask)
            return rq_take(rq, t);
    return NULL;
}

/* Only tried: two CPUs may want to help each other. An idle CPU is about to
 * run what it has. */
static struct thread *steal_from(struct cpu *victim, struct cpu *cpu)
{
    struct thread *t = NULL;

    if (!READ_ONCE(victim->rq.count) || !spin_trylock_hot(&victim->rq.lock))
        return NULL;
    if (victim->running != victim->idle)
        t = first_allowed(&victim->rq, 1ul << cpu->id);
    if (t)
        t->cpu = cpu;
    spin_unlock_hot(&victim->rq.lock);
    return t;
}

struct thread *sched_steal(struct cpu *cpu)
{
    for (unsigned i = 1; i < cpu_count; i++) {
        struct cpu *victim = cpus[(cpu->id + i) % cpu_count];
        struct thread *t = steal_from(victim, cpu);

        if (t)
            return t;
    }
    return NULL;
}

void thread_kick(struct thread *t)
{
    struct cpu *cpu = READ_ONCE(t->cpu);

    if (cpu_count > 1 && cpu != this_cpu() && READ_ONCE(cpu->running) == t)
        cpu_interrupt(cpu);
}

void thread_set_affinity(struct thread *t, u64 mask)
{
    WRITE_ONCE(t->affinity, mask);
    if (t == current) {
        thread_yield();
    } else {
        __atomic_fetch_or(&t->work, WORK_RESCHED, __ATOMIC_SEQ_CST);
        thread_kick(t);
    }
}
