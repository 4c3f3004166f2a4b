/* Between the futex files only: words that are waited for, and who waits. */
#pragma once

#include <arch/uaccess.h>
#include <base/list.h>
#include <base/spinlock.h>
#include <base/types.h>
#include <kernel/thread.h>
#include <mm/object.h>

#define FUTEX_BITSET_ALL (~0u)

/*
 * What makes two words the same: the address space and the address, or, for
 * shared memory, the memory object and the byte in it. A key of an object
 * holds a reference to it.
 */
struct futex_key {
    void *space; /* struct mm_struct or struct mem_object */
    u64 offset;
    bool object;
};

struct futex_bucket {
    spinlock_t lock; /* before a page_table_lock and a run queue's lock */
    struct list_head waiters;
} __aligned(32); /* a bucket's address is one shift away */

/* Lies on the waiting thread's stack. */
struct futex_waiter {
    struct list_head link;
    struct futex_bucket *bucket; /* NULL, set last: woken, let go */
    bool woken;                  /* set before the waker wakes the thread */
    struct futex_key key;
    struct thread *thread;
    u32 bitset;
};

#define FUTEX_BUCKETS 256u /* as many as 8 bits of the hash tell apart */
extern struct futex_bucket futex_buckets[FUTEX_BUCKETS];

/* The key of a word that may be in shared memory; sleeps. -EFAULT. */
__must_check int futex_key_shared(u64 va, struct futex_key *key);

/* The key of a user word: -EINVAL (not aligned), -EFAULT. May sleep when
 * shared. futex_key_put() lets it go. */
static inline __must_check int futex_key_get(u32 __user *addr, bool shared,
                                             struct futex_key *key)
{
    if (!IS_ALIGNED((u64)addr, sizeof(u32)))
        return -EINVAL;
    if (!access_ok(addr, sizeof(u32)))
        return -EFAULT;
    key->space = current->mm;
    key->offset = (u64)addr;
    key->object = false;
    return shared ? futex_key_shared((u64)addr, key) : 0;
}

static inline void futex_key_put(struct futex_key *key)
{
    if (unlikely(key->object))
        object_put(key->space);
}

static inline struct futex_bucket *futex_bucket_of(const struct futex_key *key)
{
    u64 h = ((u64)key->space >> 4) ^ (key->offset >> 2);

    h *= 0x9e3779b97f4a7c15ull; /* Fibonacci hashing: the top bits are good */
    return &futex_buckets[h >> 56];
}

static inline void futex_bucket_lock(struct futex_bucket *b)
{
    spin_lock_class(&b->lock, LOCK_FUTEX);
    spin_lock(&b->lock);
    if (unlikely(!b->waiters.next))
        list_init(&b->waiters);
}

/* The key's bucket, locked; two of them, in order of address. */
static inline struct futex_bucket *futex_lock(const struct futex_key *key)
{
    struct futex_bucket *b = futex_bucket_of(key);

    futex_bucket_lock(b);
    return b;
}
void futex_lock_two(const struct futex_key *a, const struct futex_key *b,
                    struct futex_bucket **ba, struct futex_bucket **bb);
void futex_unlock_two(struct futex_bucket *ba, struct futex_bucket *bb);

static inline bool futex_key_equal(const struct futex_key *a,
                                   const struct futex_key *b)
{
    return a->offset == b->offset && a->space == b->space;
}

/* Once bucket is NULL the waiter may return and its stack be reused. */
static inline void futex_waiter_wake(struct futex_waiter *w)
{
    list_del(&w->link);
    __atomic_store_n(&w->woken, true, __ATOMIC_RELEASE);
    thread_wake(w->thread);
    __atomic_store_n(&w->bucket, NULL, __ATOMIC_RELEASE);
}

/* Wakes up to n of the key's waiters that share a bit; bucket locked. At
 * least one is tried, as Linux does. Returns how many. */
static inline int futex_wake_key(struct futex_bucket *b,
                                 const struct futex_key *key, int n, u32 bitset)
{
    struct futex_waiter *w, *next;
    int woken = 0;

    list_for_each_entry_safe (w, next, &b->waiters, link) {
        if (!futex_key_equal(&w->key, key) || !(w->bitset & bitset))
            continue;
        futex_waiter_wake(w);
        if (++woken >= n)
            break;
    }
    return woken;
}

/* Moves up to n waiters from one key to another; both buckets locked. */
int futex_move(struct futex_bucket *from, const struct futex_key *key,
               struct futex_bucket *to, const struct futex_key *key2, int n);

/*
 * Reads the user word with a bucket locked: with interrupts off, so that no
 * fault is served. Returns false if its page is not there: unlock,
 * futex_fault_in(), start over.
 */
static inline __must_check bool futex_peek(u32 __user *addr, u32 *val)
{
    bool there;

    irq_disable();
    there = !get_user_32(val, addr);
    irq_enable();
    return there;
}

/* Makes the word's page present: 0, -EFAULT, -EINTR (being killed). */
__must_check int futex_fault_in(u32 __user *addr);
