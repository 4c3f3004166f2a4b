/*
 * Who waits for which word: keys, hashed buckets, waking, moving. The word is
 * compared with its bucket locked, so that no wake-up falls between the look
 * and the queueing; a fault must not be served there, so it is read with
 * interrupts off, where a missing page is an error (futex_peek).
 */
#include <arch/uaccess.h>
#include <kernel/futex_queue.h>

struct futex_bucket futex_buckets[FUTEX_BUCKETS];

/* A shared word: by object, so that every address space finds it. */
int futex_key_shared(u64 va, struct futex_key *key)
{
    struct mm_struct *mm = mm_current();
    struct vm_area_struct *vma;
    int r = -EFAULT;

    mmap_read_lock(mm);
    vma = find_vma(mm, va);
    /* Anonymous memory that is never written is none to wait on. */
    if (vma && vma->vm_start <= va &&
        (vma->vm_object || (vma->vm_flags & VM_WRITE))) {
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

void futex_lock_two(const struct futex_key *a, const struct futex_key *b,
                    struct futex_bucket **ba, struct futex_bucket **bb)
{
    *ba = futex_bucket_of(a);
    *bb = futex_bucket_of(b);
    futex_bucket_lock(min(*ba, *bb));
    if (*ba != *bb)
        futex_bucket_lock(max(*ba, *bb));
}

void futex_unlock_two(struct futex_bucket *ba, struct futex_bucket *bb)
{
    spin_unlock(&ba->lock);
    if (ba != bb)
        spin_unlock(&bb->lock);
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
        if (!futex_key_equal(&w->key, key))
            continue;
        if (!futex_key_equal(key, key2))
            waiter_move(w, to, key2);
        moved++;
    }
    return moved;
}

int futex_fault_in(u32 __user *addr)
{
    u32 val;

    if (thread_signal_pending(WAIT_KILLABLE))
        return -EINTR;
    return copy_from_user(&val, addr, sizeof(val));
}
