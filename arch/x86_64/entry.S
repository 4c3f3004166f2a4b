/*
 * Ways into the kernel and back out: exceptions and interrupts, the page fault
 * (the most frequent of them, so it has a way of its own), SYSCALL. Assembly
 * saves, calls and restores; everything else is C. The frame is struct regs
 * (asm/regs.h); on an entry from user mode it ends at the top of the thread's
 * kernel stack:
 *
 *      +160  ss       |
 *      +152  sp       |  by the CPU, or syscall_entry
 *      +144  flags    |
 *      +136  cs       |
 *      +128  ip       |
 *      +120  orig_ax  |  the CPU's error code until we replace it by -1
 *      +112  di
 *      +104  si
 *       +96  dx
 *       +88  cx          (SYSCALL: ip)
 *       +80  ax
 *       +72  r8
 *       +64  r9
 *       +56  r10
 *       +48  r11         (SYSCALL: flags)
 *       +40  bx
 *       +32  bp
 *       +24  r12
 *       +16  r13
 *        +8  r14
 *   sp -> 0  r15
 *
 * GS: user mode runs with the user's base, the kernel with this CPU's data;
 * whoever crosses the line swaps. Interrupts are off on every entry.
 */
#include <asm/extable.h>
#include <asm/page.h>
#include <asm/traps.h>
#include <asm/tss.h>
#include <asm_offsets.h>

    .text
    /* Backtraces end here: what called us is not a C function. */
    .cfi_sections .debug_frame
    .cfi_startproc
    .cfi_undefined rip

.macro PUSH_REGS_AFTER_DI
    pushq %rsi
    pushq %rdx
    pushq %rcx
    pushq %rax
    PUSH_REGS_AFTER_AX
.endm

.macro PUSH_REGS_AFTER_AX
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
.endm

.macro POP_CALLEE_SAVED
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
.endm

.macro POP_REGS
    POP_CALLEE_SAVED
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rax
    popq %rcx
    popq %rdx
    popq %rsi
    popq %rdi
.endm

/* Flags as C wants them: the CPU leaves DF and AC as they were. */
.macro CLEAN_FLAGS
    cld
    CLAC
.endm

/* ---- SYSCALL ---------------------------------------------------------- */

.macro SYSCALL_SAVE
    swapgs
    movq %rsp, %gs:CPU_USER_STACK
    movq %gs:CPU_KERNEL_STACK, %rsp
    pushq $USER_DS
    pushq %gs:CPU_USER_STACK
    pushq %r11
    pushq $USER_CS
    pushq %rcx
    pushq %rax
    pushq %rdi
    pushq %rsi
    pushq %rdx
    pushq %rcx
    pushq $-38 /* -ENOSYS, for numbers out of range */
    PUSH_REGS_AFTER_AX
    sti
    cmpq $NR_SYSCALLS, %rax
    jae syscall_done
.endm

/* The stub of a kernel that is asked to trace (arch/x86_64/traced.c). */
    .globl syscall_entry_traced
    .type syscall_entry_traced, @function
syscall_entry_traced:
    SYSCALL_SAVE
    movq %rsp, %rdi
    call syscall_traced
    jmp syscall_result

    .globl syscall_entry
    .type syscall_entry, @function
syscall_entry:
    SYSCALL_SAVE
    movq %r10, %rcx
    call *syscall_table(, %rax, 8)
syscall_result:
    movq %rax, REGS_AX(%rsp)
syscall_done:
    cli
#ifdef DEBUG
    call lockdep_no_locks
#endif
    movq %gs:CPU_CURRENT, %rax
    cmpl $0, THREAD_WORK(%rax)
    jne user_work

/* SYSRET takes ip from rcx and flags from r11. It may be used if user code
 * finds there what SYSCALL put there, and ip is one that cannot fault here. */
syscall_return:
    movq REGS_IP(%rsp), %rcx
    cmpq %rcx, REGS_CX(%rsp)
    jne user_return
    movq REGS_FLAGS(%rsp), %r11
    cmpq %r11, REGS_R11(%rsp)
    jne user_return
    testl $(1 << 16 | 1 << 8), %r11d /* RF, TF */
    jnz user_return
    movq %rcx, %rax
    shrq $47, %rax
    jnz user_return
    POP_CALLEE_SAVED
    popq %rax /* r11 has it */
    popq %r10
    popq %r9
    popq %r8
    popq %rax
    popq %rdx /* rcx has it */
    popq %rdx
    popq %rsi
    popq %rdi
    movq REGS_SP - REGS_ORIG_AX(%rsp), %rsp
    swapgs
    sysretq

user_work:
    movq %rsp, %rdi
    call user_return_work
    jmp syscall_return

/* ---- leaving by IRET -------------------------------------------------- */

/* void arch_enter_user(void): straight to what thread_regs(current) says. */
    .globl arch_enter_user
    .type arch_enter_user, @function
arch_enter_user:
    cli
    movq %gs:CPU_KERNEL_STACK, %rsp
    subq $REGS_SIZE, %rsp
    jmp check_work

/* After an exception: rsp is at the regs, whose privilege decides. */
trap_return:
    cli
    testb $3, REGS_CS(%rsp)
    jz kernel_return
check_work:
    movq %gs:CPU_CURRENT, %rax
    cmpl $0, THREAD_WORK(%rax)
    jne user_work
user_return:
    POP_REGS
    swapgs
    addq $8, %rsp
    .globl iret_to_user
iret_to_user:
    iretq

kernel_return:
    POP_REGS
    addq $8, %rsp
    iretq

/* ---- page fault ------------------------------------------------------- */

    .globl page_fault_entry
    .type page_fault_entry, @function
page_fault_entry:
    CLEAN_FLAGS
    testb $3, 16(%rsp)
    jz 1f
    swapgs
1:  pushq %rdi
    PUSH_REGS_AFTER_DI
    movq %rsp, %rdi
    movq REGS_ORIG_AX(%rsp), %rsi
    movq $-1, REGS_ORIG_AX(%rsp)
    call do_page_fault
    jmp trap_return

/* ---- the other exceptions and the interrupts -------------------------- */

/* 256 stubs of 16 bytes: an error code where the CPU pushed none, and the
 * vector in edi. #DF and #MC have entries of their own below. */
    .balign 16
    .globl trap_stubs
trap_stubs:
    .set vector, 0
    .rept 256
    .balign 16
    .if !(vector == 10 || vector == 11 || vector == 12 || vector == 13 || \
          vector == 17 || vector == 21 || vector == 29 || vector == 30)
    pushq $0
    .endif
    pushq %rdi
    movl $vector, %edi
    jmp trap_common
    .set vector, vector + 1
    .endr

    .type trap_common, @function
trap_common:
    CLEAN_FLAGS
    PUSH_REGS_AFTER_DI
    testb $3, REGS_CS(%rsp)
    jnz 1f
    /* An IRET to user mode that fails does so with the user's GS. */
    movq $iret_to_user, %rsi
    cmpq %rsi, REGS_IP(%rsp)
    jne 2f
1:  swapgs
2:  movl %edi, %esi
    movq %rsp, %rdi
    movq REGS_ORIG_AX(%rsp), %rdx
    movq $-1, REGS_ORIG_AX(%rsp)
    call trap_dispatch
    jmp trap_return

/* ---- NMI, double fault, machine check --------------------------------- */

/* They come at any moment, even between the entry and its swapgs, on stacks of
 * their own: ask the CPU whose GS base it is. ebx remembers the answer. */
.macro PARANOID_ENTRY name, number, has_code
    .globl \name
    .type \name, @function
\name:
    .if !\has_code
    pushq $0
    .endif
    pushq %rdi
    CLEAN_FLAGS
    PUSH_REGS_AFTER_DI
    movl $\number, %esi
    jmp paranoid_common
.endm
PARANOID_ENTRY nmi_entry, TRAP_NMI, 0
PARANOID_ENTRY double_fault_entry, TRAP_DF, 1
PARANOID_ENTRY machine_check_entry, TRAP_MC, 0

paranoid_common:
    xorl %ebx, %ebx
    movl $0xc0000101, %ecx /* MSR_GS_BASE: negative, the kernel's */
    rdmsr
    testl %edx, %edx
    js 1f
    swapgs
    incl %ebx
1:  movq %rsp, %rdi
    movq REGS_ORIG_AX(%rsp), %rdx
    movq $-1, REGS_ORIG_AX(%rsp)
    call trap_dispatch
    testl %ebx, %ebx
    jz kernel_return
    swapgs
    jmp kernel_return

    .cfi_endproc

    .section .note.GNU-stack, "", @progbits
