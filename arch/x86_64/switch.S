/*
 * Changing stacks. A thread that does not run has on its kernel stack, from
 * thread.arch.sp up: r15 r14 r13 r12 rbx rbp, and where to return to; a new
 * one has the trampoline there (struct switch_frame in thread.c).
 */
    .text

/* void stack_switch(u64 *save_sp, u64 load_sp) */
    .globl stack_switch
    .type stack_switch, @function
stack_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret

/* First instructions of a kernel thread: entry in rbx, its argument in r12. */
    .globl thread_begin
    .type thread_begin, @function
thread_begin:
    call sched_finish_switch
    movq %r12, %rdi
    call *%rbx
    ud2

/* First instructions of a forked thread: its user registers are in place. */
    .globl thread_begin_user
    .type thread_begin_user, @function
thread_begin_user:
    call sched_finish_switch
    jmp arch_enter_user

    .section .note.GNU-stack, "", @progbits
