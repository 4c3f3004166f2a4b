/*
 * Limits and usage: getrlimit(2), prlimit(2), getrusage(2).
 */
#include <arch/uaccess.h>
#include <kernel/file.h>
#include <kernel/cputime.h>

#define RUSAGE_SELF     0
#define RUSAGE_CHILDREN (-1)
#define RUSAGE_THREAD   1

/* Root may raise hard limits, but not above what the kernel can hold. */
static int limit_check(u32 resource, const struct rlimit_k *limit)
{
    if (limit->cur > limit->max)
        return -EINVAL;
    if (resource == RLIMIT_NOFILE && limit->max > FILES_MAX)
        return -EPERM;
    return 0;
}

struct rlimit_k rlimit_current(unsigned resource)
{
    return current->task->limits[resource];
}

/* mm/ looks at some limits only where there is one. task_lock held. */
static void limit_set(struct task *task, u32 resource,
                      const struct rlimit_k *limit)
{
    task->limits[resource] = *limit;
    if (resource == RLIMIT_CPU)
        cpu_limits_changed(task);
    if (task->mm)
        mm_note_limit(task->mm, resource, limit->cur);
}

/* Reads and, if new is given, sets. pid 0: the caller's task. */
static int do_prlimit(u32 pid, u32 resource, const struct rlimit_k *new,
                      struct rlimit_k *old)
{
    struct task *task;
    int r = 0;

    if (resource >= RLIMIT_COUNT)
        return -EINVAL;
    if (new)
        r = limit_check(resource, new);
    if (r)
        return r;
    spin_lock(&task_lock);
    task = pid ? task_find(pid) : current->task;
    if (task) {
        *old = task->limits[resource];
        if (new)
            limit_set(task, resource, new);
    }
    spin_unlock(&task_lock);
    return task ? 0 : -ESRCH;
}

long sys_prlimit64(int pid, u32 resource, const struct rlimit_k __user *limit,
                   struct rlimit_k __user *old)
{
    struct rlimit_k set, was;
    int r;

    if (limit && copy_from_user(&set, limit, sizeof(set)))
        return -EFAULT;
    r = do_prlimit(pid, resource, limit ? &set : NULL, &was);
    if (r || !old)
        return r;
    return copy_to_user(old, &was, sizeof(was));
}

long sys_getrlimit(u32 resource, struct rlimit_k __user *limit)
{
    struct rlimit_k was;
    int r = do_prlimit(0, resource, NULL, &was);

    return r ? r : copy_to_user(limit, &was, sizeof(was));
}

long sys_setrlimit(u32 resource, const struct rlimit_k __user *limit)
{
    struct rlimit_k set, was;

    if (copy_from_user(&set, limit, sizeof(set)))
        return -EFAULT;
    return do_prlimit(0, resource, &set, &was);
}

static struct rusage_sums usage_of(int who, struct task *task)
{
    struct rusage_sums sums;

    spin_lock(&task_lock);
    if (who == RUSAGE_CHILDREN)
        sums = task->child;
    else
        sums = who == RUSAGE_SELF ? task_usage(task) : thread_usage(current);
    spin_unlock(&task_lock);
    return sums;
}

long sys_getrusage(int who, struct rusage_k __user *rusage)
{
    struct rusage_sums sums;
    struct rusage_k ru;

    if (who != RUSAGE_SELF && who != RUSAGE_CHILDREN && who != RUSAGE_THREAD)
        return -EINVAL;
    sums = usage_of(who, current->task);
    rusage_fill(&ru, &sums);
    return copy_to_user(rusage, &ru, sizeof(ru));
}
