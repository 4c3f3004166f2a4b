/*
 * Spinlocks that know their holder. Plain spin_lock() is for locks no
 * interrupt handler takes; the _irqsave forms for those that one does.
 * Held for a few instructions only; never across a wait (asserted by
 * thread_block() through the per-CPU count).
 */
#pragma once

#include <base/types.h>
#include <arch/cpu.h>
#include <base/lockdep.h>

typedef struct spinlock {
    u32 owner; /* 0: free; else cpu_owner() of the CPU that holds it */
#ifdef LOCKDEP
    enum lock_class class;
#endif
} spinlock_t;

/* Which lock it is; once, beside its initialisation. */
#ifdef LOCKDEP
#define SPINLOCK_INIT_CLASS(which)                                             \
    {                                                                          \
        .class = which                                                         \
    }
#define spin_lock_class(l, which) ((void)((l)->class = (which)))
#else
#define SPINLOCK_INIT_CLASS(which) SPINLOCK_INIT
#define spin_lock_class(l, which)  ((void)0)
#endif

#define SPINLOCK_INIT                                                          \
    {                                                                          \
        0                                                                      \
    }

static inline void spin_lock_init(spinlock_t *l)
{
    l->owner = 0;
}

/*
 * Not counted by the CPU: for the few locks of the hottest paths, those of
 * slab caches and of page tables, which mm_hot_locks_held() finds one by one,
 * and of run queues, with which interrupts are off.
 */
static inline bool spin_trylock_hot(spinlock_t *l)
{
    u32 free = 0;

    if (!__atomic_compare_exchange_n(&l->owner, &free, cpu_owner(), false,
                                     __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return false;
    lockdep_got(l);
    return true;
}

static inline void spin_lock_hot(spinlock_t *l)
{
    lockdep_wait(l);
    while (unlikely(!spin_trylock_hot(l)))
        slow_call(spin_wait, l);
}

static inline void spin_unlock_hot(spinlock_t *l)
{
    lockdep_drop(l);
    __atomic_store_n(&l->owner, 0, __ATOMIC_RELEASE);
}

static inline void spin_lock(spinlock_t *l)
{
    spin_lock_hot(l);
    cpu_lock_count_add(1);
}

static inline void spin_unlock(spinlock_t *l)
{
    cpu_lock_count_add(-1);
    spin_unlock_hot(l);
}

static inline u64 spin_lock_irqsave(spinlock_t *l)
{
    u64 flags = irq_save();

    spin_lock(l);
    return flags;
}

static inline void spin_unlock_irqrestore(spinlock_t *l, u64 flags)
{
    spin_unlock(l);
    irq_restore(flags);
}

/* Nobody holds it: what its last holder did is done. */
static inline bool spin_is_free(const spinlock_t *l)
{
    return !__atomic_load_n(&l->owner, __ATOMIC_ACQUIRE);
}

static inline bool spin_is_held(const spinlock_t *l)
{
    return READ_ONCE(l->owner) == cpu_owner();
}
