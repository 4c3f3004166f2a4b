/*
 * Steps of bringing the machine up, in the order kernel/main.c takes them, and
 * what the files of this room share among themselves.
 */
#pragma once

#include <base/types.h>

struct cpu;

/* linker.ld */
extern char kernel_image_start[], kernel_image_end[];
extern char text_start[], text_end[], rodata_start[], rodata_end[];
extern char data_start[], data_end[];
extern char boot_stack_guard[], boot_stack[], boot_stack_top[];
extern char early_ist_top[];

/* ---- percpu.c, gdt.c, idt.c, features.c ---- */

/* This CPU's struct cpu behind GS: before anything that takes a lock. */
void percpu_init_boot(void);
/* Segments and task state; then the interrupt table, shared by all CPUs. */
void gdt_init(struct cpu *cpu);
void idt_init(void);
void idt_load(void);
/* Stacks with guard pages for #DF, NMI and #MC, replacing the boot one. */
void ist_init(struct cpu *cpu);
/* Protection bits and SYSCALL registers of this CPU. */
void features_init(void);
/* The part every other CPU does for itself. */
void features_init_cpu(void);

/* Where SYSCALL enters (entry.S); the traced stub if the trace asks. */
void syscall_entry(void);
void syscall_entry_traced(void);
extern void (*syscall_stub)(void);

/* CPUID 7.0 and 1, read once. */
extern bool cpu_has_smap, cpu_has_smep, cpu_has_umip, cpu_has_x2apic,
    cpu_has_rdtscp;
/* Set once user code's AVX state is being saved and restored (fpu_init()). */
extern bool cpu_has_avx;

/* ---- paging.c ---- */

/* Builds and loads the final tables: image, direct map, descriptors. */
void paging_init(void);
/* Maps a device's registers, uncached; returns where. After paging_init(). */
volatile void *mmio_map(phys_addr_t pa);

/* ---- walk.c ---- */

/* The entries that translate va in the root at CR3, walk[0] = root level.
 * Returns the level of the last one (0: page); entries below it are 0. */
int walk_entries(u64 va, u64 walk[4]);

/* selftest_fault.c */
void selftest_vmalloc(void);
void selftest_spurious(void);
void selftest_oops_arm(void);
/* Can the kernel read va? */

bool va_mapped(u64 va);

/* ---- backtrace.c ---- */

/* " <address> symbol+offset" and a newline. */
void address_print(u64 addr);

/* ---- acpi.c: the MADT, read while low memory is still mapped 1:1 ---- */

struct acpi_info {
    phys_addr_t ioapic;
    u32 ioapic_gsi_base;
    u32 irq_gsi[16]; /* ISA interrupt -> global interrupt */
    u16 irq_flags[16];
};
extern struct acpi_info acpi_info;
void acpi_init(const u8 *rsdp);

/* ---- apic.c, ioapic.c, timer.c ---- */

void apic_init(void);
/* This CPU's own APIC; apic_init() has found where they all are. */
void apic_init_cpu(void);
/* The interrupt command: to whom and what (ipi.c). Interrupts off. */
void apic_icr_write(u32 apic_id, u32 command);
void apic_eoi(void);
/* The APIC's timer: start it with count; counts left. */
void apic_timer_set(u32 count);
u32 apic_timer_left(void);
void ioapic_init(void);
void ioapic_route(unsigned isa_irq, u8 vector);
/* Calibrates the time stamp counter and the APIC timer. */
void timer_init(u64 first_cycles);
void rtc_init(void);

/* ---- fpu.c ---- */

void fpu_init(void);
void fpu_init_cpu(void);
