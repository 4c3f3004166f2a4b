/*
 * The machine's devices that the kernel itself drives: console UART, timer,
 * power. All may be called with interrupts off.
 */
#pragma once

#include <base/types.h>

/* How the run ended, as the runner sees it (docs/booting.md). */
enum end_kind {
    END_ORDERLY = 0x10,
    END_PANIC = 0x11,
    END_TIME_LIMIT = 0x12,
    END_BOOT_ERROR = 0x13,
    END_FRAME_LEAK = 0x14,
};

/* Reports status (0..255; -1: none) and kind, then powers off; never returns.
 */
void machine_end(int status, enum end_kind kind) __noreturn;

/* Console UART: writes n bytes as they are. Polled. */
void uart_write(const char *s, size_t n);

/* Selects COM1 (0) to COM4 (3) from here on. */
void uart_select(int port);

/* QEMU's debug console: n bytes, unbuffered. */
void debug_write(const void *data, size_t n);

/* From here on system calls enter through trace_syscall() (kernel). Once,
 * before there are other processors. */
void arch_trace_syscalls(void);

/* Next byte received, or -1. Called by the interrupt handler's consumer. */
int uart_getc(void);

/* Turns the receive interrupt on; each one calls console_input() (kernel). */
void uart_enable_irq(void);

/* Time: cycles per microsecond (calibrated once), conversions. */
u64 cycles_to_ns(u64 cycles);
u64 ns_to_cycles(u64 ns);

/* Nanoseconds since boot. */
u64 time_ns(void);

/* Seconds since the epoch, from the real-time clock; read at boot. */
u64 rtc_seconds(void);

/* Arms this CPU's one-shot timer for absolute time_ns() value; ~0: disarm. It
 * calls timer_interrupt() (kernel) with interrupts off. */
void timer_arm(u64 deadline_ns);

/* The pages of the vDSO, physical: its code, and one that it reads. */
struct vdso_pages {
    u64 code, size, data;
};
struct vdso_pages arch_vdso_pages(void);

/* Fills n bytes from RDRAND or, without it, from a seeded mix of the TSC. */
void hw_random(void *buf, size_t n);

/* The CPU's feature word for AT_HWCAP, see getauxval(3). */
u32 arch_hwcap(void);

/* Prints the stack's return addresses with symbols, from this frame or bp. */
void backtrace_print(u64 bp);

/* Prints the stack pointer, control registers and CPU number of this moment. */
void registers_print(void);

/* Prints the four entries that translate va in the current page tables. */
void walk_print(u64 va);

/* Name of the function that holds addr and the offset in it; NULL if none. */
const char *symbol_lookup(u64 addr, u64 *offset);
