/*
 * The first instructions: 32-bit protected mode, paging off, as multiboot2
 * leaves the machine (specification 3.3: EAX magic, EBX boot information).
 * Checks that this CPU can run us, maps the first 4 GiB with 2 MiB pages and
 * goes to long mode and kernel_main(). Linked where it is loaded.
 *
 * Boot tables, replaced by paging_init():
 *
 *   boot_pml4 [0]   -> boot_low  [0..3] -> boot_pd x 4: 0..4 GiB, 1:1
 *             [273] -> boot_low           the same as the direct map
 *             [511] -> boot_high [510] -> first boot_pd: the kernel's image
 */
#include <asm/long_mode.h>
#include <asm/tss.h>
#include "multiboot2.h"

#define COM1       0x3f8
#define EXIT_PORT  0xf4
#define BOOT_ERROR 0x13 /* END_BOOT_ERROR */
#define LARGE_PAGE 0x83 /* present, writable, 2 MiB */
#define TABLE      0x03

    .code32
    .section .boot, "ax"
    .globl _start
_start:
    cli
    cld
    movl %eax, %edi
    rdtsc /* the boot's length is counted from here */
    movl %eax, first_cycles_low
    movl %edx, first_cycles_low + 4
    movl $boot_scratch_top, %esp
    movl %ebx, %ebp

    movl $no_loader, %esi
    cmpl $MB2_LOADER_MAGIC, %edi
    jne fail
    movl $no_long_mode, %esi
    movl $0x80000000, %eax
    cpuid
    cmpl $0x80000001, %eax
    jb fail
    movl $0x80000001, %eax
    cpuid
    btl $29, %edx
    jnc fail
    movl $no_nx, %esi
    btl $20, %edx
    jnc fail

    /* 4 x 512 large pages, then the tables above them. */
    movl $boot_pd, %edi
    movl $LARGE_PAGE, %eax
1:  movl %eax, (%edi)
    addl $8, %edi
    addl $0x200000, %eax
    jnc 1b
    movl $boot_pd + TABLE, %eax
    movl %eax, boot_high + 510 * 8
    movl $boot_low, %edi
    movl $4, %ecx
2:  movl %eax, (%edi)
    addl $8, %edi
    addl $4096, %eax
    loop 2b
    movl $boot_low + TABLE, boot_pml4
    movl $boot_low + TABLE, boot_pml4 + 273 * 8
    movl $boot_high + TABLE, boot_pml4 + 511 * 8

    ENABLE_LONG_MODE
    lgdt boot_gdt_pointer
    ljmp $KERNEL_CS, $long_mode

/* Says the sentence at ESI on COM1, ends QEMU; on other machines, stops. */
fail:
    movw $COM1 + 5, %dx
    inb %dx, %al
    testb $0x20, %al
    jz fail
    lodsb
    testb %al, %al
    jz 3f
    movw $COM1, %dx
    outb %al, %dx
    jmp fail
3:  movb $BOOT_ERROR, %al
    outb %al, $EXIT_PORT
4:  cli
    hlt
    jmp 4b

    .code64
long_mode:
    movl $KERNEL_DS, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    movq $boot_stack_top, %rsp
    movl %ebp, %edi
    movq first_cycles_low, %rsi
    xorl %ebp, %ebp /* backtraces end here */
    movq $kernel_main, %rax
    call *%rax
    ud2

    .balign 8
boot_gdt:
    .quad 0, 0
    .quad 0x00af9b000000ffff /* KERNEL_CS */
    .quad 0x00cf93000000ffff /* KERNEL_DS */
boot_gdt_pointer:
    .short . - boot_gdt - 1
    .long boot_gdt
no_loader:
    .asciz "PANIC: boot: not started by a multiboot2 loader\n"
no_long_mode:
    .asciz "PANIC: boot: this CPU has no long mode (64 bits)\n"
no_nx:
    .asciz "PANIC: boot: this CPU has no NX (no-execute pages)\n"

    .section .boot.bss, "aw", @nobits
    .balign 4096
    .globl boot_pml4
boot_pml4:
    .skip 4096
boot_low:
    .skip 4096
boot_high:
    .skip 4096
boot_pd:
    .skip 4 * 4096
first_cycles_low:
    .skip 8
    .skip 64
boot_scratch_top:

    .section .note.GNU-stack, "", @progbits
