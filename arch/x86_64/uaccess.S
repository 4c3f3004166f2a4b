/*
 * Copies to and from user memory. Eight bytes at a time; when those fault and
 * are not aligned (their page may end in the middle of a word), what is left
 * goes byte by byte up to the very byte that faults. Each returns the number of
 * bytes not copied. The C callers have checked the range (uaccess.c).
 */
#include <asm/extable.h>

    .text

/* size_t user_copy(void *dst, const void *src, size_t n) */
    .globl user_copy
    .type user_copy, @function
user_copy:
    STAC
    movq %rdx, %rcx
    shrq $3, %rcx
    andl $7, %edx
1:  rep movsq
    movl %edx, %ecx
3:  rep movsb
4:  CLAC
    movq %rcx, %rax
    ret
5:  leaq (%rdx, %rcx, 8), %rcx
    movl %esi, %eax
    orl %edi, %eax
    testb $7, %al
    jnz 3b
    jmp 4b
    EX_TABLE 1b, 5b
    EX_TABLE 3b, 4b

/* size_t user_clear(void *dst, size_t n) */
    .globl user_clear
    .type user_clear, @function
user_clear:
    STAC
    movq %rsi, %rcx
    shrq $3, %rcx
    andl $7, %esi
    xorl %eax, %eax
1:  rep stosq
    movl %esi, %ecx
3:  rep stosb
4:  CLAC
    movq %rcx, %rax
    ret
5:  leaq (%rsi, %rcx, 8), %rcx
    testb $7, %dil
    jnz 3b
    jmp 4b
    EX_TABLE 1b, 5b
    EX_TABLE 3b, 4b

/*
 * ssize_t user_string_copy(char *dst, const char *src, size_t n): up to and
 * with the NUL. Returns the length without it; n if there is none in n bytes;
 * -1 if it faulted before.
 */
    .globl user_string_copy
    .type user_string_copy, @function
user_string_copy:
    STAC
    movq %rdx, %rcx
    jrcxz 3f
1:  lodsb
    stosb
    testb %al, %al
    loopnz 1b
    jnz 3f
    incq %rcx /* the NUL does not count */
3:  CLAC
    movq %rdx, %rax
    subq %rcx, %rax
    ret
4:  CLAC
    movq $-1, %rax
    ret
    EX_TABLE 1b, 4b

    .section .note.GNU-stack, "", @progbits
