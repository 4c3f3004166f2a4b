/*
 * Delivering signals on the way back to user mode: a handler's frame, or the
 * default action. Decides what becomes of the system call that was broken
 * off, see signal(7) "Interruption of system calls". Relies on the machine's
 * room for the frame itself.
 */
#include <arch/thread.h>
#include <kernel/signal_queue.h>
#include <kernel/trace.h>

#define NR_RESTART_SYSCALL 219 /* restart_syscall(2) */

/* A signal taken, and how its task answers it. */
struct delivery {
    struct siginfo info;
    struct sigaction_k action;
    int sig;
    bool forced; /* the thread's own doing: a fault or a trap */
};

/* The next signal of the current thread; a fault's own comes first, since it
 * belongs to the very instruction. Returns false when there is none. */
static bool delivery_next(struct thread *t, struct delivery *d)
{
    struct sigaction_k *action;

    d->forced = t->fault_info.si_signo != 0;
    if (d->forced) {
        d->info = t->fault_info;
        d->sig = d->info.si_signo;
        t->fault_info.si_signo = 0;
    } else {
        d->sig = signal_take(t, ~t->sig_mask, &d->info);
    }
    if (!d->sig)
        return false;
    action = &t->task->sighand->actions[d->sig - 1];
    d->action = *action;
    if ((action->sa_flags & SA_RESETHAND) && action->sa_handler > SIG_IGN)
        action->sa_handler = SIG_DFL;
    return true;
}

/* The default action of a stop signal. A group nobody minds is not stopped
 * from the terminal. task_lock held. */
static void delivery_stop(struct task *task, int sig)
{
    if (sig == SIGSTOP || !job_orphaned(task->pgid, NULL))
        job_stop(task, sig);
}

static bool delivery_stops(const struct task *task, const struct delivery *d)
{
    return (SIG_BIT(d->sig) & SIG_STOPS) && d->action.sa_handler == SIG_DFL &&
           task->pid != 1;
}

/* The default action that ends the task. Only a fault is worth a line. */
static void delivery_kill(const struct delivery *d)
{
    if (d->forced)
        trace_killed(d->sig, d->info.si_code, d->info.si_addr);
    task_begin_exit(current->task, d->sig);
    thread_exit(d->sig);
}

/* Takes signals until one has a handler. May end the thread. */
static bool delivery_with_handler(struct thread *t, struct delivery *d)
{
    struct task *task = t->task;
    bool fatal;

    for (;;) {
        spin_lock(&task_lock);
        if (thread_doomed(t)) {
            int status = task->exit_status;

            spin_unlock(&task_lock);
            thread_exit(status);
        }
        if (unlikely(task->stop_sig)) {
            job_stand_still(t);
            continue;
        }
        if (!delivery_next(t, d)) {
            spin_unlock(&task_lock);
            return false;
        }
        if (delivery_stops(task, d))
            delivery_stop(task, d->sig);
        fatal = d->action.sa_handler == SIG_DFL &&
                (d->forced || signal_fatal(task, d->sig));
        spin_unlock(&task_lock);
        if (fatal)
            delivery_kill(d);
        if (d->action.sa_handler > SIG_IGN)
            return true;
    }
}

/* The call that returned `result` runs again, now that a handler with
 * `action` or (NULL) none runs. */
static bool restarts(long result, const struct sigaction_k *action)
{
    if (!action || result == -ERESTARTNOINTR)
        return true;
    return result == -ERESTARTSYS && (action->sa_flags & SA_RESTART);
}

/* The interrupted system call ends with EINTR or runs again; action: of the
 * handler about to run, NULL if none does. */
static void syscall_resume(struct regs *regs, const struct sigaction_k *action)
{
    long result = regs_return(regs);

    if (likely(result > -ERESTARTSYS || result < -ERESTART_RESTARTBLOCK) ||
        (s64)regs_syscall(regs) < 0)
        return;
    if (restarts(result, action)) {
        arch_restart_syscall(regs);
        if (result == -ERESTART_RESTARTBLOCK)
            regs_set_return(regs, NR_RESTART_SYSCALL);
    } else {
        regs_set_return(regs, -EINTR);
        current->restart.again = NULL;
    }
}

/* Where SA_ONSTACK sends the handler: the alternate stack's top, or 0. */
static u64 handler_stack(const struct thread *t, const struct regs *regs,
                         const struct sigaction_k *action)
{
    const struct stack_k *ss = &t->sig_stack;

    if (!(action->sa_flags & SA_ONSTACK) || !ss->ss_size ||
        on_signal_stack(t, regs_sp(regs)))
        return 0;
    return ss->ss_sp + ss->ss_size;
}

/* No usable stack for the frame. A handler of SIGSEGV that cannot run must not
 * be tried again. */
static void frame_failed(struct thread *t, int sig)
{
    if (sig == SIGSEGV) {
        spin_lock(&task_lock);
        t->task->sighand->actions[SIGSEGV - 1].sa_handler = SIG_DFL;
        spin_unlock(&task_lock);
    }
    signal_force(SIGSEGV, SI_KERNEL, 0);
}

static void run_handler(struct thread *t, struct regs *regs,
                        const struct delivery *d)
{
    const struct sigaction_k *action = &d->action;
    u64 restore = t->sig_restore_mask ? t->sig_saved_mask : t->sig_mask;
    u64 mask = t->sig_mask | action->sa_mask;

    if (arch_signal_frame(t, d->sig, &d->info, action, restore,
                          handler_stack(t, regs, action))) {
        frame_failed(t, d->sig);
        return;
    }
    t->sig_restore_mask = false;
    if ((u32)t->sig_stack.ss_flags & SS_AUTODISARM) /* sigreturn arms it */
        t->sig_stack = (struct stack_k){.ss_flags = SS_DISABLE};
    if (!(action->sa_flags & SA_NODEFER))
        mask |= SIG_BIT(d->sig);
    signal_set_mask(mask);
}

/* One signal at a time: if there are more, the thread comes back here. */
void signal_deliver(struct regs *regs)
{
    struct thread *t = current;
    struct delivery d;

    if (delivery_with_handler(t, &d)) {
        syscall_resume(regs, &d.action);
        run_handler(t, regs, &d);
        return;
    }
    syscall_resume(regs, NULL);
    if (t->sig_restore_mask) {
        t->sig_restore_mask = false;
        signal_set_mask(t->sig_saved_mask);
    }
}
