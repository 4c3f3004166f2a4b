/*
 * The way into long mode (Intel SDM vol. 3, 9.8.5), which every processor goes
 * once: 32-bit protected mode, paging off, before; the boot tables after. The
 * caller jumps to a 64-bit segment next. Changes eax, ecx, edx. Assembly only.
 */
#pragma once

/* clang-format off */
.macro ENABLE_LONG_MODE
    movl %cr4, %eax
    orl $0x20, %eax /* PAE */
    movl %eax, %cr4
    movl $boot_pml4, %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx /* EFER: LME, NXE */
    rdmsr
    orl $0x900, %eax
    wrmsr
    movl %cr0, %eax
    orl $0x80000001, %eax /* PG, PE */
    movl %eax, %cr0
.endm
