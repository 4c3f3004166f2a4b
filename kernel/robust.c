/*
 * Robust futexes: a thread that ends while it owns some says so in their words
 * and wakes who waits, see get_robust_list(2). The list lies in user memory
 * and may be anything: its length is bounded, and the first bad pointer ends
 * the walk. Relies on futex.c for the waking.
 */
#include <arch/uaccess.h>
#include <kernel/futex.h>
#include <kernel/sys_proc.h>
#include <kernel/task.h>

#define FUTEX_WAITERS    0x80000000u
#define FUTEX_OWNER_DIED 0x40000000u
#define FUTEX_TID_MASK   0x3fffffffu

#define ROBUST_LIST_LIMIT 2048
#define ENTRY_IS_PI       1ull /* in a pointer to an entry */

/* struct robust_list_head of the ABI. */
struct robust_head {
    u64 next; /* the first entry, in the end the head itself */
    s64 futex_offset;
    u64 pending; /* being locked or unlocked, perhaps not on the list */
};

/* Marks the word as its owner's who died, if it is ours. */
static int mark_dead(u32 __user *word, bool pi, bool pending)
{
    u32 owner = current->tid, seen, was;

    if (!IS_ALIGNED((u64)word, sizeof(*word)) || get_user_32(&seen, word))
        return -EFAULT;
    /* Unlocked already, but the waiter was not woken. */
    if (pending && !pi && !seen) {
        (void)futex_wake_addr(word, 1);
        return 0;
    }
    do {
        was = seen;
        if ((was & FUTEX_TID_MASK) != owner)
            return 0;
        if (cmpxchg_user_32(word, was, (was & FUTEX_WAITERS) | FUTEX_OWNER_DIED,
                            &seen))
            return -EFAULT;
    } while (seen != was);
    if (!pi && (was & FUTEX_WAITERS))
        (void)futex_wake_addr(word, 1);
    return 0;
}

static int entry_dead(u64 entry, const struct robust_head *head, bool pending)
{
    u64 word = (entry & ~ENTRY_IS_PI) + (u64)head->futex_offset;

    return mark_dead((u32 __user *)word, entry & ENTRY_IS_PI, pending);
}

/* The one being worked on comes last. */
static void walk(const struct robust_head *head, u64 end)
{
    u64 entry = head->next, pending = head->pending & ~ENTRY_IS_PI, next;
    int left, r;

    for (left = ROBUST_LIST_LIMIT; left; left--) {
        u64 at = entry & ~ENTRY_IS_PI;

        if (at == end)
            break;
        r = get_user_64(&next, (u64 __user *)at);
        if (at != pending && entry_dead(entry, head, false))
            return;
        if (r)
            return;
        entry = next;
    }
    if (pending)
        (void)entry_dead(head->pending, head, true);
}

void thread_robust_exit(struct thread *t)
{
    const void __user *user = t->robust_list;
    struct robust_head head;

    if (likely(!user))
        return;
    t->robust_list = NULL;
    if (!copy_from_user(&head, user, sizeof(head)))
        walk(&head, (u64)user);
}

long sys_set_robust_list(const void __user *head, size_t len)
{
    if (len != sizeof(struct robust_head))
        return -EINVAL;
    current->robust_list = head;
    return 0;
}

long sys_get_robust_list(int tid, u64 __user *head, u64 __user *len)
{
    struct thread *t;
    u64 list = 0;

    spin_lock(&task_lock);
    t = tid ? thread_find((u32)tid) : current;
    if (t && !t->task)
        t = NULL;
    if (t)
        list = (u64)t->robust_list;
    spin_unlock(&task_lock);
    if (!t)
        return -ESRCH;
    if (put_user_64(sizeof(struct robust_head), len))
        return -EFAULT;
    return put_user_64(list, head);
}
