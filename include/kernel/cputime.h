/*
 * CPU time of threads and tasks, and what happens when a task has had enough
 * of it. All under task_lock unless said otherwise.
 */
#pragma once

#include <kernel/sys_proc.h>
#include <kernel/thread.h>

/* ---- cputime.c ---- */

/* A task's threads, past and present, ns. */
u64 task_run_ns(const struct task *task);

/* The same in two parts, neither of which ever gets smaller. */
struct cputime thread_cputime(struct thread *t);
struct cputime task_cputime(struct task *task);

/* The current thread leaves its task, which keeps what it used. */
void cputime_leave(struct thread *t);

/* The task is about to leave mm: notes how large it was. */
void usage_leave_mm(struct task *task, const struct mm_struct *mm);

/* What getrusage(2) tells of a task without its children; of a thread. */
struct rusage_sums task_usage(struct task *task);
struct rusage_sums thread_usage(struct thread *t);
void usage_add(struct rusage_sums *to, const struct rusage_sums *more);

/* As the ABI has it; what nobody counts is 0. No lock. */
void rusage_fill(struct rusage_k *ru, const struct rusage_sums *sums);

/* ---- cpu_limits.c ---- */

/* What waits for the task's CPU time has changed. */
void cpu_limits_changed(struct task *task);

/* A tick found the current thread's task to be watched. Takes task_lock. */
void cpu_limits_check(void);

/* ---- posix_timer.c ---- */

/* Whether a timer of the task's waits for CPU time; looks at those that do. */
bool posix_timers_count(const struct task *task);
void posix_timers_look(struct task *task, u64 now);

/* timer_create(2): not inherited, gone after execve() and at the end. Takes
 * task_lock. */
void posix_timers_free(struct task *task);

/* ---- itimer.c ---- */

/* ITIMER_REAL's time has come. */
void itimer_fire(struct ktimer *timer, u64 now);

/* The task takes SIGALRM: a periodic ITIMER_REAL goes on from here. */
void itimer_taken(struct task *task);

/* What ITIMER_VIRTUAL or ITIMER_PROF counts; sends its signal if it is due. */
void itimer_look(struct task *task, int which, u64 now);
