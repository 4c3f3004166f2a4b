/*
 * The I/O APIC: sends a device's interrupt to a CPU as a vector (82093AA
 * datasheet). Two registers, a selector and a window.
 */
#include <asm/setup.h>
#include <kernel/cpu.h>

#define SELECT      0
#define WINDOW      4 /* in words: offset 0x10 */
#define REDIRECTION 0x10

/* MADT 5.2.12.5: polarity in bits 0..1, trigger in bits 2..3 of the flags. */
#define MADT_ACTIVE_LOW 3
#define MADT_LEVEL      3

#define ENTRY_ACTIVE_LOW (1u << 13)
#define ENTRY_LEVEL      (1u << 15)

static volatile u32 *registers;

static void ioapic_write(u32 reg, u32 v)
{
    registers[SELECT] = reg;
    registers[WINDOW] = v;
}

void ioapic_init(void)
{
    registers = mmio_map(acpi_info.ioapic);
}

void ioapic_route(unsigned isa_irq, u8 vector)
{
    u32 pin = acpi_info.irq_gsi[isa_irq];
    u16 flags = acpi_info.irq_flags[isa_irq];
    u32 low = vector;

    if ((flags & 3) == MADT_ACTIVE_LOW)
        low |= ENTRY_ACTIVE_LOW;
    if ((flags >> 2 & 3) == MADT_LEVEL)
        low |= ENTRY_LEVEL;
    ioapic_write(REDIRECTION + 2 * pin + 1, this_cpu()->arch.apic_id << 24);
    ioapic_write(REDIRECTION + 2 * pin, low);
}
