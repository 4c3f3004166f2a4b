/*
 * Exceptions and interrupts: vectors, error-code bits, and what the assembly,
 * the page-fault handler and the rest of the room share.
 */
#pragma once

#define TRAP_DE  0
#define TRAP_DB  1
#define TRAP_NMI 2
#define TRAP_BP  3
#define TRAP_OF  4
#define TRAP_BR  5
#define TRAP_UD  6
#define TRAP_NM  7
#define TRAP_DF  8
#define TRAP_TS  10
#define TRAP_NP  11
#define TRAP_SS  12
#define TRAP_GP  13
#define TRAP_PF  14
#define TRAP_MF  16
#define TRAP_AC  17
#define TRAP_MC  18
#define TRAP_XM  19

#define IRQ_VECTOR_SERIAL   0x30
#define IRQ_VECTOR_TIMER    0xf0
#define IRQ_VECTOR_RESCHED  0xf1
#define IRQ_VECTOR_TLB      0xf2
#define IRQ_VECTOR_SPURIOUS 0xff

/* The error code of #PF (Intel SDM vol. 3, 4.7). */
#define PF_PROT  (1u << 0) /* the page was there: a protection fault */
#define PF_WRITE (1u << 1)
#define PF_USER  (1u << 2)
#define PF_RSVD  (1u << 3) /* a reserved bit was set in a table */
#define PF_INSTR (1u << 4)
#define PF_PK    (1u << 5)

#ifndef __ASSEMBLER__
#include <base/types.h>
#include <asm/cpu.h>
#include <asm/extable.h>
#include <asm/msr.h>
#include <asm/regs.h>

/* A kernel fault nobody can repair: prints reason, registers, backtrace, for
 * page faults the walk of CR2; stops the machine. */
void die(const char *reason, struct regs *regs) __noreturn;

/* The page-fault handler (fault.c). Interrupts off on entry; any on return. */
void do_page_fault(struct regs *regs, u64 error_code);

/* Every other exception and interrupt; same rules. */
void trap_dispatch(struct regs *regs, u64 vector, u64 error_code);

/* Interrupts (vector 32 and up). */
void irq_dispatch(const struct regs *regs, u64 vector);

/* Remembers an exception of user mode for the signal frame's trapno, err and
 * cr2. A macro, since struct thread is not complete here. */
#define trap_note(t, nr, error, address)                                       \
    ((t)->arch.trap_nr = (nr), (t)->arch.trap_error = (error),                 \
     (t)->arch.trap_cr2 = (address))

#endif
