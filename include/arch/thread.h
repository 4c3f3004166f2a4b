/*
 * What the scheduler, exec, fork and signals need of the machine: the saved
 * user registers and the switch.
 *
 * struct regs lies at the top of the kernel stack of every thread that came
 * from user mode. <asm/regs.h> defines it; portable code uses the accessors.
 */
#pragma once

#include <base/types.h>
#include <asm/regs.h>

struct thread;
struct siginfo;
struct sigaction_k;

/*
 * struct arch_thread (in <asm/regs.h>) is the machine's part of struct thread:
 * saved stack pointer, FS and GS base, pointer to the FPU area.
 *
 * <asm/regs.h> also provides, inline:
 *   struct regs *thread_regs(struct thread *t)  user registers of t
 *   u64 regs_ip(r), regs_sp(r), regs_syscall(r)
 *   bool regs_user(r)         came from user mode
 *   long regs_return(r), void regs_set_return(r, long v)  the result
 */

/*
 * Prepares t so that the first switch to it runs entry(arg) on its kernel
 * stack, with interrupts off and the scheduler's rules; entry never returns.
 */
void arch_thread_init_kernel(struct thread *t, void (*entry)(void *),
                             void *arg);

/*
 * Prepares t to return to user mode with a copy of parent's user registers,
 * result 0, and, if stack is not 0, that stack pointer. Copies FPU state and
 * segment bases; with set_tls the FS base becomes tls.
 * Returns 0 or -ENOMEM.
 */
__must_check int arch_thread_init_fork(struct thread *t, struct thread *parent,
                                       u64 stack, bool set_tls, u64 tls);

/* Resets the user registers and FPU of the current thread for a new program
 * that begins at ip with stack pointer sp. */
void arch_thread_exec(u64 ip, u64 sp);

/* Leaves the kernel for user mode with thread_regs(current); never returns.
 * Also the first instructions of pid 1. */
void arch_enter_user(void) __noreturn;

/* Frees what t's arch part owns. */
void arch_thread_free(struct thread *t);

/*
 * Switches kernel stacks from prev to next: address space, registers, FPU,
 * segment bases, TSS stack, current pointer.
 * Interrupts off. Returns, later, in prev.
 */
void arch_switch(struct thread *prev, struct thread *next);

/* arch_prctl(2): ARCH_SET_FS, ARCH_GET_FS, ARCH_SET_GS, ARCH_GET_GS.
 * Returns 0, -EPERM (address beyond user space), -EFAULT, -EINVAL. */
long arch_prctl(int code, u64 addr);

/*
 * Pushes a signal frame, as sigaction(2) and the x86-64 ABI lay it out, for
 * the handler in sa, and points the user registers at it. mask is the signal
 * mask to restore. onstack: address to use as the stack's top, or 0 for the
 * current one. Returns 0 or -EFAULT (no usable stack: the caller kills).
 */
__must_check int arch_signal_frame(struct thread *t, int sig,
                                   const struct siginfo *info,
                                   const struct sigaction_k *sa, u64 mask,
                                   u64 onstack);

/* rt_sigreturn(2): restores the user registers and what else the frame holds,
 * checked; the mask goes into *mask. Returns 0 or -EFAULT. */
__must_check int arch_sigreturn(u64 *mask);

/* Makes the interrupted system call run again (ip back over the instruction,
 * number restored). */
void arch_restart_syscall(struct regs *r);

/* Prints the user registers, for a killed task in verbose mode or a panic. */
void regs_print(const struct regs *r);
