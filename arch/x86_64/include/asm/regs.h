/*
 * The user registers as the entry code pushes them, in Linux's order, at the
 * very top of the thread's kernel stack:
 *
 *   kstack_top ->  +-----------+
 *                  | ss        |  pushed by the CPU (or by syscall_entry)
 *                  | sp        |
 *                  | flags     |
 *                  | cs        |
 *                  | ip        |
 *                  | orig_ax   |  system call number, or -1
 *                  | di ... bx |  pushed by the entry code
 *                  | bp        |
 *                  | r12..r15  |
 *   thread_regs -> +-----------+
 */
#pragma once

#include <base/types.h>

struct regs {
    u64 r15, r14, r13, r12, bp, bx;
    u64 r11, r10, r9, r8, ax, cx, dx, si, di;
    u64 orig_ax;
    u64 ip, cs, flags, sp, ss;
};

/* The machine's part of struct thread. */
struct arch_thread {
    u64 sp; /* saved kernel stack pointer while it does not run */
    u64 fs_base, gs_base;
    struct fpu *fpu; /* NULL: never was in user mode */
    /* Of the last exception in user mode, for the signal frame. */
    u64 trap_nr, trap_error, trap_cr2;
};

/* A macro, since struct thread is not complete here. */
#define thread_regs(t) ((struct regs *)(t)->kstack_top - 1)

static inline u64 regs_ip(const struct regs *r)
{
    return r->ip;
}

static inline u64 regs_sp(const struct regs *r)
{
    return r->sp;
}

/* The system call's number; -1 (as u64) in an exception or interrupt. */
static inline u64 regs_syscall(const struct regs *r)
{
    return r->orig_ax;
}

static inline bool regs_user(const struct regs *r)
{
    return r->cs & 3;
}

static inline long regs_return(const struct regs *r)
{
    return (long)r->ax;
}

static inline void regs_set_return(struct regs *r, long v)
{
    r->ax = (u64)v;
}
