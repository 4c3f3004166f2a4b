/*
 * The string instructions. One iteration costs one instruction where the
 * emulator counts instructions, and is the fast way on real CPUs.
 */
#pragma once

#include <base/types.h>

#define REP_FUNCTION(name, insn)                                               \
    static inline void name(void **dst, const void **src, size_t n)            \
    {                                                                          \
        __asm__ volatile("rep " insn                                           \
                         : "+D"(*dst), "+S"(*src), "+c"(n)::"memory");         \
    }
/* Copy n words / bytes upwards and advance the pointers. */
REP_FUNCTION(rep_movsq, "movsq")
REP_FUNCTION(rep_movsb, "movsb")
#undef REP_FUNCTION

/* Copies n bytes downwards; the pointers name the last bytes. */
static inline void rep_movsb_down(void *dst, const void *src, size_t n)
{
    __asm__ volatile("std; rep movsb; cld"
                     : "+D"(dst), "+S"(src), "+c"(n)::"memory");
}

static inline void rep_stosq(void **dst, u64 v, size_t n)
{
    __asm__ volatile("rep stosq" : "+D"(*dst), "+c"(n) : "a"(v) : "memory");
}

static inline void rep_stosb(void **dst, u8 v, size_t n)
{
    __asm__ volatile("rep stosb" : "+D"(*dst), "+c"(n) : "a"(v) : "memory");
}
