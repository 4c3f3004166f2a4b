/*
 * The processor, inline: interrupt flag, time stamp, per-CPU data through GS,
 * control and model-specific registers. GS is loaded before anything here that
 * needs it is called (percpu.c); kernel/cpu.h holds struct cpu itself, whose
 * first members lie at the offsets below (checked in asm_offsets.c).
 */
#pragma once

#include <base/types.h>
#include <asm/tss.h>

#define CPU_SELF_OFFSET    0
#define CPU_CURRENT_OFFSET 8
#define CPU_ID_OFFSET      32
#define CPU_LOCKS_OFFSET   40
#define CPU_OWNER_OFFSET   44

/* What a CPU asks others to forget (shootdown.c); mm NULL: kernel pages. */
struct tlb_request {
    struct mm_struct *mm;
    u64 start, end;
};

/* The machine's part of struct cpu. */
struct arch_cpu {
    u64 gdt[GDT_ENTRIES];
    struct tss tss;
    u32 apic_id;
    u64 tlb_from;    /* atomic: CPUs that want us to forget something */
    u64 tlb_pending; /* atomic: CPUs that have not answered our request */
    struct tlb_request tlb_request;
};

/*
 * One word of this CPU's struct cpu: a single load, not kept, because the
 * thread may have moved to another CPU in between. Not GCC's __seg_gs: its
 * alias analysis takes a load from offset 0 for one through a null pointer and
 * drops stores through the result.
 */
#define gs_load(type, offset)                                                  \
    ({                                                                         \
        type _v;                                                               \
                                                                               \
        __asm__ volatile("mov %%gs:%c1, %0" : "=r"(_v) : "i"(offset));         \
        _v;                                                                    \
    })

/* A call that GCC takes for no call at all. */
#define slow_call(fn, a)                                                       \
    ({                                                                         \
        if (0)                                                                 \
            fn(a); /* right type? */                                           \
        __asm__ volatile("call %P0" ::"i"(fn), "D"(a) : "cc", "memory");       \
    })

static inline u32 cpu_id(void)
{
    return gs_load(u32, CPU_ID_OFFSET);
}

/* What spinlocks know this CPU by: its number plus one. */
static inline u32 cpu_owner(void)
{
    return gs_load(u32, CPU_OWNER_OFFSET);
}

/* Spinlocks that this CPU holds: who takes and lets go of them says so. */
static inline u32 cpu_lock_count(void)
{
    return gs_load(u32, CPU_LOCKS_OFFSET);
}

static inline void cpu_lock_count_add(int by)
{
    __asm__ volatile("addl %0, %%gs:%c1" ::"i"(by), "i"(CPU_LOCKS_OFFSET)
                     : "cc", "memory");
}

static inline struct cpu *this_cpu(void)
{
    return gs_load(struct cpu *, CPU_SELF_OFFSET);
}

static inline struct thread *thread_current(void)
{
    return gs_load(struct thread *, CPU_CURRENT_OFFSET);
}

#define RFLAGS_TF   (1ul << 8)
#define RFLAGS_IF   (1ul << 9)
#define RFLAGS_DF   (1ul << 10)
#define RFLAGS_IOPL (3ul << 12)
#define RFLAGS_NT   (1ul << 14)
#define RFLAGS_RF   (1ul << 16)
#define RFLAGS_AC   (1ul << 18)

static inline u64 flags_read(void)
{
    u64 flags;

    __asm__ volatile("pushfq; popq %0" : "=r"(flags)::"memory");
    return flags;
}

static inline void irq_enable(void)
{
    __asm__ volatile("sti" ::: "memory");
}

static inline void irq_disable(void)
{
    __asm__ volatile("cli" ::: "memory");
}

static inline u64 irq_save(void)
{
    u64 flags = flags_read();

    irq_disable();
    return flags;
}

static inline void irq_restore(u64 flags)
{
    if (flags & RFLAGS_IF)
        irq_enable();
}

static inline void cpu_relax(void)
{
    __asm__ volatile("pause" ::: "memory");
}

/* STI takes effect after the next instruction, so no interrupt is lost. */
static inline void cpu_idle(void)
{
    __asm__ volatile("sti; hlt; cli" ::: "memory");
}

static inline u64 cycles(void)
{
    u64 lo, hi; /* the instruction clears the upper halves */

    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
    return hi << 32 | lo;
}
