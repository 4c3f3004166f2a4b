/* mm/hooks.h for a single thread: what would wait for ever is a panic. */
#include "fake.h"

#include <arch/pkey.h>

#include <base/errno.h>
#include <base/printk.h>

u32 fake_cpu;
u64 fake_cycles;
void (*fake_on_cycles)(void);
static int thread_stand_in;
struct thread *fake_thread = (struct thread *)&thread_stand_in;
struct mm_struct *fake_mm;
bool fake_signal;
int (*fake_on_block)(void);
unsigned fake_wakes;

void spin_wait(struct spinlock *l)
{
    panic("lock %p, held by CPU %u, wanted by CPU %u", (void *)l, l->owner - 1,
          cpu_id());
}

struct rlimit_k fake_limits[RLIMIT_COUNT] = {
    [0 ... RLIMIT_STACK - 1] = {RLIM_INFINITY, RLIM_INFINITY},
    [RLIMIT_STACK] = {8 << 20, RLIM_INFINITY},
    [RLIMIT_STACK + 1 ... RLIMIT_COUNT - 1] = {RLIM_INFINITY, RLIM_INFINITY},
};

struct rlimit_k rlimit_current(unsigned resource)
{
    return fake_limits[resource];
}

unsigned fake_pkeys = 1;
u8 fake_pkey_rights[PKEYS_MAX];

bool out_of_memory(const struct mm_struct *mm __maybe_unused,
                   unsigned tries __maybe_unused)
{
    return false;
}

void thread_count_fault(bool major __maybe_unused)
{
}

struct mm_struct *mm_current(void)
{
    return fake_mm;
}

u32 thread_tid(const struct thread *thread __maybe_unused)
{
    return 101;
}

u32 thread_pid(const struct thread *thread __maybe_unused)
{
    return 100;
}

/* Whoever has prepared to block blocks, or says that it does not. */
static bool prepared;

enum wait_mode fake_wait_mode;

void thread_prepare_block(enum wait_mode mode)
{
    fake_wait_mode = mode;
    prepared = true;
}

bool fake_may_run(void)
{
    return !prepared;
}

int thread_block(void)
{
    thread_cancel_block();
    if (!fake_on_block)
        panic("blocked, and nobody to wake us");
    return fake_on_block();
}

u64 fake_time_ns, fake_deadline_ns;

int thread_block_timed(u64 deadline_ns)
{
    fake_deadline_ns = deadline_ns;
    thread_cancel_block();
    return -ETIMEDOUT;
}

u64 time_ns(void)
{
    return fake_time_ns;
}

u64 cycles_to_ns(u64 c)
{
    return c;
}

void thread_serves(struct userfaultfd_ctx *ctx __maybe_unused)
{
}

bool thread_is_deadlocked(struct userfaultfd_ctx *ctx __maybe_unused,
                          struct userfaultfd_wait *w __maybe_unused)
{
    return false;
}

void thread_kill_task(void)
{
    fake_signal = true;
}

void thread_cancel_block(void)
{
    assert_true(prepared);
    prepared = false;
}

void thread_wake_next(struct thread *thread)
{
    thread_wake(thread);
}

void thread_wake(struct thread *thread)
{
    assert_non_null(thread);
    fake_wakes++;
}

bool thread_signal_pending(enum wait_mode mode __maybe_unused)
{
    return fake_signal;
}

void wait_queue_init(struct wait_queue *q)
{
    spin_lock_init(&q->lock);
    list_init(&q->waiters);
}

void wait_add(struct wait_queue *q, struct waiter *w)
{
    w->thread = fake_thread;
    list_add_tail(&w->link, &q->waiters);
}

void wait_remove(struct wait_queue *q __maybe_unused, struct waiter *w)
{
    list_del_init(&w->link);
}

void wake_up_all(struct wait_queue *q)
{
    struct waiter *w;

    list_for_each_entry (w, &q->waiters, link)
        thread_wake(w->thread);
}

void rwsem_init(struct rwsem *s)
{
    *s = (struct rwsem){0};
    list_init(&s->queue);
}

void rwsem_wait_read(struct rwsem *s)
{
    panic("mmap lock wanted for read while held (%d)", s->count);
}

void rwsem_wait_write(struct rwsem *s)
{
    panic("mmap lock wanted for write while held (%d)", s->count);
}

void rwsem_hand_over(struct rwsem *s __maybe_unused)
{
    panic("nobody can be waiting");
}
