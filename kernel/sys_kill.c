/*
 * The calls that send signals. Whom a number means is decided under
 * task_lock, in one pass with the sending, so nobody dies in between.
 */
#include <arch/uaccess.h>
#include <kernel/signal_queue.h>
#include <kernel/sys_proc.h>
#include <kernel/sys_signal.h>
#include <kernel/task.h>

static struct siginfo info_from_me(int sig, int code)
{
    struct siginfo info = {.si_signo = sig, .si_code = code};

    info.si_pid = (s32)current->task->pid;
    return info;
}

static bool signal_number_ok(int sig)
{
    return sig >= 0 && sig <= SIG_COUNT;
}

/* Signal 0 only asks whether the receiver is there. task_lock held. */
static long post(struct task *task, struct thread *t,
                 const struct siginfo *info)
{
    return info->si_signo ? signal_post(task, t, info) : 0;
}

static long kill_one(int pid, const struct siginfo *info)
{
    struct task *task;
    long r = -EINVAL;

    spin_lock(&task_lock);
    task = task_of_tid((u32)pid);
    if (!task)
        r = -ESRCH;
    else if (signal_number_ok(info->si_signo))
        r = post(task, NULL, info);
    spin_unlock(&task_lock);
    return r;
}

/* Everybody in the group; pgid 0: everybody but pid 1 and the caller. */
static long kill_many(u32 pgid, const struct siginfo *info)
{
    struct task *task, *me = current->task;
    bool found = false;

    spin_lock(&task_lock);
    list_for_each_entry (task, &all_tasks, all_link) {
        if (pgid ? task->pgid != pgid : task->pid == 1 || task == me)
            continue;
        found = true;
        if (signal_number_ok(info->si_signo))
            (void)post(task, NULL, info);
    }
    spin_unlock(&task_lock);
    if (!found)
        return -ESRCH;
    return signal_number_ok(info->si_signo) ? 0 : -EINVAL;
}

long sys_kill(int pid, int sig)
{
    struct siginfo info = info_from_me(sig, SI_USER);

    if (pid > 0)
        return kill_one(pid, &info);
    if (pid == 0)
        return kill_many(current->task->pgid, &info);
    if (pid == -1)
        return kill_many(0, &info);
    return kill_many(-(u32)pid, &info);
}

/* tgid 0: whatever task the thread belongs to. */
static long kill_thread(u32 tgid, u32 tid, const struct siginfo *info)
{
    struct thread *t = current;
    long r = -EINVAL;

    spin_lock(&task_lock);
    if (t->tid != tid)
        t = thread_find(tid);
    if (!t || !t->task || t->state == THREAD_DEAD ||
        (tgid && t->task->pid != tgid))
        r = -ESRCH;
    else if (signal_number_ok(info->si_signo))
        r = post(t->task, t, info);
    spin_unlock(&task_lock);
    return r;
}

long sys_tkill(int tid, int sig)
{
    struct siginfo info = info_from_me(sig, SI_TKILL);

    if (tid <= 0)
        return -EINVAL;
    return kill_thread(0, (u32)tid, &info);
}

long sys_tgkill(int tgid, int tid, int sig)
{
    struct siginfo info = info_from_me(sig, SI_TKILL);

    if (tgid <= 0 || tid <= 0)
        return -EINVAL;
    return kill_thread((u32)tgid, (u32)tid, &info);
}

/* The sender's own siginfo, as far as any has meaning. Only the kernel may
 * claim to be the kernel, or kill() itself, unless one writes to oneself. */
static int info_from_user(struct siginfo *info, int sig, int pid,
                          const struct siginfo __user *from)
{
    if (copy_from_user(info, from, sizeof(*info)))
        return -EFAULT;
    info->si_signo = sig;
    if ((info->si_code >= 0 || info->si_code == SI_TKILL) &&
        pid != (int)current->task->pid && pid != (int)current->tid)
        return -EPERM;
    return 0;
}

#define PIDFD_SIGNAL_THREAD        1u
#define PIDFD_SIGNAL_PROCESS_GROUP 4u

/* To a task that may have been waited for, and its number be another's. */
static long kill_task(struct task *task, const struct siginfo *info, u32 to)
{
    struct thread *t = NULL;
    long r = -EINVAL;

    if (to == PIDFD_SIGNAL_PROCESS_GROUP)
        return kill_many(task->pid, info);
    spin_lock(&task_lock);
    if (to == PIDFD_SIGNAL_THREAD)
        t = thread_find(task->pid);
    if (list_empty(&task->all_link) || (t && t->state == THREAD_DEAD))
        r = -ESRCH;
    else if (signal_number_ok(info->si_signo))
        r = post(task, t, info);
    spin_unlock(&task_lock);
    return r;
}

long sys_pidfd_send_signal(int fd, int sig, const struct siginfo __user *from,
                           u32 to)
{
    struct siginfo info =
        info_from_me(sig, to == PIDFD_SIGNAL_THREAD ? SI_TKILL : SI_USER);
    struct task *task;
    u32 signo;
    long r = 0;

    if (to > PIDFD_SIGNAL_PROCESS_GROUP || (to & (to - 1)))
        return -EINVAL;
    task = pidfd_task_get(fd);
    if (!task)
        return -EBADF;
    if (from) {
        r = get_user_32(&signo, (const u32 __user *)&from->si_signo);
        if (!r && (int)signo != sig)
            r = -EINVAL;
        if (!r)
            r = info_from_user(&info, sig, (int)task->pid, from);
    }
    if (!r)
        r = kill_task(task, &info, to);
    task_put(task);
    return r;
}

long sys_rt_sigqueueinfo(int pid, int sig, const struct siginfo __user *from)
{
    struct siginfo info;
    int r = info_from_user(&info, sig, pid, from);

    return r ? r : kill_one(pid, &info);
}

long sys_rt_tgsigqueueinfo(int tgid, int tid, int sig,
                           const struct siginfo __user *from)
{
    struct siginfo info;
    int r;

    if (tgid <= 0 || tid <= 0)
        return -EINVAL;
    r = info_from_user(&info, sig, tid, from);
    return r ? r : kill_thread((u32)tgid, (u32)tid, &info);
}
