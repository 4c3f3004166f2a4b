/*
 * Single user words, inline. Every instruction that may touch user memory
 * stands between stac and clac (SMAP) and has an entry in the exception table
 * that says where to go on when it faults.
 */
#pragma once

#include <base/types.h>
#include <base/errno.h>
#include <asm/extable.h>
#include <asm/page.h>

/* p + n <= TASK_SIZE, without overflow. */
static inline bool access_ok(const void __user *p, size_t n)
{
    return n <= TASK_SIZE && (u64)p <= TASK_SIZE - n;
}

/* GCC's `asm goto` may leave by the label: no fixup code is needed. */
#define USER_READER(name, type, insn)                                          \
    static inline __must_check int name(type *v, const type __user *p)         \
    {                                                                          \
        if (unlikely(!access_ok(p, sizeof(*p))))                               \
            return -EFAULT;                                                    \
        __asm__ volatile goto(                                                 \
            STAC "1: " insn " %1, %0\n" CLAC EX_TABLE("1b", "%l[fault]")       \
            : "=r"(*v)                                                         \
            : "m"(*p)                                                          \
            : "memory"                                                         \
            : fault);                                                          \
        return 0;                                                              \
    fault:                                                                     \
        user_access_end();                                                     \
        return -EFAULT;                                                        \
    }

#define USER_WRITER(name, type, insn)                                          \
    static inline __must_check int name(type v, type __user *p)                \
    {                                                                          \
        if (unlikely(!access_ok(p, sizeof(*p))))                               \
            return -EFAULT;                                                    \
        __asm__ goto(STAC "1: " insn                                           \
                          " %0, %1\n" CLAC EX_TABLE("1b", "%l[fault]")         \
                     :                                                         \
                     : "r"(v), "m"(*p)                                         \
                     : "memory"                                                \
                     : fault);                                                 \
        return 0;                                                              \
    fault:                                                                     \
        user_access_end();                                                     \
        return -EFAULT;                                                        \
    }

/* Several words in one window, which user_access_end() closes; the caller has
 * checked the range. A fault goes to the label, the window still open. */
static inline void user_access_begin(void)
{
    __asm__ volatile(STAC ::: "memory");
}

#define unsafe_put_64(v, p, label)                                             \
    __asm__ goto("1: movq %0, %1\n" EX_TABLE("1b", "%l[" #label "]")           \
                 :                                                             \
                 : "r"((u64)(v)), "m"(*(u64 __user *)(p))                      \
                 : "memory"                                                    \
                 : label)

#define unsafe_get_64(v, p, label)                                             \
    __asm__ goto("1: movq %1, %0\n" EX_TABLE("1b", "%l[" #label "]")           \
                 : "=r"(v)                                                     \
                 : "m"(*(const u64 __user *)(p))                               \
                 : "memory"                                                    \
                 : label)

USER_READER(get_user_32, u32, "movl")
USER_READER(get_user_64, u64, "movq")
USER_WRITER(put_user_32, u32, "movl")
USER_WRITER(put_user_64, u64, "movq")
