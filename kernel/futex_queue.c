/*
 * Who waits for which word: keys, hashed buckets, waking, moving. The word is
 * compared with its bucket locked, so that no wake-up falls between the look
 * and the queueing; since a fault must not happen there, it is read through
 * the page tables and the direct map (futex_peek).
 */
#include <arch/uaccess.h>
#include <kernel/futex_queue.h>
#include <kernel/thread.h>

#define FUTEX_BUCKETS 256u

static struct futex_bucket buckets[FUTEX_BUCKETS];

/* A shared word: by object, so that every address space finds it. */
static int key_of_shared(u64 va, struct futex_key *key)
{
    struct mm_struct *mm = mm_current();
    struct vm_area_struct *vma;
    int r = -EFAULT;

    mmap_read_lock(mm);
    vma = find_vma(mm, va);
    if (vma && vma->vm_start <= va) {
        r = 0;
        if ((vma->vm_flags & VM_SHARED) && vma->vm_object) {
            key->space = vma->vm_object;
            key->offset = va - vma->vm_start + (vma->vm_pgoff << PAGE_SHIFT);
            key->object = true;
            object_get(vma->vm_object);
        }
    }
    mmap_read_unlock(mm);
    return r;
}

int futex_key_get(u32 __user *addr, bool shared, struct futex_key *key)
{
    if (!IS_ALIGNED((u64)addr, sizeof(u32)))
        return -EINVAL;
    if (!access_ok(addr, sizeof(u32)))
        return -EFAULT;
    key->space = mm_current();
    key->offset = (u64)addr;
    key->object = false;
    return shared ? key_of_shared((u64)addr, key) : 0;
}

void futex_key_put(struct futex_key *key)
{
    if (key->object)
        object_put(key->space);
}

static bool key_equal(const struct futex_key *a, const struct futex_key *b)
{
    return a->offset == b->offset && a->space == b->space;
}

static struct futex_bucket *bucket_of(const struct futex_key *key)
{
    u64 h = ((u64)key->space >> 4) ^ (key->offset >> 2);

    h *= 0x9e3779b97f4a7c15ull; /* Fibonacci hashing: the top bits are good */
    return &buckets[h >> 56];
}

static void bucket_lock(struct futex_bucket *b)
{
    spin_lock_class(&b->lock, LOCK_FUTEX);
    spin_lock(&b->lock);
    if (unlikely(!b->waiters.next))
        list_init(&b->waiters);
}

struct futex_bucket *futex_lock(const struct futex_key *key)
{
    struct futex_bucket *b = bucket_of(key);

    bucket_lock(b);
    return b;
}

void futex_lock_two(const struct futex_key *a, const struct futex_key *b,
                    struct futex_bucket **ba, struct futex_bucket **bb)
{
    *ba = bucket_of(a);
    *bb = bucket_of(b);
    bucket_lock(min(*ba, *bb));
    if (*ba != *bb)
        bucket_lock(max(*ba, *bb));
}

void futex_unlock_two(struct futex_bucket *ba, struct futex_bucket *bb)
{
    spin_unlock(&ba->lock);
    if (ba != bb)
        spin_unlock(&bb->lock);
}

/* Once bucket is NULL the waiter may return and its stack be reused. */
static void waiter_wake(struct futex_waiter *w)
{
    list_del(&w->link);
    __atomic_store_n(&w->woken, true, __ATOMIC_RELEASE);
    thread_wake(w->thread);
    __atomic_store_n(&w->bucket, NULL, __ATOMIC_RELEASE);
}

int futex_wake_key(struct futex_bucket *b, const struct futex_key *key, int n,
                   u32 bitset)
{
    struct futex_waiter *w, *next;
    int woken = 0;

    list_for_each_entry_safe (w, next, &b->waiters, link) {
        if (!key_equal(&w->key, key) || !(w->bitset & bitset))
            continue;
        waiter_wake(w);
        if (++woken >= n)
            break;
    }
    return woken;
}

/* The waiter's object reference moves with it; the caller's key keeps its own.
 */
static void waiter_move(struct futex_waiter *w, struct futex_bucket *to,
                        const struct futex_key *key2)
{
    list_move_tail(&w->link, &to->waiters);
    futex_key_put(&w->key);
    w->key = *key2;
    if (key2->object)
        object_get(key2->space);
    __atomic_store_n(&w->bucket, to, __ATOMIC_RELEASE);
}

int futex_move(struct futex_bucket *from, const struct futex_key *key,
               struct futex_bucket *to, const struct futex_key *key2, int n)
{
    struct futex_waiter *w, *next;
    int moved = 0;

    list_for_each_entry_safe (w, next, &from->waiters, link) {
        if (moved >= n)
            break;
        if (!key_equal(&w->key, key))
            continue;
        if (!key_equal(key, key2))
            waiter_move(w, to, key2);
        moved++;
    }
    return moved;
}

bool futex_peek(u32 __user *addr, u32 *val)
{
    struct mm_struct *mm = mm_current();
    u64 va = (u64)addr;
    bool there;
    pte_t *ptep, pte;

    spin_lock(&mm->page_table_lock);
    ptep = pte_lookup(mm, va);
    pte = ptep ? pte_get(ptep) : PTE_NONE;
    there = pte_present(pte) && pte_user(pte);
    if (there)
        *val = READ_ONCE(*(u32 *)(phys_to_virt(pte_pfn(pte) << PAGE_SHIFT) +
                                  (va & (PAGE_SIZE - 1))));
    spin_unlock(&mm->page_table_lock);
    return there;
}

int futex_fault_in(u32 __user *addr)
{
    u32 val;

    if (thread_signal_pending(WAIT_KILLABLE))
        return -EINTR;
    return copy_from_user(&val, addr, sizeof(val));
}
