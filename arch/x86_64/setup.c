/* The order in which the machine comes up. */
#include <arch/machine.h>
#include <arch/setup.h>
#include <asm/setup.h>
#include <kernel/boot_info.h>
#include <kernel/cpu.h>

void arch_init_early(void)
{
    percpu_init_boot();
    uart_select(0);
    gdt_init(this_cpu());
    idt_init();
    features_init();
}

void arch_init_memory(void)
{
    acpi_init(boot_info.rsdp);
    paging_init();
}

void arch_init_devices(void)
{
    ist_init(this_cpu());
    fpu_init();
    apic_init();
    ioapic_init();
    timer_init(boot_info.first_cycles);
    rtc_init();
}
