/*
 * When a thread runs: its policy, real-time priority and nice value, see
 * sched(7). The run queues keep to them (sched.c); everybody is root here.
 */
#include <arch/uaccess.h>
#include <kernel/copy_struct.h>
#include <kernel/sched.h>
#include <kernel/sys_misc.h>
#include <kernel/time.h>

#define SCHED_RESET_ON_FORK 0x40000000
#define KEEP_POLICY         (-1)

/* sched_attr.sched_flags */
#define FLAG_RESET_ON_FORK 1u
#define FLAG_KEEP_POLICY   8u
#define FLAG_KEEP_PARAMS   16u

#define PRIO_PROCESS 0
#define PRIO_PGRP    1
#define PRIO_USER    2

#define NICE_MIN (-20)
#define NICE_MAX 19

/* struct sched_attr, first edition. */
struct sched_attr_k {
    u32 size, policy;
    u64 flags;
    s32 nice;
    u32 priority;
    u64 runtime, deadline, period;
};
#define ATTR_SIZE ((u32)sizeof(struct sched_attr_k))

struct thread *sched_target(int tid)
{
    struct thread *t;

    if (tid < 0)
        return NULL;
    t = tid ? thread_find((u32)tid) : current;
    return t && t->task ? t : NULL;
}

/* Reads a thread's: 0, -EINVAL, -ESRCH. */
static int params_get(int tid, struct sched_params *params)
{
    struct thread *t;

    if (tid < 0)
        return -EINVAL;
    spin_lock(&task_lock);
    t = sched_target(tid);
    if (t)
        *params = t->sched;
    spin_unlock(&task_lock);
    return t ? 0 : -ESRCH;
}

static bool real_time(int policy)
{
    return policy == SCHED_FIFO || policy == SCHED_RR;
}

/* The highest priority there is with the policy, or -EINVAL. */
static int priority_max(int policy)
{
    if (real_time(policy))
        return PRIO_KERNEL - 1;
    return policy == SCHED_OTHER || policy == SCHED_BATCH ||
                   policy == SCHED_IDLE
               ? 0
               : -EINVAL;
}

long sys_sched_get_priority_max(int policy)
{
    return priority_max(policy);
}

long sys_sched_get_priority_min(int policy)
{
    return min(priority_max(policy), 1);
}

/* Policy and priority, KEEP_POLICY: that of now; nice if it is not NULL. */
static int change(int tid, int policy, bool reset, int priority,
                  const int *nice)
{
    struct sched_params params;
    struct thread *t;
    int r = -EINVAL;

    spin_lock(&task_lock);
    t = sched_target(tid);
    if (t) {
        params = t->sched;
        if (policy != KEEP_POLICY) {
            params.policy = (u8)policy;
            params.reset_on_fork = reset;
        } else {
            policy = params.policy;
        }
        params.prio = (u8)priority;
        if (nice)
            params.nice = (s8)*nice;
        if (priority_max(policy) >= priority && priority >= 0 &&
            real_time(policy) == (priority != 0))
            r = 0;
    }
    if (!r)
        thread_set_sched(t, &params);
    spin_unlock(&task_lock);
    return t ? r : -ESRCH;
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
    return r ? r
             : change(tid, policy & ~SCHED_RESET_ON_FORK,
                      policy & SCHED_RESET_ON_FORK, priority, NULL);
}

long sys_sched_setparam(int tid, const int __user *param)
{
    int priority, r = fetch_priority(tid, param, &priority);

    return r ? r : change(tid, KEEP_POLICY, false, priority, NULL);
}

long sys_sched_getscheduler(int tid)
{
    struct sched_params p;
    int r = params_get(tid, &p);

    return r ? r : p.policy | (p.reset_on_fork ? SCHED_RESET_ON_FORK : 0);
}

long sys_sched_getparam(int tid, int __user *param)
{
    struct sched_params p;
    int r = param ? params_get(tid, &p) : -EINVAL, priority;

    if (r)
        return r;
    priority = p.prio;
    return copy_to_user(param, &priority, sizeof(priority));
}

long sys_sched_rr_get_interval(int tid, struct timespec_k __user *user)
{
    struct sched_params p;
    int r = params_get(tid, &p);
    struct timespec_k ts;

    if (r)
        return r;
    ts = ns_to_timespec(sched_slice(&p) * TICK_NS);
    return copy_to_user(user, &ts, sizeof(ts));
}

/* ---- struct sched_attr ---- */

static int fetch_attr(struct sched_attr_k *attr, void __user *user)
{
    u32 size = 0;

    if (copy_from_user(&size, user, sizeof(size)))
        return -EFAULT;
    if (!size)
        size = ATTR_SIZE;
    if (size < ATTR_SIZE || size > PAGE_SIZE) {
        size = ATTR_SIZE;
        return copy_to_user(user, &size, sizeof(size)) ? -EFAULT : -E2BIG;
    }
    return copy_struct_from_user(attr, ATTR_SIZE, user, size);
}

long sys_sched_setattr(int tid, void __user *user, u32 flags)
{
    const u32 known = FLAG_RESET_ON_FORK | FLAG_KEEP_POLICY | FLAG_KEEP_PARAMS;
    struct sched_attr_k attr;
    int r, nice;

    if (!user || tid < 0 || flags)
        return -EINVAL;
    r = fetch_attr(&attr, user);
    if (r)
        return r;
    if ((s32)attr.policy < 0 || (attr.flags & ~(u64)known))
        return -EINVAL;
    if (attr.flags & FLAG_KEEP_PARAMS) {
        struct sched_params p;

        r = params_get(tid, &p);
        if (r)
            return r;
        attr.priority = p.prio;
        attr.nice = p.nice;
    }
    nice = min(max(attr.nice, NICE_MIN), NICE_MAX);
    return change(
        tid, attr.flags & FLAG_KEEP_POLICY ? KEEP_POLICY : (int)attr.policy,
        attr.flags & FLAG_RESET_ON_FORK,
        (int)min(attr.priority, (u32)PRIO_KERNEL),
        real_time((int)attr.policy) ? NULL : &nice);
}

long sys_sched_getattr(int tid, void __user *user, u32 size, u32 flags)
{
    struct sched_attr_k attr = {.size = ATTR_SIZE};
    struct sched_params p;
    int r;

    if (!user || tid < 0 || size < ATTR_SIZE || size > PAGE_SIZE || flags)
        return -EINVAL;
    r = params_get(tid, &p);
    if (r)
        return r;
    attr.policy = p.policy;
    attr.flags = p.reset_on_fork ? FLAG_RESET_ON_FORK : 0;
    attr.priority = p.prio;
    if (!p.prio)
        attr.nice = p.nice;
    return copy_to_user(user, &attr, ATTR_SIZE);
}

/* ---- nice ---- */

/* Whether the call is about t. */
static bool meant(const struct thread *t, int which, int who)
{
    u32 pgid = who ? (u32)who : current->task->pgid;

    if (which == PRIO_PROCESS)
        return who ? t->tid == (u32)who : t == current;
    return which == PRIO_USER ? !who : t->task->pgid == pgid;
}

/* Sets the nice value of whoever is meant, unless nice is NULL. Returns the
 * lowest there was, as 20 - nice, or -ESRCH. */
static int each_nice(int which, int who, const int *nice)
{
    int found = -ESRCH;
    struct thread *t;

    spin_lock(&task_lock);
    list_for_each_entry (t, &all_threads, all_link) {
        struct sched_params params = t->sched;

        if (!t->task || !meant(t, which, who))
            continue;
        found = max(found, 20 - params.nice);
        if (!nice)
            continue;
        params.nice = (s8)*nice;
        thread_set_sched(t, &params);
    }
    spin_unlock(&task_lock);
    return found;
}

long sys_getpriority(int which, int who)
{
    if (which < PRIO_PROCESS || which > PRIO_USER)
        return -EINVAL;
    return each_nice(which, who, NULL);
}

long sys_setpriority(int which, int who, int nice)
{
    if (which < PRIO_PROCESS || which > PRIO_USER)
        return -EINVAL;
    nice = min(max(nice, NICE_MIN), NICE_MAX);
    return min(each_nice(which, who, &nice), 0);
}
