/*
 * The futex call: waiting for a word to change and waking who waits, see
 * futex(2). Relies on futex_queue.c for the queues. A waiter leaves its queue
 * itself unless a waker took it off, so a killed thread leaves nothing behind.
 */
#include <arch/uaccess.h>
#include <kernel/futex.h>
#include <kernel/futex_queue.h>
#include <kernel/thread.h>

#define FUTEX_WAIT           0
#define FUTEX_WAKE           1
#define FUTEX_REQUEUE        3
#define FUTEX_CMP_REQUEUE    4
#define FUTEX_WAKE_OP        5
#define FUTEX_WAIT_BITSET    9
#define FUTEX_WAKE_BITSET    10
#define FUTEX_PRIVATE_FLAG   128
#define FUTEX_CLOCK_REALTIME 256

/* FUTEX_WAKE_OP's val3, from the top: 4 bits operation (the highest: shift
 * the operand), 4 bits comparison, 12 bits operand, 12 bits comparand. */
#define FUTEX_OP_OPARG_SHIFT 8u

/* Takes w off its queue, wherever it was moved to meanwhile. Returns false
 * if a waker was first. */
static bool waiter_leave(struct futex_waiter *w)
{
    struct futex_bucket *b;

    for (;;) {
        b = __atomic_load_n(&w->bucket, __ATOMIC_ACQUIRE);
        if (!b)
            return false;
        spin_lock(&b->lock);
        if (w->bucket == b)
            break;
        spin_unlock(&b->lock);
    }
    list_del(&w->link);
    spin_unlock(&b->lock);
    return true;
}

/* Queues w if the word still holds val. Returns 0, -EAGAIN, -EFAULT, -EINTR;
 * with 0 the thread is prepared to block. */
static __always_inline_ int wait_enqueue(struct futex_waiter *w,
                                         u32 __user *addr, u32 val)
{
    struct futex_bucket *b;
    u32 now;
    int r;

    for (;;) {
        b = futex_lock(&w->key);
        if (likely(futex_peek(addr, &now)))
            break;
        spin_unlock(&b->lock);
        r = futex_fault_in(addr);
        if (r)
            return r;
    }
    if (now != val) {
        spin_unlock(&b->lock);
        return -EAGAIN;
    }
    thread_prepare(w->thread, WAIT_INTERRUPTIBLE);
    w->bucket = b;
    w->woken = false;
    list_add_tail(&w->link, &b->waiters);
    spin_unlock(&b->lock);
    return 0;
}

/* A waker took w off. It is done with us when it has let go of the bucket,
 * which on another CPU may take a moment longer. */
static bool waiter_woken(const struct futex_waiter *w)
{
    if (!__atomic_load_n(&w->woken, __ATOMIC_ACQUIRE))
        return false;
    while (__atomic_load_n(&w->bucket, __ATOMIC_ACQUIRE))
        cpu_relax();
    return true;
}

/* Sleeps until woken. Returns 0, -EINTR, -ETIMEDOUT. */
static __always_inline_ int wait_sleep(struct futex_waiter *w, u64 deadline)
{
    int r;

    for (;;) {
        r = thread_block_until(deadline);
        if (waiter_woken(w))
            return 0;
        if (r)
            return waiter_leave(w) ? r : 0;
        thread_prepare_block(WAIT_INTERRUPTIBLE);
        if (waiter_woken(w)) {
            thread_cancel_block();
            return 0;
        }
    }
}

static __cold long wait_broken_off(u32 __user *addr, bool shared, u32 val,
                                   u64 deadline, u32 bitset);

static __always_inline_ long futex_wait(u32 __user *addr, bool shared, u32 val,
                                        u64 deadline, u32 bitset)
{
    struct futex_waiter w;
    int r;

    if (!bitset)
        return -EINVAL;
    r = futex_key_get(addr, shared, &w.key);
    if (r)
        return r;
    w.bitset = bitset;
    w.thread = current;
    r = wait_enqueue(&w, addr, val);
    if (!r) {
        w.thread->waiting_for = "futex";
        r = wait_sleep(&w, deadline);
        w.thread->waiting_for = NULL;
    }
    futex_key_put(&w.key);
    if (unlikely(r == -EINTR))
        return wait_broken_off(addr, shared, val, deadline, bitset);
    return r;
}

/* With a deadline it goes on, if it does, to the same one. */
static long wait_on(const struct syscall_restart *r)
{
    return futex_wait((u32 __user *)r->arg[0], r->arg[1], (u32)r->arg[2],
                      r->deadline, (u32)r->arg[3]);
}

static long wait_broken_off(u32 __user *addr, bool shared, u32 val,
                            u64 deadline, u32 bitset)
{
    if (!deadline)
        return -ERESTARTSYS;
    current->restart =
        (struct syscall_restart){.again = wait_on,
                                 .deadline = deadline,
                                 .arg = {(u64)addr, shared, val, bitset}};
    return -ERESTART_RESTARTBLOCK;
}

static __always_inline_ long futex_wake(u32 __user *addr, bool shared, int n,
                                        u32 bitset)
{
    struct futex_key key;
    struct futex_bucket *b;
    int r;

    if (!bitset)
        return -EINVAL;
    r = futex_key_get(addr, shared, &key);
    if (r)
        return r;
    b = futex_lock(&key);
    r = futex_wake_key(b, &key, n, bitset);
    spin_unlock(&b->lock);
    futex_key_put(&key);
    return r;
}

long futex_wake_addr(u32 __user *addr, int n)
{
    return futex_wake(addr, true, n, FUTEX_BITSET_ALL);
}

/* Keys of both words, or none. */
static int two_keys(u32 __user *addr, u32 __user *addr2, bool shared,
                    struct futex_key *key, struct futex_key *key2)
{
    int r = futex_key_get(addr, shared, key);

    if (r)
        return r;
    r = futex_key_get(addr2, shared, key2);
    if (r)
        futex_key_put(key);
    return r;
}

/* Locks both buckets, with the word compared if there is an expected value. */
static int lock_two_compared(const struct futex_key *key,
                             const struct futex_key *key2, u32 __user *addr,
                             const u32 *expected, struct futex_bucket **b,
                             struct futex_bucket **b2)
{
    u32 now;
    int r;

    for (;;) {
        futex_lock_two(key, key2, b, b2);
        if (!expected)
            return 0;
        if (likely(futex_peek(addr, &now)))
            break;
        futex_unlock_two(*b, *b2);
        r = futex_fault_in(addr);
        if (r)
            return r;
    }
    if (now == *expected)
        return 0;
    futex_unlock_two(*b, *b2);
    return -EAGAIN;
}

/* Wakes up to n waiters of addr and moves up to n2 others over to addr2. */
static long futex_requeue(u32 __user *addr, u32 __user *addr2, bool shared,
                          int n, int n2, const u32 *expected)
{
    struct futex_key key, key2;
    struct futex_bucket *b, *b2;
    int r;

    if (n < 0 || n2 < 0)
        return -EINVAL;
    r = two_keys(addr, addr2, shared, &key, &key2);
    if (r)
        return r;
    r = lock_two_compared(&key, &key2, addr, expected, &b, &b2);
    if (!r) {
        if (n)
            r = futex_wake_key(b, &key, n, FUTEX_BITSET_ALL);
        r += futex_move(b, &key, b2, &key2, n2);
        futex_unlock_two(b, b2);
    }
    futex_key_put(&key);
    futex_key_put(&key2);
    return r;
}

/* The new value of FUTEX_WAKE_OP's operation: -ENOSYS if there is none. */
static int wake_op_apply(u32 code, u32 old, u32 *new)
{
    u32 op = code >> 28 & 7;
    u32 arg = (u32)((s32)(code << 8) >> 20);

    if (code >> 28 & FUTEX_OP_OPARG_SHIFT)
        arg = 1u << (arg & 31);
    switch (op) {
    case 0:
        *new = arg;
        return 0;
    case 1:
        *new = old + arg;
        return 0;
    case 2:
        *new = old | arg;
        return 0;
    case 3:
        *new = old & ~arg;
        return 0;
    case 4:
        *new = old ^ arg;
        return 0;
    default:
        return -ENOSYS;
    }
}

/* Whether the old value passes the comparison; -ENOSYS if there is none. */
static int wake_op_compare(u32 code, u32 old_value)
{
    s32 old = (s32)old_value, arg = (s32)(code << 20) >> 20;

    switch (code >> 24 & 15) {
    case 0:
        return old == arg;
    case 1:
        return old != arg;
    case 2:
        return old < arg;
    case 3:
        return old <= arg;
    case 4:
        return old > arg;
    case 5:
        return old >= arg;
    default:
        return -ENOSYS;
    }
}

/* Changes the user word at once; its old value into *old. */
static int wake_op_change(u32 __user *addr, u32 code, u32 *old)
{
    u32 seen, new;
    int r = copy_from_user(&seen, addr, sizeof(seen));

    while (!r) {
        *old = seen;
        r = wake_op_apply(code, seen, &new);
        if (!r)
            r = cmpxchg_user_32(addr, seen, new, &seen);
        if (r || seen == *old)
            break;
        if (thread_signal_pending(WAIT_KILLABLE))
            r = -EINTR;
    }
    return r;
}

/*
 * FUTEX_WAKE_OP: the change comes before the queues are locked, which only
 * lets a waiter that saw the new value be woken for nothing.
 */
static long futex_wake_op(u32 __user *addr, u32 __user *addr2, bool shared,
                          int n, int n2, u32 code)
{
    struct futex_key key, key2;
    struct futex_bucket *b, *b2;
    u32 old;
    int r = two_keys(addr, addr2, shared, &key, &key2), pass;

    if (r)
        return r;
    r = wake_op_change(addr2, code, &old);
    pass = r ? r : wake_op_compare(code, old);
    if (pass >= 0) {
        futex_lock_two(&key, &key2, &b, &b2);
        r = futex_wake_key(b, &key, n, FUTEX_BITSET_ALL);
        if (pass)
            r += futex_wake_key(b2, &key2, n2, FUTEX_BITSET_ALL);
        futex_unlock_two(b, b2);
    }
    futex_key_put(&key);
    futex_key_put(&key2);
    return pass < 0 ? pass : r;
}

/* FUTEX_WAIT's timeout is relative, FUTEX_WAIT_BITSET's absolute. */
static long futex_wait_timed(u32 __user *addr, int op, bool shared, u32 val,
                             const struct timespec_k __user *timeout,
                             u32 bitset)
{
    struct timespec_k ts;
    u64 deadline = 0;
    int r;

    if (timeout) {
        r = timespec_from_user(&ts, timeout);
        if (r)
            return r;
        deadline = timespec_to_ns(&ts);
        if ((op & 127) == FUTEX_WAIT)
            deadline = deadline_after(deadline);
        else
            deadline = deadline_at(deadline, op & FUTEX_CLOCK_REALTIME);
    }
    return futex_wait(addr, shared, val, deadline, bitset);
}

/* All commands; the two that matter most do not come here. */
static __noinline long futex_command(u32 __user *addr, int op, u32 val,
                                     const struct timespec_k __user *timeout,
                                     u32 __user *addr2, u32 val3)
{
    bool shared = !(op & FUTEX_PRIVATE_FLAG);
    int cmd = op & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
    int n = (int)val, n2 = (int)(u64)timeout;

    if ((op & FUTEX_CLOCK_REALTIME) && cmd != FUTEX_WAIT_BITSET)
        return -ENOSYS;
    switch (cmd) {
    case FUTEX_WAIT:
        return futex_wait_timed(addr, op, shared, val, timeout,
                                FUTEX_BITSET_ALL);
    case FUTEX_WAIT_BITSET:
        return futex_wait_timed(addr, op, shared, val, timeout, val3);
    case FUTEX_WAKE:
        return futex_wake(addr, shared, n, FUTEX_BITSET_ALL);
    case FUTEX_WAKE_BITSET:
        return futex_wake(addr, shared, n, val3);
    case FUTEX_REQUEUE:
        return futex_requeue(addr, addr2, shared, n, n2, NULL);
    case FUTEX_CMP_REQUEUE:
        return futex_requeue(addr, addr2, shared, n, n2, &val3);
    case FUTEX_WAKE_OP:
        return futex_wake_op(addr, addr2, shared, n, n2, val3);
    default:
        return -ENOSYS;
    }
}

static __noinline long wait_private(u32 __user *addr, u32 val)
{
    return futex_wait(addr, false, val, 0, FUTEX_BITSET_ALL);
}

static __noinline long wake_private(u32 __user *addr, int n)
{
    return futex_wake(addr, false, n, FUTEX_BITSET_ALL);
}

long sys_futex(u32 __user *addr, int op, u32 val,
               const struct timespec_k __user *timeout, u32 __user *addr2,
               u32 val3)
{
    if (op == (FUTEX_WAKE | FUTEX_PRIVATE_FLAG))
        return wake_private(addr, (int)val);
    if (op == (FUTEX_WAIT | FUTEX_PRIVATE_FLAG) && !timeout)
        return wait_private(addr, val);
    return futex_command(addr, op, val, timeout, addr2, val3);
}
