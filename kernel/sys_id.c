/*
 * Who is who: numbers of tasks, threads, groups and sessions, see
 * credentials(7). There is one user, root.
 */
#include <kernel/sys_proc.h>
#include <kernel/task.h>

long sys_getpid(void)
{
    return current->task->pid;
}

long sys_gettid(void)
{
    return current->tid;
}

long sys_getppid(void)
{
    return READ_ONCE(current->task->ppid);
}

long sys_getuid(void)
{
    return 0;
}

long sys_geteuid(void)
{
    return 0;
}

long sys_getgid(void)
{
    return 0;
}

long sys_getegid(void)
{
    return 0;
}

long sys_set_tid_address(u32 __user *word)
{
    current->clear_child_tid = word;
    return current->tid;
}

/* pid 0: the caller. task_lock held. */
static struct task *task_of(int pid)
{
    return pid ? task_find(pid) : current->task;
}

long sys_getpgid(int pid)
{
    struct task *task;
    long r;

    spin_lock(&task_lock);
    task = task_of(pid);
    r = task ? (long)task->pgid : -ESRCH;
    spin_unlock(&task_lock);
    return r;
}

long sys_getpgrp(void)
{
    return current->task->pgid;
}

long sys_getsid(int pid)
{
    struct task *task;
    long r;

    spin_lock(&task_lock);
    task = task_of(pid);
    r = task ? (long)task->sid : -ESRCH;
    spin_unlock(&task_lock);
    return r;
}

/* Some task of session sid (0: of any) is in the group. task_lock held. */
static bool group_exists(u32 pgid, u32 sid)
{
    struct task *task;

    list_for_each_entry (task, &all_tasks, all_link)
        if (task->pgid == pgid && (!sid || task->sid == sid))
            return true;
    return false;
}

/* The rules of setpgid(2), in Linux's order. task_lock held. */
static int setpgid_check(const struct task *task, u32 pgid)
{
    const struct task *me = current->task;

    if (!task || (task != me && task->parent != me))
        return -ESRCH;
    if (task != me && task->sid != me->sid)
        return -EPERM;
    if (task != me && task->did_exec)
        return -EACCES;
    if (task->sid == task->pid)
        return -EPERM;
    if (pgid != task->pid && !group_exists(pgid, me->sid))
        return -EPERM;
    return 0;
}

long sys_setpgid(int pid, int pgid)
{
    struct task *task;
    long r;

    if (pgid < 0 || (!pgid && pid < 0))
        return -EINVAL;
    spin_lock(&task_lock);
    task = task_of(pid);
    if (task && !pgid)
        pgid = task->pid;
    r = setpgid_check(task, pgid);
    if (!r)
        task->pgid = pgid;
    spin_unlock(&task_lock);
    return r;
}

long sys_setsid(void)
{
    struct task *me = current->task;
    long r = -EPERM;

    spin_lock(&task_lock);
    if (!group_exists(me->pid, 0)) {
        me->sid = me->pgid = me->pid;
        r = me->sid;
    }
    spin_unlock(&task_lock);
    return r;
}
