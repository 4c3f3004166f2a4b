/* Threads by the thousand, each of which waits for a page. */
#pragma once

#include <linux/sched.h>

#include "../../guest/uffd_util.h"

/* A thread without a stack: reads its page, counts itself, ends. */
static inline void wait_start(char *page, int *ended)
{
    register char *its __asm__("r12") = page;
    register int *count __asm__("r13") = ended;
    const long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
                       CLONE_THREAD | CLONE_SYSVSEM;
    long r;

    __asm__ volatile("mov %[clone], %%eax\n"
                     "xor %%esi, %%esi\n"
                     "xor %%edx, %%edx\n"
                     "xor %%r10d, %%r10d\n"
                     "xor %%r8d, %%r8d\n"
                     "syscall\n"
                     "test %%rax, %%rax\n"
                     "jnz 1f\n"
                     "cmpb $0, (%%r12)\n"
                     "jne 2f\n"
                     "lock incl (%%r13)\n"
                     "2: mov %[exit], %%eax\n"
                     "xor %%edi, %%edi\n"
                     "syscall\n"
                     "1:\n"
                     : "=a"(r)
                     : "D"(flags), "r"(its),
                       "r"(count), [clone] "i"(SYS_clone), [exit] "i"(SYS_exit)
                     : "rsi", "rdx", "r10", "r8", "rcx", "r11", "memory");
    must(r > 0);
}
