/* Random bytes, the machine's figures, and the scheduler's queries. */
#include <arch/machine.h>
#include <arch/uaccess.h>
#include <base/string.h>
#include <kernel/cpu.h>
#include <kernel/sys_misc.h>
#include <kernel/thread.h>
#include <kernel/time.h>

#define GRND_NONBLOCK 1u
#define GRND_RANDOM   2u
#define GRND_INSECURE 4u

#define RANDOM_MAX   0x1ffffffu /* most one call returns, see getrandom(2) */
#define RANDOM_CHUNK 256u

#define SCHED_OTHER 0
#define SCHED_FIFO  1
#define SCHED_RR    2
#define SCHED_BATCH 3
#define SCHED_IDLE  5

/* struct sysinfo of the ABI. */
struct sysinfo_k {
    s64 uptime;
    u64 loads[3];
    u64 totalram, freeram, sharedram, bufferram, totalswap, freeswap;
    u16 procs, pad;
    u64 totalhigh, freehigh;
    u32 mem_unit;
};

long sys_ni_syscall(void)
{
    return -ENOSYS;
}

/* A long request can be killed, but not interrupted once it has something. */
long sys_getrandom(void __user *buf, size_t n, u32 flags)
{
    u8 chunk[RANDOM_CHUNK];
    size_t done = 0, part, left;

    if ((flags & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE)) ||
        (flags & (GRND_RANDOM | GRND_INSECURE)) ==
            (GRND_RANDOM | GRND_INSECURE))
        return -EINVAL;
    n = min(n, (size_t)RANDOM_MAX);
    while (done < n && !thread_signal_pending(WAIT_KILLABLE)) {
        part = min(n - done, sizeof(chunk));
        hw_random(chunk, part);
        left = copy_to_user_partial(buf + done, chunk, part);
        done += part - left;
        if (left)
            return done ? (long)done : -EFAULT;
    }
    return (long)done;
}

long sys_sysinfo(void __user *user)
{
    struct sysinfo_k info;
    struct thread *t;

    memset(&info, 0, sizeof(info));
    info.uptime = (s64)(time_ns() / NSEC_PER_SEC);
    info.totalram = frames_total();
    info.freeram = frames_free();
    info.mem_unit = PAGE_SIZE;
    spin_lock(&task_lock);
    list_for_each_entry (t, &all_threads, all_link)
        info.procs++;
    spin_unlock(&task_lock);
    return copy_to_user(user, &info, sizeof(info));
}

long sys_getcpu(u32 __user *cpu, u32 __user *node)
{
    u32 id = cpu_id(), zero = 0;

    if (cpu && copy_to_user(cpu, &id, sizeof(id)))
        return -EFAULT;
    return node ? copy_to_user(node, &zero, sizeof(zero)) : 0;
}

/* libc then does without: it has a way by signals. */
long sys_membarrier(int cmd, u32 flags, int cpu)
{
    (void)cpu;
    return cmd || flags ? -EINVAL : 0;
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

long sys_getcwd(char __user *buf, size_t size)
{
    (void)buf;
    (void)size;
    return -ENOENT;
}
