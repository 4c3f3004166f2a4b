/*
 * The frame a signal handler runs on, as the x86-64 Linux ABI has it; sizes
 * and offsets are asserted, since user code reads and writes it.
 */
#pragma once

#include <asm/pkey.h>
#include <base/types.h>
#include <kernel/signal.h>

struct sigcontext {
    u64 r8, r9, r10, r11, r12, r13, r14, r15;
    u64 di, si, bp, bx, dx, ax, cx, sp, ip, flags;
    u16 cs, gs, fs, ss;
    u64 err, trapno, oldmask, cr2;
    u64 fpstate; /* address of the FPU image, or 0 */
    u64 reserved[8];
};

#define UC_FP_XSTATE         1ul /* fpstate has more than FXSAVE's part */
#define UC_SIGCONTEXT_SS     2ul /* ss is valid */
#define UC_STRICT_RESTORE_SS 4ul

struct ucontext {
    u64 uc_flags, uc_link;
    struct stack_k uc_stack;
    struct sigcontext uc_mcontext;
    u64 uc_sigmask;
};

struct rt_sigframe {
    u64 pretcode; /* where the handler returns to: sa_restorer */
    struct ucontext uc;
    struct siginfo info;
    u8 info_rest[SIGINFO_SIZE - sizeof(struct siginfo)];
};

_Static_assert(sizeof(struct sigcontext) == 256, "ABI");
_Static_assert(sizeof(struct rt_sigframe) == 440, "ABI");
_Static_assert(offsetof(struct rt_sigframe, uc) == 8, "ABI");
_Static_assert(offsetof(struct ucontext, uc_mcontext) == 40, "ABI");
_Static_assert(offsetof(struct rt_sigframe, info) == 312, "ABI");

/* In fpu->sw_reserved: what follows the first 512 bytes. */
#define FP_XSTATE_MAGIC1 0x46505853u
#define FP_XSTATE_MAGIC2 0x46505845u /* right after the image */
struct fpx_sw_bytes {
    u32 magic1;
    u32 extended_size; /* with magic2 */
    u64 xfeatures;
    u32 xstate_size;
    u32 padding[7];
};

#define RED_ZONE 128 /* below the stack pointer, the ABI's leaf functions' */

/*
 * Protection keys must not stand between the kernel and the frame, for its
 * stack may have one that the interrupted code may not use just now. Returns
 * what the register was; 0: nothing had to be done.
 */
static inline u32 pkru_open(const struct thread *t)
{
    u32 pkru = cpu_has_pku ? pkru_read() : 0;

    /* It uses keys, or has closed even what has none. */
    if (likely(t->mm->pkeys == 1 && !(pkru & 3)))
        return 0;
    pkru_write(0);
    return pkru;
}

static inline void pkru_close(u32 pkru)
{
    if (pkru)
        pkru_write(pkru);
}
