/*
 * Between the signal files only: what is pending, and taking it. All of it
 * under task_lock unless said otherwise.
 */
#ifndef KERNEL_SIGNAL_QUEUE_H
#define KERNEL_SIGNAL_QUEUE_H

#include <kernel/thread.h>

/* Signals nobody may block, catch or ignore. */
#define SIG_UNSTOPPABLE (SIG_BIT(SIGKILL) | SIG_BIT(SIGSTOP))

/* Whose default action is to do nothing. There is no job control yet: a stop
 * would wait for a SIGCONT that no shell sends, so stops are here as well. */
#define SIG_DEFAULT_IGNORED                                                    \
    (SIG_BIT(SIGCHLD) | SIG_BIT(SIGCONT) | SIG_BIT(SIGURG) |                   \
     SIG_BIT(SIGWINCH) | SIG_BIT(SIGSTOP) | SIG_BIT(SIGTSTP) |                 \
     SIG_BIT(SIGTTIN) | SIG_BIT(SIGTTOU))

/* What becomes of sig in task: nothing / the task's end. */
bool signal_ignored(const struct task *task, int sig);
bool signal_fatal(const struct task *task, int sig);

/* Makes info pending for t (or, t NULL, for the whole task) and wakes whom it
 * concerns. */
void signal_post(struct task *task, struct thread *t,
                 const struct siginfo *info);

/* Makes t look at its signals, and ends its wait if the mode admits. */
void signal_notify(struct thread *t, bool fatal);

/* Takes the first pending signal of `allowed` for t: its own before the
 * task's, lower numbers first. Returns its number, or 0. */
int signal_take(struct thread *t, u64 allowed, struct siginfo *info);

/* Forgets sig wherever it is pending in task: it is ignored from now on. */
void signal_flush(struct task *task, int sig);

/* Changes the current thread's mask; task-wide signals it no longer takes are
 * offered to its siblings. Takes task_lock itself. */
void signal_set_mask(u64 mask);

/* Pending for t itself or its task, blocked or not. No lock needed. */
static inline u64 signal_pending_set(const struct thread *t)
{
    return READ_ONCE(t->sig_pending) | READ_ONCE(t->task->sig_pending);
}

/* sp lies on t's alternate stack, see sigaltstack(2). */
static inline bool on_signal_stack(const struct thread *t, u64 sp)
{
    return sp > t->sig_stack.ss_sp &&
           sp - t->sig_stack.ss_sp <= t->sig_stack.ss_size;
}

#endif
