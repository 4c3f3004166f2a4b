/*
 * Whose terminal it is: the session it controls and that session's foreground
 * group, which gets the line's signals and alone may read, see credentials(7)
 * and ioctl_tty(2). Relies on task_lock for all of it; signals typed on the
 * line come in an interrupt and are sent by the timer thread.
 */
#include <kernel/signal_queue.h>
#include <kernel/tty.h>

static u32 tty_sid, tty_pgid; /* 0: nobody's */
static u32 typed;             /* atomic: bit n: signal n */

static bool controls(const struct task *task)
{
    return tty_sid && task->sid == tty_sid && !task->left_tty;
}

static void group_signal(u32 pgid, int sig)
{
    const struct siginfo info = {.si_signo = sig, .si_code = SI_KERNEL};
    struct task *task;

    list_for_each_entry (task, &all_tasks, all_link)
        if (task->pgid == pgid)
            (void)signal_post(task, NULL, &info);
}

static void send_typed(void)
{
    u32 set = __atomic_exchange_n(&typed, 0, __ATOMIC_ACQ_REL);

    for (; set && tty_pgid; set &= set - 1)
        group_signal(tty_pgid, __builtin_ctz(set));
}

void tty_signal(int sig)
{
    __atomic_fetch_or(&typed, 1u << sig, __ATOMIC_RELEASE);
    ktimer_defer(send_typed);
}

int tty_check(int sig)
{
    struct thread *t = current;
    struct task *task = t->task;
    int r = 0;

    spin_lock(&task_lock);
    if (controls(task) && task->pgid != tty_pgid) {
        if ((t->sig_mask & SIG_BIT(sig)) || signal_ignored(task, sig)) {
            r = sig == SIGTTIN ? -EIO : 0;
        } else if (job_orphaned(task->pgid, NULL)) {
            r = -EIO;
        } else {
            group_signal(task->pgid, sig);
            r = -ERESTARTSYS;
        }
    }
    spin_unlock(&task_lock);
    return r;
}

int tty_take_control(bool steal)
{
    const struct task *me = current->task;
    int r = 0;

    spin_lock(&task_lock);
    if (me->pid != me->sid || (tty_sid && tty_sid != me->sid && !steal)) {
        r = -EPERM;
    } else if (!controls(me)) {
        current->task->left_tty = false;
        tty_sid = me->sid;
        tty_pgid = me->pgid;
    }
    spin_unlock(&task_lock);
    return r;
}

void tty_leader_ends(const struct task *task)
{
    u32 pgid = tty_pgid;

    if (!controls(task))
        return;
    tty_sid = tty_pgid = 0;
    group_signal(pgid, SIGHUP);
    group_signal(pgid, SIGCONT);
}

int tty_leave(void)
{
    struct task *me = current->task;
    int r = -ENOTTY;

    spin_lock(&task_lock);
    if (controls(me)) {
        r = 0;
        if (me->pid == me->sid)
            tty_leader_ends(me);
        else
            me->left_tty = true;
    }
    spin_unlock(&task_lock);
    return r;
}

int tty_foreground(u32 *pgid, u32 *sid)
{
    int r = -ENOTTY;

    spin_lock(&task_lock);
    if (controls(current->task)) {
        *pgid = tty_pgid;
        *sid = tty_sid;
        r = 0;
    }
    spin_unlock(&task_lock);
    return r;
}

int tty_set_foreground(int pgid)
{
    const struct task *task;
    int r = -ESRCH;

    if (pgid < 0)
        return -EINVAL;
    spin_lock(&task_lock);
    list_for_each_entry (task, &all_tasks, all_link)
        if (task->pgid == (u32)pgid && r)
            r = task->sid == tty_sid ? 0 : -EPERM;
    if (!controls(current->task))
        r = -ENOTTY;
    if (!r)
        tty_pgid = (u32)pgid;
    spin_unlock(&task_lock);
    return r;
}
