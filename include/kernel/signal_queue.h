/*
 * Between the signal files only: what is pending, and taking it. All of it
 * under task_lock unless said otherwise.
 */
#pragma once

#include <kernel/thread.h>

/* Signals nobody may block, catch or ignore. */
#define SIG_UNSTOPPABLE (SIG_BIT(SIGKILL) | SIG_BIT(SIGSTOP))

/* Whose default action is to do nothing / to stop the task. */
#define SIG_DEFAULT_IGNORED                                                    \
    (SIG_BIT(SIGCHLD) | SIG_BIT(SIGCONT) | SIG_BIT(SIGURG) | SIG_BIT(SIGWINCH))
#define SIG_STOPS                                                              \
    (SIG_BIT(SIGSTOP) | SIG_BIT(SIGTSTP) | SIG_BIT(SIGTTIN) | SIG_BIT(SIGTTOU))

/* What an instruction caused: taken before the others. */
#define SIG_SYNCHRONOUS                                                        \
    (SIG_BIT(SIGSEGV) | SIG_BIT(SIGBUS) | SIG_BIT(SIGILL) | SIG_BIT(SIGTRAP) | \
     SIG_BIT(SIGFPE) | SIG_BIT(SIGSYS))

/* ---- signal_queue.c: one set of pending signals ---- */

/* Adds info; limit: of real-time signals queued, see getrlimit(2). Returns 0
 * or -EAGAIN: it cannot be kept and whoever sent it must know. */
__must_check int pending_add(struct sig_pending *p, const struct siginfo *info,
                             u64 limit);

/* Takes the first of `allowed` out of the set: its number, or 0. */
int pending_take(struct sig_pending *p, u64 allowed, struct siginfo *info);

/* Forgets the signals of the mask. */
void pending_discard(struct sig_pending *p, u64 mask);

/* Frees what is left, nobody else knowing of it. Takes task_lock. */
void signal_pending_free(struct sig_pending *p);

/* ---- signal_send.c ---- */

/* What becomes of sig in task: nothing / the task's end. */
bool signal_ignored(const struct task *task, int sig);
bool signal_fatal(const struct task *task, int sig);

/* Handlers are gone, ignored signals stay so. Takes task_lock. */
void signal_actions_reset(struct sighand *sighand);

/* Makes info pending for t (or, t NULL, for the whole task) and wakes whom it
 * concerns. Returns 0, or -EAGAIN: too many are queued. */
int signal_post(struct task *task, struct thread *t,
                const struct siginfo *info);

/* Makes t look at its signals, and ends its wait if the mode admits. */
void signal_notify(struct thread *t, bool fatal);

/* The task ends with the wait4() status, unless it ends already: its threads
 * other than `but` are told. */
void signal_end_task(struct task *task, int status, const struct thread *but);

/* Takes the first pending signal of `allowed` for t: its own before the
 * task's. Returns its number, or 0. */
int signal_take(struct thread *t, u64 allowed, struct siginfo *info);

/* Forgets the signals of the mask wherever they are pending in task. */
void signal_flush(struct task *task, u64 mask);

/* The current thread's mask changes; task-wide signals it no longer takes are
 * offered to its siblings. Takes task_lock itself if there are any. */
void signal_set_mask(u64 mask);

/* t takes nothing any more: the same for all that is pending for the task. */
void signal_hand_over(const struct thread *t);

/* ---- signalfd.c ---- */

/* All there are; who wants sig is woken. */
extern struct list_head signalfds;
void signalfd_wake(int sig);

/* ---- posix_timer.c ---- */

/* A signal of a timer is taken from the task: the timer goes on, and the info
 * tells what was missed. */
void posix_timer_taken(struct task *task, struct siginfo *info);

/* ---- job_control.c ---- */

/* The current thread took a stop signal's default action: all stop. */
void job_stop(struct task *task, int sig);

/* The current thread stands still until its task is continued or ends. Lets go
 * of task_lock, and sleeps. */
void job_stand_still(struct thread *t);

/* SIGCONT was sent. */
void job_continue(struct task *task);

/* A thread left; the others may all be standing still. */
void job_thread_left(struct task *task);

/* Nobody in the task's session but outside its group minds the group. */
bool job_orphaned(u32 pgid, const struct task *but);

/* task ends: groups it leaves orphaned and stopped go on, see _exit(2). Before
 * / for each child after it has its new parent. */
void job_task_ends(const struct task *task);
void job_child_left(const struct task *child, const struct task *old_parent);

/* Pending for t itself or its task, blocked or not. No lock needed. */
static inline u64 signal_pending_set(const struct thread *t)
{
    return READ_ONCE(t->pending.set) | READ_ONCE(t->task->pending.set);
}

/* sp lies within t's alternate stack. */
static inline bool inside_signal_stack(const struct thread *t, u64 sp)
{
    return sp > t->sig_stack.ss_sp &&
           sp - t->sig_stack.ss_sp <= t->sig_stack.ss_size;
}

/* t, whose stack pointer is sp, is using it, see sigaltstack(2). */
static inline bool on_signal_stack(const struct thread *t, u64 sp)
{
    return !((u32)t->sig_stack.ss_flags & SS_AUTODISARM) &&
           inside_signal_stack(t, sp);
}
