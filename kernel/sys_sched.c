/*
 * Which CPU a thread runs on, and which it may: getcpu(2), sched_yield(2),
 * sched_setaffinity(2). When it runs is sys_sched_policy.c's.
 */
#include <arch/uaccess.h>
#include <kernel/cpu.h>
#include <kernel/sched.h>
#include <kernel/sys_misc.h>
#include <kernel/thread.h>

long sys_getcpu(u32 __user *cpu, u32 __user *node)
{
    u32 id = cpu_id(), zero = 0;

    if (cpu && copy_to_user(cpu, &id, sizeof(id)))
        return -EFAULT;
    return node ? copy_to_user(node, &zero, sizeof(zero)) : 0;
}

long sys_sched_yield(void)
{
    thread_yield();
    return 0;
}

static u64 all_cpus(void)
{
    return cpu_count >= 64 ? ~0ul : (1ul << cpu_count) - 1;
}

/* Runs fn on the thread of that number (0: the caller) under task_lock. */
static int with_thread(int tid, void (*fn)(struct thread *, u64 *), u64 *arg)
{
    struct thread *t;

    if (tid < 0)
        return -ESRCH;
    spin_lock(&task_lock);
    t = sched_target(tid);
    if (t)
        fn(t, arg);
    spin_unlock(&task_lock);
    return t ? 0 : -ESRCH;
}

static void affinity_get(struct thread *t, u64 *mask)
{
    *mask = t->affinity & all_cpus();
}

/* The caller itself moves when it has let go of the lock. */
static void affinity_set(struct thread *t, u64 *mask)
{
    if (t == current)
        t->affinity = *mask;
    else
        thread_set_affinity(t, *mask);
}

long sys_sched_setaffinity(int tid, u32 len, const u64 __user *user)
{
    u64 mask = 0;
    int r;

    if (copy_from_user(&mask, user, min((size_t)len, sizeof(mask))))
        return -EFAULT;
    mask &= all_cpus();
    if (!mask)
        return tid < 0 ? -ESRCH : -EINVAL;
    r = with_thread(tid, affinity_set, &mask);
    thread_yield();
    return r;
}

long sys_sched_getaffinity(int tid, u32 len, u64 __user *user)
{
    u64 mask = 0;
    int r;

    if (len < sizeof(mask) || len % sizeof(mask))
        return -EINVAL;
    r = with_thread(tid, affinity_get, &mask);
    if (r)
        return r;
    return copy_to_user(user, &mask, sizeof(mask)) ? -EFAULT
                                                   : (long)sizeof(mask);
}
