/* Between the futex files only: words that are waited for, and who waits. */
#ifndef KERNEL_FUTEX_QUEUE_H
#define KERNEL_FUTEX_QUEUE_H

#include <base/list.h>
#include <base/spinlock.h>
#include <base/types.h>

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
};

/* Lies on the waiting thread's stack. */
struct futex_waiter {
    struct list_head link;
    struct futex_bucket *bucket; /* NULL, set last: woken, let go */
    bool woken;                  /* set before the waker wakes the thread */
    struct futex_key key;
    struct thread *thread;
    u32 bitset;
};

/* The key of a user word: -EINVAL (not aligned), -EFAULT. May sleep when
 * shared. futex_key_put() lets it go. */
__must_check int futex_key_get(u32 __user *addr, bool shared,
                               struct futex_key *key);
void futex_key_put(struct futex_key *key);

/* The key's bucket, locked; two of them, in order of address. */
struct futex_bucket *futex_lock(const struct futex_key *key);
void futex_lock_two(const struct futex_key *a, const struct futex_key *b,
                    struct futex_bucket **ba, struct futex_bucket **bb);
void futex_unlock_two(struct futex_bucket *ba, struct futex_bucket *bb);

/* Wakes up to n of the key's waiters that share a bit; bucket locked. At
 * least one is tried, as Linux does. Returns how many. */
int futex_wake_key(struct futex_bucket *b, const struct futex_key *key, int n,
                   u32 bitset);

/* Moves up to n waiters from one key to another; both buckets locked. */
int futex_move(struct futex_bucket *from, const struct futex_key *key,
               struct futex_bucket *to, const struct futex_key *key2, int n);

/*
 * Reads the user word without a fault, with a bucket locked. Returns false
 * if its page is not there: unlock, futex_fault_in(), start over.
 */
__must_check bool futex_peek(u32 __user *addr, u32 *val);

/* Makes the word's page present: 0, -EFAULT, -EINTR (being killed). */
__must_check int futex_fault_in(u32 __user *addr);

#endif
