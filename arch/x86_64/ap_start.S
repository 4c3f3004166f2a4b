/*
 * The first instructions of every processor but the first. A startup IPI
 * (Intel SDM vol. 3, 8.4.4) starts it in real mode at AP_START_PA, where smp.c
 * has copied what lies between ap_start and ap_start_end; it goes the same way
 * through the boot tables as the first one did and continues in ap_long_mode,
 * in the kernel's text, with what ap_hand_over holds for it.
 */
#include <asm/long_mode.h>
#include <asm/smp.h>
#include <asm/tss.h>

#define AT(label) ((label) - ap_start + AP_START_PA)

    .section .rodata
    .balign 16
    .globl ap_start, ap_start_end
    .code16
ap_start:
    cli
    cld
    xorw %ax, %ax
    movw %ax, %ds
    lgdtl AT(ap_gdt_pointer)
    movl %cr0, %eax
    orl $1, %eax /* PE */
    movl %eax, %cr0
    ljmpl $AP_CS32, $AT(ap_protected)

    .code32
ap_protected:
    movl $KERNEL_DS, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    ENABLE_LONG_MODE
    ljmpl $KERNEL_CS, $AT(ap_high)

    .code64
ap_high:
    movabsq $ap_long_mode, %rax
    jmp *%rax

    .balign 8
ap_gdt:
    .quad 0
    .quad 0x00cf9b000000ffff /* AP_CS32 */
    .quad 0x00af9b000000ffff /* KERNEL_CS */
    .quad 0x00cf93000000ffff /* KERNEL_DS */
ap_gdt_pointer:
    .short . - ap_gdt - 1
    .long AT(ap_gdt)
ap_start_end:

    .text
ap_long_mode:
    xorl %edi, %edi
    xchgq %rdi, ap_hand_over + AP_CPU
    testq %rdi, %rdi
    jz ap_too_late
    movq ap_hand_over + AP_CR3, %rax
    movq %rax, %cr3
    movq ap_hand_over + AP_STACK, %rsp
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    xorl %ebp, %ebp /* backtraces end here */
    call ap_main
    ud2
ap_too_late:
    hlt
    jmp ap_too_late

    .section .note.GNU-stack, "", @progbits
