/* Control registers, model-specific registers, CPUID, ports (Intel SDM). */
#pragma once

#include <base/types.h>

#define MSR_APIC_BASE      0x1b
#define MSR_X2APIC_BASE    0x800
#define MSR_TSC_AUX        0xc0000103u /* what RDTSCP puts in ecx */
#define MSR_EFER           0xc0000080u
#define MSR_STAR           0xc0000081u
#define MSR_LSTAR          0xc0000082u
#define MSR_SFMASK         0xc0000084u
#define MSR_FS_BASE        0xc0000100u
#define MSR_GS_BASE        0xc0000101u
#define MSR_KERNEL_GS_BASE 0xc0000102u

#define EFER_SCE (1ul << 0)
#define EFER_NXE (1ul << 11)

#define CR0_MP (1ul << 1)
#define CR0_EM (1ul << 2)
#define CR0_TS (1ul << 3)
#define CR0_NE (1ul << 5)
#define CR0_WP (1ul << 16)
#define CR0_AM (1ul << 18)

#define CR4_PGE        (1ul << 7)
#define CR4_OSFXSR     (1ul << 9)
#define CR4_OSXMMEXCPT (1ul << 10)
#define CR4_UMIP       (1ul << 11)
#define CR4_OSXSAVE    (1ul << 18)
#define CR4_SMEP       (1ul << 20)
#define CR4_SMAP       (1ul << 21)
#define CR4_PKE        (1ul << 22)

static inline u64 rdmsr(u32 msr)
{
    u32 lo, hi;

    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
    return (u64)hi << 32 | lo;
}

static inline void wrmsr(u32 msr, u64 v)
{
    __asm__ volatile("wrmsr" ::"c"(msr), "a"((u32)v), "d"((u32)(v >> 32))
                     : "memory");
}

#define CONTROL_REGISTER(n)                                                    \
    static inline u64 cr##n##_read(void)                                       \
    {                                                                          \
        u64 v;                                                                 \
                                                                               \
        __asm__ volatile("mov %%cr" #n ", %0" : "=r"(v)::"memory");            \
        return v;                                                              \
    }                                                                          \
    static inline void cr##n##_write(u64 v)                                    \
    {                                                                          \
        __asm__ volatile("mov %0, %%cr" #n ::"r"(v) : "memory");               \
    }
CONTROL_REGISTER(0)
CONTROL_REGISTER(2)
CONTROL_REGISTER(3)
CONTROL_REGISTER(4)
#undef CONTROL_REGISTER

struct cpuid {
    u32 a, b, c, d;
};

static inline struct cpuid cpuid(u32 leaf, u32 sub)
{
    struct cpuid r;

    __asm__ volatile("cpuid"
                     : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d)
                     : "a"(leaf), "c"(sub));
    return r;
}

static inline u8 inb(u16 port)
{
    u8 v;

    __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static inline void outb(u16 port, u8 v)
{
    __asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port));
}

/* n bytes to one port. */
static inline void outsb(u16 port, const void *src, size_t n)
{
    __asm__ volatile("rep outsb" : "+S"(src), "+c"(n) : "d"(port) : "memory");
}
