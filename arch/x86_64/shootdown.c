/*
 * TLB shootdown: asking the CPUs that run an address space to forget part of
 * it, and waiting until they have. Each CPU has one request of its own and a
 * mask of who wants something from it, so that several may ask at once.
 *
 * Whoever waits here, or for a spinlock, serves the others meanwhile
 * (tlb_serve()), even with interrupts off: nobody waits for somebody who waits
 * for him.
 */
#include <asm/shootdown.h>
#include <arch/tlb.h>
#include <asm/smp.h>
#include <asm/traps.h>
#include <kernel/cpu.h>
#include <mm/mm.h>

void tlb_flush_here(u64 start, u64 end)
{
    if ((end - start) >> PAGE_SHIFT > TLB_FLUSH_SINGLES)
        cr3_write(cr3_read());
    else
        for (; start < end; start += PAGE_SIZE)
            invlpg(start);
}

/* Does what CPU `from` asks and says so. */
static void serve_one(struct cpu *me, struct cpu *from)
{
    const struct tlb_request *rq = &from->arch.tlb_request;

    if (rq->mm && rq->mm == me->active_mm)
        tlb_flush_here(rq->start, rq->end);
    else if (!rq->mm && rq->end)
        tlb_flush_kernel_here();
    __atomic_fetch_and(&from->arch.tlb_pending, ~(1ul << me->id),
                       __ATOMIC_RELEASE);
}

void tlb_serve(void)
{
    struct cpu *me = this_cpu();
    u64 from;

    if (likely(!READ_ONCE(me->arch.tlb_from)))
        return;
    from = __atomic_exchange_n(&me->arch.tlb_from, 0, __ATOMIC_ACQ_REL);
    for (; from; from &= from - 1)
        serve_one(me, cpus[__builtin_ctzl(from)]);
}

void tlb_shootdown(struct mm_struct *mm, u64 start, u64 end, u64 targets)
{
    struct cpu *me = this_cpu();
    u64 here = 1ul << me->id, left;

    me->arch.tlb_request = (struct tlb_request){mm, start, end};
    __atomic_store_n(&me->arch.tlb_pending, targets, __ATOMIC_RELEASE);
    for (left = targets; left; left &= left - 1) {
        struct cpu *cpu = cpus[__builtin_ctzl(left)];

        /* Somebody's interrupt may be on its way there already. */
        if (!__atomic_fetch_or(&cpu->arch.tlb_from, here, __ATOMIC_ACQ_REL))
            ipi_send(cpu, IRQ_VECTOR_TLB);
    }
    while (__atomic_load_n(&me->arch.tlb_pending, __ATOMIC_ACQUIRE)) {
        tlb_serve();
        cpu_relax();
    }
}
