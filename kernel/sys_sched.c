/*
 * The scheduler's calls. There is one policy, SCHED_OTHER; which CPUs a thread
 * may use is the only thing about it that can be changed.
 */
#include <arch/uaccess.h>
#include <base/string.h>
#include <kernel/cpu.h>
#include <kernel/sched.h>
#include <kernel/sys_misc.h>
#include <kernel/thread.h>
#include <kernel/time.h>

#define SCHED_OTHER         0
#define SCHED_FIFO          1
#define SCHED_RR            2
#define SCHED_BATCH         3
#define SCHED_IDLE          5
#define SCHED_RESET_ON_FORK 0x40000000

#define ATTR_SIZE 48u /* struct sched_attr, first edition */

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

/* The thread with that number, 0: the caller, is there: 0, -EINVAL, -ESRCH. */
static int thread_check(int tid)
{
    bool there;

    if (tid < 0)
        return -EINVAL;
    if (!tid)
        return 0;
    spin_lock(&task_lock);
    there = thread_find((u32)tid) != NULL;
    spin_unlock(&task_lock);
    return there ? 0 : -ESRCH;
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
    t = tid ? thread_find((u32)tid) : current;
    if (t && t->task)
        fn(t, arg);
    spin_unlock(&task_lock);
    return t && t->task ? 0 : -ESRCH;
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

long sys_sched_getscheduler(int tid)
{
    int r = thread_check(tid);

    return r ? r : SCHED_OTHER;
}

long sys_sched_getparam(int tid, int __user *param)
{
    int priority = 0, r = thread_check(tid);

    if (r || !param)
        return r ? r : -EINVAL;
    return copy_to_user(param, &priority, sizeof(priority));
}

static long priority_of(int policy, long real_time)
{
    switch (policy) {
    case SCHED_FIFO:
    case SCHED_RR:
        return real_time;
    case SCHED_OTHER:
    case SCHED_BATCH:
    case SCHED_IDLE:
        return 0;
    default:
        return -EINVAL;
    }
}

long sys_sched_get_priority_max(int policy)
{
    return priority_of(policy, 99);
}

long sys_sched_get_priority_min(int policy)
{
    return priority_of(policy, 1);
}

static bool policy_known(int policy)
{
    return priority_of(policy, 0) == 0;
}

/* A priority of 0 goes with what is not real-time; that there is not. */
static int policy_check(int tid, int policy, int priority)
{
    int r;

    if (!policy_known(policy & ~SCHED_RESET_ON_FORK))
        return -EINVAL;
    policy &= ~SCHED_RESET_ON_FORK;
    if (policy == SCHED_FIFO || policy == SCHED_RR)
        return priority < 1 || priority > 99 ? -EINVAL : -EPERM;
    r = thread_check(tid);
    if (r)
        return r;
    return priority ? -EINVAL : 0;
}

static int fetch_priority(int tid, const int __user *param, int *priority)
{
    if (!param || tid < 0)
        return -EINVAL;
    return copy_from_user(priority, param, sizeof(*priority));
}

long sys_sched_setscheduler(int tid, int policy, const int __user *param)
{
    int priority, r;

    if (policy < 0)
        return -EINVAL;
    r = fetch_priority(tid, param, &priority);
    return r ? r : policy_check(tid, policy, priority);
}

long sys_sched_setparam(int tid, const int __user *param)
{
    int priority, r = fetch_priority(tid, param, &priority);

    return r ? r : policy_check(tid, SCHED_OTHER, priority);
}

long sys_sched_rr_get_interval(int tid, struct timespec_k __user *user)
{
    struct timespec_k ts = ns_to_timespec(SLICE_NS);
    int r = thread_check(tid);

    return r ? r : copy_to_user(user, &ts, sizeof(ts));
}

/* All zeros but the size: SCHED_OTHER, nice 0. */
long sys_sched_getattr(int tid, void __user *user, u32 size, u32 flags)
{
    u32 attr[ATTR_SIZE / sizeof(u32)] = {ATTR_SIZE};
    int r;

    if (!user || tid < 0 || size < ATTR_SIZE || size > PAGE_SIZE || flags)
        return -EINVAL;
    r = thread_check(tid);
    return r ? r : copy_to_user(user, attr, sizeof(attr));
}
