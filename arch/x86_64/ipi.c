/*
 * Interrupts between processors (Intel SDM vol. 3, 10.6): the interrupt
 * command register of the local APIC, one 64-bit MSR or two words of memory.
 */
#include <asm/setup.h>
#include <asm/smp.h>
#include <asm/traps.h>
#include <kernel/cpu.h>

#define ICR_NMI        (4u << 8)
#define ICR_INIT       (5u << 8)
#define ICR_STARTUP    (6u << 8)
#define ICR_ASSERT     (1u << 14)
#define ICR_ALL_OTHERS (3u << 18)

/* Interrupts off in between: the two halves belong together. */
static void icr_send(u32 apic_id, u32 command)
{
    u64 flags = irq_save();

    apic_icr_write(apic_id, command);
    irq_restore(flags);
}

void ipi_send(const struct cpu *cpu, u8 vector)
{
    icr_send(cpu->arch.apic_id, ICR_ASSERT | vector);
}

void cpu_interrupt(struct cpu *cpu)
{
    ipi_send(cpu, IRQ_VECTOR_RESCHED);
}

void cpu_stop(void)
{
    for (;;)
        __asm__ volatile("cli; hlt");
}

void cpus_stop_others(void)
{
    if (cpu_count > 1)
        icr_send(0, ICR_ALL_OTHERS | ICR_ASSERT | ICR_NMI);
}

void ipi_init(u32 apic_id)
{
    icr_send(apic_id, ICR_ASSERT | ICR_INIT);
}

void ipi_startup(u32 apic_id, u8 page)
{
    icr_send(apic_id, ICR_ASSERT | ICR_STARTUP | page);
}
