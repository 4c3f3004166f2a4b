/*
 * Interrupts: acknowledge, call whoever is concerned. irq_depth says that we
 * are in one, where nothing may sleep.
 */
#include <asm/setup.h>
#include <asm/smp.h>
#include <asm/traps.h>
#include <base/printk.h>
#include <kernel/console.h>
#include <kernel/cpu.h>
#include <kernel/thread.h>

void irq_dispatch(const struct regs *regs, u64 vector)
{
    struct cpu *cpu = this_cpu();

    cpu->irq_depth++;
    switch (vector) {
    case IRQ_VECTOR_TIMER:
        apic_eoi();
        timer_interrupt(regs_user(regs));
        break;
    case IRQ_VECTOR_RESCHED:
        apic_eoi();
        sched_interrupt();
        break;
    case IRQ_VECTOR_TLB:
        apic_eoi();
        tlb_serve();
        break;
    case IRQ_VECTOR_SERIAL:
        apic_eoi();
        console_input();
        break;
    case IRQ_VECTOR_SPURIOUS: /* is not acknowledged, SDM vol. 3, 10.9 */
        break;
    default:
        printk("unexpected interrupt, vector %lu\n", vector);
        apic_eoi();
    }
    cpu->irq_depth--;
}
