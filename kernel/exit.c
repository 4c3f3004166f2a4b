/*
 * How threads and tasks end, _exit(2). Each thread gives up its own things;
 * the last one gives up the task's, finds its children a new parent and tells
 * the old one. A thread cannot free its own stack: the scheduler does.
 */
#include <arch/tlb.h>
#include <arch/uaccess.h>
#include <kernel/cpu.h>
#include <kernel/cputime.h>
#include <kernel/file.h>
#include <kernel/futex.h>
#include <kernel/signal_queue.h>
#include <kernel/sys_proc.h>
#include <kernel/task.h>
#include <kernel/tty.h>
#include <kernel/uffd.h>
#include <mm/userfaultfd.h>

void task_begin_exit(struct task *task, int status)
{
    struct thread *me = current;

    spin_lock(&task_lock);
    if (!thread_doomed(me))
        signal_end_task(task, status, me);
    spin_unlock(&task_lock);
}

void thread_clear_tid(struct thread *t)
{
    u32 __user *word = t->clear_child_tid;

    if (!word)
        return;
    t->clear_child_tid = NULL;
    if (t->task->thread_count == 1 && READ_ONCE(t->mm->users) == 1)
        return;
    if (!put_user_32(0, word))
        (void)futex_wake_addr(word, 1);
}

void task_release_vfork(struct task *task)
{
    struct thread *waiter;

    if (likely(!READ_ONCE(task->vfork_waiter)))
        return;
    spin_lock(&task_lock);
    waiter = task->vfork_waiter;
    task->vfork_waiter = NULL;
    if (waiter)
        thread_wake(waiter);
    spin_unlock(&task_lock);
}

/* Leaves the address space: whoever is the task's last thread may take it apart
 * as soon as this one no longer counts, on another CPU. (Here it would be seen
 * to be loaded, arch_mm_destroy().) */
static void thread_leave_mm(struct thread *t)
{
    u64 flags = irq_save();

    t->mm = NULL;
    if (cpu_count > 1)
        mm_switch(NULL);
    irq_restore(flags);
}

/* Gives up the address space and the descriptors. May sleep. */
static void task_free_resources(struct task *task)
{
    struct mm_struct *mm = task->mm;

    usage_leave_mm(task, mm);
    spin_lock(&task_lock);
    task->mm = NULL;
    spin_unlock(&task_lock);
    task_release_vfork(task);
    posix_timers_free(task);
    mm_put(mm);
}

/* PR_SET_PDEATHSIG: the child wanted to know that its parent ends. */
static void tell_death(struct task *child)
{
    struct siginfo info = {.si_signo = child->pdeath_sig};

    info.si_pid = (s32)current->task->pid;
    (void)signal_post(child, NULL, &info);
}

/* Who gets a task's orphans: the nearest ancestor that wants them, see
 * prctl(2), else pid 1, NULL once that has ended. task_lock held. */
static struct task *reaper_of(const struct task *task)
{
    struct task *p;

    for (p = task->parent; p && p != init_task; p = p->parent)
        if (p->subreaper && !p->exiting)
            return p;
    return init_task;
}

/* The children go to the reaper, which has to be told of the dead among them;
 * true if there are such. task_lock held. */
static bool reparent_children(struct task *task, struct task *reaper)
{
    struct task *child, *next;
    bool dead = false;

    list_for_each_entry_safe (child, next, &task->children, sibling) {
        child->parent = reaper;
        child->ppid = reaper ? reaper->pid : 0;
        child->exit_signal = SIGCHLD;
        dead |= child->zombie;
        if (unlikely(child->pdeath_sig))
            tell_death(child);
        job_child_left(child, task);
        if (reaper)
            list_move_tail(&child->sibling, &reaper->children);
        else
            list_del_init(&child->sibling);
    }
    return dead;
}

/* Tells parent (a reference is ours to drop) that a child ended. */
static void notify_parent(struct task *parent, const struct task *child,
                          int sig)
{
    int status = child->exit_status;
    struct siginfo info = {.si_signo = sig};

    info.si_code = status & 0x7f ? CLD_KILLED : CLD_EXITED;
    info.si_pid = child->pid;
    info.si_utime = (s64)(child->told.user / NSEC_PER_TICK);
    info.si_stime = (s64)(child->told.system / NSEC_PER_TICK);
    info.si_status = status & 0x7f ? status & 0x7f : status >> 8;
    if (sig)
        signal_send_task(parent, &info);
    wake_up_all(&parent->child_exit);
    task_put(parent);
}

/* Nobody will ask for its status: the parent said so by ignoring the signal,
 * see wait(2). task_lock held. */
static bool nobody_waits(const struct task *task)
{
    const struct sigaction_k *action =
        &task->parent->sighand->actions[SIGCHLD - 1];

    return task->exit_signal == SIGCHLD &&
           (action->sa_handler == SIG_IGN || (action->sa_flags & SA_NOCLDWAIT));
}

/* The task becomes a zombie, or vanishes at once. */
static void task_end(struct task *task)
{
    struct task *parent, *heir = NULL;
    bool vanish = false;

    spin_lock(&task_lock);
    job_task_ends(task);
    if (unlikely(task->pid == task->sid))
        tty_leader_ends(task);
    if (!list_empty(&task->children)) {
        struct task *reaper = reaper_of(task);

        if (reparent_children(task, reaper) && reaper) {
            heir = reaper;
            task_get(heir);
        }
    }
    parent = task->parent;
    if (parent) {
        task_get(parent);
        vanish = nobody_waits(task);
    }
    (void)task_cputime(task); /* for the parent's siginfo */
    task->zombie = true;
    ktimer_set(&task->real_timer, 0);
    if (vanish)
        task_unlink(task);
    spin_unlock(&task_lock);
    wake_up_all(&task->end);
    if (heir)
        notify_parent(heir, task, SIGCHLD);
    if (parent)
        notify_parent(parent, task,
                      task->exit_signal <= SIG_COUNT ? task->exit_signal : 0);
    if (vanish)
        task_put(task);
}

/* Leaves the task; true for its last thread. What the leader returns is what
 * the task returns, unless the task as a whole was ended. */
static bool thread_leave(struct thread *t, int status)
{
    struct task *task = t->task;
    bool last;

    spin_lock(&task_lock);
    list_del_init(&t->task_link);
    cputime_leave(t);
    if (!task->exiting && t->tid == task->pid)
        task->exit_status = status;
    last = --task->thread_count == 0;
    if (unlikely(task->stop_sig))
        job_thread_left(task);
    if (last)
        task->exiting = true;
    else if (task->thread_count == 1 && task->exec_thread)
        thread_wake(task->exec_thread);
    if (unlikely(task->pending.set))
        signal_hand_over(t);
    spin_unlock(&task_lock);
    return last;
}

void thread_exit(int status)
{
    struct thread *t = current;
    struct task *task = t->task;
    bool last;

    /* Whatever we may still sleep on is broken off if we were killed. */
    if (thread_doomed(t))
        __atomic_fetch_or(&t->work, WORK_SIGNAL, __ATOMIC_RELAXED);
    t->exits = true;
    thread_robust_exit(t);
    thread_clear_tid(t);
    files_set(NULL);
    thread_leave_mm(t);
    last = thread_leave(t, status);
    if (unlikely(!list_empty(&userfaultfd_all)))
        uffd_thread_gone(t, last);
    if (last) {
        task_free_resources(task);
        if (task->pid == 1)
            shutdown_start(task->exit_status);
        task_end(task);
    }
    thread_exit_final();
}

long sys_exit(int code)
{
    thread_exit((code & 0xff) << 8);
}

long sys_exit_group(int code)
{
    int status = (code & 0xff) << 8;

    task_begin_exit(current->task, status);
    thread_exit(status);
}
