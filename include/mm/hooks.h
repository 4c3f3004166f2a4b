/*
 * What mm/ needs of the kernel around it, and nothing else: the current mm,
 * waiting and waking. kernel/ implements these; the host tests fake them.
 */
#pragma once

#include <arch/cpu.h>
#include <base/list.h>
#include <base/spinlock.h>
#include <base/types.h>
#include <uapi/faultline/resource.h>

struct mm_struct;

/* Which signals end a wait. */
enum wait_mode {
    WAIT_UNINTERRUPTIBLE,
    WAIT_KILLABLE,      /* only a fatal signal */
    WAIT_INTERRUPTIBLE, /* any signal to be delivered */
};

/*
 * The blocking protocol, free of lost wake-ups:
 *     thread_prepare_block(mode);
 *     ... publish yourself, check the condition ...
 *     r = thread_block();          (or thread_cancel_block())
 * A thread_wake() between the two makes thread_block() return at once.
 * thread_block() panics if a spinlock is held (debug builds).
 * Returns 0, or -EINTR when a signal of that mode is pending.
 */
void thread_prepare_block(enum wait_mode mode);
int thread_block(void);
void thread_cancel_block(void);
/* thread_block(), and -ETIMEDOUT at deadline_ns of time_ns(). */
int thread_block_timed(u64 deadline_ns);
/* The current task is to die of SIGKILL. */
void thread_kill_task(void);
/*
 * kernel/uffd_deadlock.c. The current thread serves a context, whose lock it
 * holds. / Its fault is queued: true: nobody will ever serve it, for all who
 * could wait for one another, itself among them; it is not queued any more.
 */
struct userfaultfd_ctx;
struct userfaultfd_wait;
__slow_half void thread_serves(struct userfaultfd_ctx *ctx);
bool thread_is_deadlocked(struct userfaultfd_ctx *ctx,
                          struct userfaultfd_wait *w);
void thread_wake(struct thread *thread);
/* The same for a caller who is about to block: the thread is to run here, at
 * once. */
void thread_wake_next(struct thread *thread);
bool thread_signal_pending(enum wait_mode mode);

/* Ids for the ledger and messages. */
u32 thread_tid(const struct thread *thread);
u32 thread_pid(const struct thread *thread);

/* getrlimit(2): the ABI's pair; RLIMIT_* of the running task. */
struct rlimit_k {
    u64 cur, max;
};
struct rlimit_k rlimit_current(unsigned resource);

/*
 * A fault in mm found no frame, or none that mm's memory group may have: makes
 * room, by giving back what is kept in hand or by killing a task. tries: how
 * often this fault was here before. May sleep; no lock held. False: there is
 * nobody to kill, another try would not help. True: try again, unless a signal
 * wants the thread first.
 */
bool out_of_memory(const struct mm_struct *mm, unsigned tries);

/* Counts a fault of the running thread that was served outside a trap. */
void thread_count_fault(bool major);

/* The mm of the running task; NULL in kernel threads. */
struct mm_struct *mm_current(void);

/*
 * Wait queue: threads that wait for a condition, and poll()ers that wait for
 * several. Wake-ups may come from interrupts.
 */
struct wait_queue {
    spinlock_t lock;
    struct list_head waiters;
};

struct waiter {
    struct list_head link; /* empty: not queued */
    struct thread *thread;
    void (*wake)(struct waiter *w); /* instead of waking the thread, or NULL */
};

void wait_queue_init(struct wait_queue *q);

/* Queues w for the current thread. */
void wait_add(struct wait_queue *q, struct waiter *w);
void wait_remove(struct wait_queue *q, struct waiter *w);

/* Queues w for whoever wake() knows; it is called with the queue's lock held
 * and interrupts off. */
void wait_add_callback(struct wait_queue *q, struct waiter *w,
                       void (*wake)(struct waiter *w));

/* Wakes all. They stay queued; they remove themselves. */
void wake_up_all(struct wait_queue *q);

/*
 * Sleeping reader/writer lock: many readers or one writer; writers are not
 * starved. Waits are uninterruptible unless said otherwise.
 */
struct rwsem {
    s32 count;   /* -1: a writer; else readers. Atomic */
    u32 waiting; /* queued; while not 0 newcomers queue too */
    spinlock_t lock;
    struct list_head queue;
};

void rwsem_init(struct rwsem *s);

/* Slow halves (kernel/rwsem.c): queue and sleep; pass the lock on. */
__slow_half void rwsem_wait_read(struct rwsem *s);
__slow_half void rwsem_wait_write(struct rwsem *s);
__slow_half void rwsem_hand_over(struct rwsem *s);

static inline bool rwsem_try_read(struct rwsem *s)
{
    s32 n = READ_ONCE(s->count);

    if (n < 0 || READ_ONCE(s->waiting) ||
        !__atomic_compare_exchange_n(&s->count, &n, n + 1, false,
                                     __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return false;
    lockdep_sleeping(1);
    return true;
}

static inline bool rwsem_try_write(struct rwsem *s)
{
    s32 n = 0;

    if (READ_ONCE(s->waiting) ||
        !__atomic_compare_exchange_n(&s->count, &n, -1, false, __ATOMIC_ACQUIRE,
                                     __ATOMIC_RELAXED))
        return false;
    lockdep_sleeping(1);
    return true;
}

static inline void rwsem_down_read(struct rwsem *s)
{
    lockdep_may_sleep();
    if (unlikely(!rwsem_try_read(s)))
        slow_call(rwsem_wait_read, s);
}

static inline void rwsem_down_write(struct rwsem *s)
{
    lockdep_may_sleep();
    if (unlikely(!rwsem_try_write(s)))
        slow_call(rwsem_wait_write, s);
}

static inline void rwsem_up_read(struct rwsem *s)
{
    lockdep_sleeping(-1);
    __atomic_fetch_sub(&s->count, 1, __ATOMIC_SEQ_CST);
    if (unlikely(READ_ONCE(s->waiting)))
        slow_call(rwsem_hand_over, s);
}

static inline void rwsem_up_write(struct rwsem *s)
{
    lockdep_sleeping(-1);
    __atomic_store_n(&s->count, 0, __ATOMIC_SEQ_CST);
    if (unlikely(READ_ONCE(s->waiting)))
        slow_call(rwsem_hand_over, s);
}
