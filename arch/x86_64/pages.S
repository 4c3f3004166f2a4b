/*
 * Whole pages, cleared and copied 32 bytes at a time where the CPU has AVX,
 * else by string instructions. A page fault does little else, so its cost is
 * theirs: 128 stores instead of 512.
 *
 * The registers belong to the thread that runs: the one used here is put on
 * the stack meanwhile, so that an interrupt, or a fault of the user's page and
 * a wait for its pager, may come at any point.
 */
#include <asm/extable.h>

    .text

/* clang-format off */
.macro YMM_SAVE
    subq $32, %rsp
    vmovdqu %ymm0, (%rsp)
.endm

.macro YMM_RESTORE
    vmovdqu (%rsp), %ymm0
    addq $32, %rsp
.endm
/* clang-format on */

/* void page_clear(void *page) */
    .globl page_clear
    .type page_clear, @function
page_clear:
    cmpb $0, cpu_has_avx(%rip)
    je 2f
    YMM_SAVE
    vpxor %xmm0, %xmm0, %xmm0
    movl $4, %ecx
1:
    .set at, 0
    .rept 32
    vmovdqa %ymm0, at(%rdi)
    .set at, at + 32
    .endr
    addq $1024, %rdi
    decl %ecx
    jnz 1b
    YMM_RESTORE
    ret
2:  xorl %eax, %eax
    movl $512, %ecx
    rep stosq
    ret

/* void page_copy(void *dst, const void *src) */
    .globl page_copy
    .type page_copy, @function
page_copy:
    cmpb $0, cpu_has_avx(%rip)
    je 2f
    YMM_SAVE
    movl $4, %ecx
1:
    .set at, 0
    .rept 32
    vmovdqa at(%rsi), %ymm0
    vmovdqa %ymm0, at(%rdi)
    .set at, at + 32
    .endr
    addq $1024, %rsi
    addq $1024, %rdi
    decl %ecx
    jnz 1b
    YMM_RESTORE
    ret
2:  movl $512, %ecx
    rep movsq
    ret

/* size_t user_page_copy(void *dst, const void *src): 0, or not 0 when some of
 * src, which need not be aligned, could not be read. */
    .globl user_page_copy
    .type user_page_copy, @function
user_page_copy:
    cmpb $0, cpu_has_avx(%rip)
    je 4f
    YMM_SAVE
    STAC
    movl $8, %eax
1:
    .set at, 0
    .rept 16
2:  vmovdqu at(%rsi), %ymm0
    EX_TABLE 2b, 3f
    vmovdqa %ymm0, at(%rdi)
    .set at, at + 32
    .endr
    addq $512, %rsi
    addq $512, %rdi
    decl %eax
    jnz 1b
3:  CLAC
    YMM_RESTORE
    ret
4:  movl $4096, %edx
    jmp user_copy

    .section .note.GNU-stack, "", @progbits
