/*
 * The current task becomes another program, execve(2): everything that can
 * fail is done first; then siblings die, and from there on nothing fails.
 */
#include <arch/tlb.h>
#include <base/string.h>
#include <kernel/cputime.h>
#include <kernel/cputime.h>
#include <kernel/exec.h>
#include <kernel/file.h>
#include <kernel/signal_queue.h>
#include <kernel/task.h>

/* Makes the current thread its task's heir: the siblings are doomed. False if
 * we are so ourselves. */
static bool siblings_doom(struct thread *t)
{
    struct task *task = t->task;
    struct thread *other;
    bool heir;

    spin_lock(&task_lock);
    heir = !thread_doomed(t);
    if (heir && task->thread_count > 1) {
        task->exec_thread = t;
        list_for_each_entry (other, &task->threads, task_link)
            if (other != t)
                signal_notify(other, true);
    }
    spin_unlock(&task_lock);
    return heir;
}

/* Waits until the siblings are gone; thread_exit() wakes us. A kill of the
 * whole task ends the wait. */
static int siblings_wait(struct thread *t)
{
    int r = 0;

    while (!r) {
        thread_prepare_block(WAIT_KILLABLE);
        if (READ_ONCE(t->task->thread_count) == 1)
            break;
        r = thread_block();
    }
    thread_cancel_block();
    return r;
}

/* The only thread left takes the task's name: its tid is the pid. */
static int become_single(struct thread *t)
{
    struct task *task = t->task;
    int r;

    if (!siblings_doom(t))
        return -EAGAIN;
    r = task->exec_thread ? siblings_wait(t) : 0;
    spin_lock(&task_lock);
    task->exec_thread = NULL;
    if (!r && t->tid != task->pid) { /* a dead leader's stack may still be */
        struct thread *leader = thread_find(task->pid);

        if (leader)
            leader->tid = t->tid;
        t->tid = task->pid;
    }
    spin_unlock(&task_lock);
    return r ? -EAGAIN : 0;
}

static void reset_signals(struct thread *t)
{
    signal_actions_reset(t->task->sighand);
    spin_lock(&task_lock);
    memset(&t->sig_stack, 0, sizeof(t->sig_stack));
    t->sig_stack.ss_flags = SS_DISABLE;
    spin_unlock(&task_lock);
}

/* The CPU and the task move to the new space; the old one loses a user. */
static void switch_space(struct thread *t, struct mm_struct *mm)
{
    struct task *task = t->task;
    struct mm_struct *old = task->mm;
    u64 flags = irq_save();

    spin_lock(&task_lock);
    task->mm = mm;
    t->mm = mm;
    spin_unlock(&task_lock);
    mm_switch(mm);
    irq_restore(flags);
    if (old) {
        usage_leave_mm(task, old);
        mm_put(old);
    }
}

/* What comes after the last slash; names the task. */
static void name_after(struct thread *t, const char *path)
{
    const char *slash;

    while ((slash = strchr(path, '/')))
        path = slash + 1;
    str_copy(t->name, path, sizeof(t->name));
    str_copy(t->task->name, path, sizeof(t->task->name));
}

static int sighand_unshare(struct task *task)
{
    struct sighand *shared = task->sighand, *own;

    if (READ_ONCE(shared->refcount) == 1)
        return 0;
    own = sighand_copy(shared);
    if (!own)
        return -ENOMEM;
    spin_lock(&task_lock);
    task->sighand = own;
    spin_unlock(&task_lock);
    sighand_put(shared);
    return 0;
}

/* No siblings, and descriptors and signal actions of its own: in that order,
 * for a sibling may be using the table that is let go. Past the first there is
 * no way back.
 */
static int become_alone(struct thread *t)
{
    int r = become_single(t);

    if (r)
        return r;
    r = files_unshare();
    if (!r)
        r = sighand_unshare(t->task);
    if (r)
        signal_force(SIGKILL, SI_KERNEL, 0);
    return r;
}

int exec_current(struct mem_object *image, const char *name,
                 const struct exec_args *args)
{
    struct thread *t = current;
    struct exec_program program;
    int r = exec_load(image, name, args, &program);

    if (r)
        return r;
    r = become_alone(t);
    if (r) {
        mm_put(program.mm);
        return r;
    }
    thread_robust_exit(t);
    thread_clear_tid(t);
    switch_space(t, program.mm);
    task_release_vfork(t->task);
    reset_signals(t);
    posix_timers_free(t->task);
    files_close_exec(t->files);
    name_after(t, args->argc ? args->strings : name);
    t->task->did_exec = true;
    t->task->exit_signal = SIGCHLD;
    arch_thread_exec(program.ip, program.sp);
    return 0;
}
