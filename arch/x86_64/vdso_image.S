/*
 * The vDSO in the kernel's image: its pages, which exec maps into programs,
 * and before them the one with what it reads.
 */
#include <asm/page.h>

    .data
    .balign PAGE_SIZE
    .globl vdso_data_page
vdso_data_page:
    .zero PAGE_SIZE

    .section .rodata, "a"
    .balign PAGE_SIZE
    .globl vdso_start, vdso_end
vdso_start:
    .incbin VDSO_FILE
    .balign PAGE_SIZE
vdso_end:

    .section .note.GNU-stack, "", @progbits
