/*
 * More than one processor: starting them, and the interrupts they send each
 * other. Assembly includes this too.
 */
#pragma once

/* Where a starting processor's first instructions lie: below 1 MiB, and the
 * startup IPI names it by its page number. */
#define AP_START_PA 0x8000
#define AP_CS32     0x08

/* Offsets in struct ap_hand_over. */
#define AP_CR3   0
#define AP_STACK 8
#define AP_CPU   16

#ifndef __ASSEMBLER__
#include <base/types.h>

/* What a starting processor finds; one starts at a time. It takes cpu away:
 * who finds none has been given up and is too late. */
struct ap_hand_over {
    u64 cr3, stack;
    struct cpu *cpu; /* atomic */
};

/* Processors beside this one, as the MADT lists them (acpi.c). */
#define ACPI_MAX_CPUS 64
extern u8 acpi_apic_ids[ACPI_MAX_CPUS];
extern unsigned acpi_apic_count;

/* Sends an interrupt to one CPU. */
void ipi_send(const struct cpu *cpu, u8 vector);
/* Startup: INIT, then STARTUP at page `page`, to one APIC. */
void ipi_init(u32 apic_id);
void ipi_startup(u32 apic_id, u8 page);

/* Does what other CPUs' shootdowns ask of this one; for the interrupt, and
 * for loops that wait with interrupts off. */
void tlb_serve(void);

#endif
