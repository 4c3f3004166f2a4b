/* The fake machine's processor: one thread, several CPU numbers. */
#pragma once

#include <base/types.h>

struct arch_cpu {
    u32 unused;
};

/* Settable by tests: on which CPU, and as whom, the code runs. */
extern u32 fake_cpu;
extern struct thread *fake_thread;
extern u64 fake_cycles;

#define slow_call(fn, a) fn(a)

static inline u32 cpu_id(void)
{
    return fake_cpu;
}

static inline u32 cpu_owner(void)
{
    return fake_cpu + 1;
}

static inline void cpu_lock_count_add(int by __maybe_unused)
{
}

static inline struct cpu *this_cpu(void)
{
    return NULL;
}

static inline struct thread *thread_current(void)
{
    return fake_thread;
}

static inline u64 irq_save(void)
{
    return 0;
}

static inline void irq_restore(u64 flags __maybe_unused)
{
}

static inline void irq_enable(void)
{
}

static inline void irq_disable(void)
{
}

static inline bool irq_enabled(void)
{
    return true;
}

static inline void cpu_relax(void)
{
}

/* Called once by the next cycles(): who notes the time is about to tell others
 * something, and a test may be faster. */
extern void (*fake_on_cycles)(void);

static inline u64 cycles(void)
{
    void (*hook)(void) = fake_on_cycles;

    fake_on_cycles = NULL;
    if (hook)
        hook();
    return ++fake_cycles;
}
