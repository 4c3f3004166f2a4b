/*
 * The processor as the portable rooms see it. <asm/cpu.h> provides, inline:
 *
 *   struct arch_cpu                 the machine's part of struct cpu
 *   u32 cpu_id(void)                number of this CPU, 0 first
 *   u32 cpu_owner(void)             that plus one, for spinlocks
 *   struct cpu *this_cpu(void)      this CPU's data
 *   struct thread *thread_current(void)
 *   u64 irq_save(void)              disables interrupts, returns the old state
 *   void irq_restore(u64)
 *   void irq_enable(void), irq_disable(void)
 *   void cpu_relax(void)            one turn of a spin loop
 *   void cpu_idle(void)             interrupts on and wait for one, atomically;
 *                                   returns with interrupts off
 *   u64 cycles(void)                time stamp counter
 *   slow_call(f, a)                 calls f, a __slow_half, which saves all the
 *                                   registers it uses: so that the hot function
 *                                   around the call has none to save
 *
 * and the functions declared below are out of line.
 */
#pragma once

#include <base/types.h>

#define MAX_CPUS 64

struct spinlock;

#include <asm/cpu.h>

/* Spins until *l may be free; panics if this CPU already holds it. */
__slow_half void spin_wait(struct spinlock *l);

/* This CPU does nothing any more / all others are told to stop (a panic). */
void cpu_stop(void) __noreturn;
void cpus_stop_others(void);

/* Makes another CPU call sched_interrupt() (kernel) soon. */
void cpu_interrupt(struct cpu *cpu);
