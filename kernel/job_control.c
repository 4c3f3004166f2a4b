/*
 * Stopping and continuing tasks, see signal(7) and wait(2). A stop begins with
 * the thread that takes the signal; each other thread joins on its way to user
 * mode, where it waits; with the last of them the task is stopped and its
 * parent is told. All under task_lock.
 */
#include <kernel/signal_queue.h>

/* Tells the parent, which may not want to know by signal. */
static void tell_parent(const struct task *task, int why, int status)
{
    struct task *parent = task->parent;
    const struct sigaction_k *action;
    struct siginfo info = {.si_signo = SIGCHLD, .si_code = why};

    if (!parent)
        return;
    info.si_pid = (s32)task->pid;
    info.si_status = status;
    action = &parent->sighand->actions[SIGCHLD - 1];
    if (action->sa_handler != SIG_IGN && !(action->sa_flags & SA_NOCLDSTOP))
        (void)signal_post(parent, NULL, &info);
    wake_up_all(&parent->child_exit);
}

/* Every thread stands still. */
static void stop_complete(struct task *task)
{
    task->stop_report = CLD_STOPPED;
    task->stop_status = task->stop_sig;
    tell_parent(task, CLD_STOPPED, task->stop_sig);
}

void job_stop(struct task *task, int sig)
{
    struct thread *t;

    if (task->stop_sig)
        return;
    task->stop_sig = sig;
    task->stop_count = 0;
    list_for_each_entry (t, &task->threads, task_link)
        signal_notify(t, false);
}

/* Counted once for each stop, which may follow upon another's end. */
static void stop_count(struct thread *t)
{
    struct task *task = t->task;

    if (t->stopped)
        return;
    t->stopped = true;
    if (++task->stop_count == task->thread_count)
        stop_complete(task);
}

void job_stand_still(struct thread *t)
{
    struct task *task = t->task;

    t->waiting_for = "SIGCONT";
    for (;;) {
        thread_prepare_block(WAIT_UNINTERRUPTIBLE);
        if (!task->stop_sig || thread_doomed(t))
            break;
        stop_count(t);
        spin_unlock(&task_lock);
        (void)thread_block();
        spin_lock(&task_lock);
    }
    if (t->stopped)
        task->stop_count--;
    t->stopped = false;
    spin_unlock(&task_lock);
    thread_cancel_block();
    t->waiting_for = NULL;
}

void job_continue(struct task *task)
{
    bool complete = task->stop_count == task->thread_count;
    struct thread *t;
    int sig = task->stop_sig;

    if (likely(!sig))
        return;
    task->stop_sig = 0;
    task->stop_count = 0;
    task->stop_report = CLD_CONTINUED;
    task->stop_status = SIGCONT;
    list_for_each_entry (t, &task->threads, task_link) {
        if (!t->stopped)
            continue;
        t->stopped = false;
        thread_wake(t);
    }
    tell_parent(task, complete ? CLD_CONTINUED : CLD_STOPPED,
                complete ? SIGCONT : sig);
}

void job_thread_left(struct task *task)
{
    if (task->stop_sig && task->thread_count &&
        task->stop_count == task->thread_count &&
        task->stop_report != CLD_STOPPED)
        stop_complete(task);
}

/* A member whose parent is in the session but in another group could hear of
 * a stop and continue it. */
static bool minded(const struct task *task)
{
    const struct task *parent = task->parent;

    return !task->zombie && parent && parent->pid != 1 &&
           parent->pgid != task->pgid && parent->sid == task->sid;
}

bool job_orphaned(u32 pgid, const struct task *but)
{
    const struct task *task;

    list_for_each_entry (task, &all_tasks, all_link)
        if (task->pgid == pgid && task != but && minded(task))
            return false;
    return true;
}

static bool has_stopped(u32 pgid)
{
    const struct task *task;

    list_for_each_entry (task, &all_tasks, all_link)
        if (task->pgid == pgid && task->stop_sig &&
            task->stop_count == task->thread_count)
            return true;
    return false;
}

/* The group is orphaned, now that `but` no longer counts: if it stands still
 * nobody would ever continue it. */
static void group_left(u32 pgid, const struct task *but)
{
    const struct siginfo hangup = {.si_signo = SIGHUP, .si_code = SI_KERNEL};
    const struct siginfo go_on = {.si_signo = SIGCONT, .si_code = SI_KERNEL};
    struct task *task;

    if (!has_stopped(pgid) || !job_orphaned(pgid, but))
        return;
    list_for_each_entry (task, &all_tasks, all_link) {
        if (task->pgid != pgid)
            continue;
        (void)signal_post(task, NULL, &hangup);
        (void)signal_post(task, NULL, &go_on);
    }
}

void job_task_ends(const struct task *task)
{
    if (unlikely(minded(task)))
        group_left(task->pgid, task);
}

void job_child_left(const struct task *child, const struct task *old_parent)
{
    if (unlikely(child->pgid != old_parent->pgid) &&
        child->sid == old_parent->sid)
        group_left(child->pgid, NULL);
}
