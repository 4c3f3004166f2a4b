/*
 * Between the files that make, change and end tasks only (task.c, fork.c,
 * exec_current.c, exit.c, wait4.c, shutdown.c).
 */
#pragma once

#include <kernel/thread.h>

/* pid 1; NULL before it exists and once it has ended. task_lock. */
extern struct task *init_task;

/* Readies the task cache; once, after slab_init(). */
void task_cache_init(void);

/*
 * The task and its first thread, not yet started, become visible: to wait4(),
 * kill() and the rest. as_sibling: next to the current task, not below it.
 * Without a parent it is pid 1. Takes task_lock.
 * Returns 0, or -ERESTARTNOINTR when the current thread has a signal to take
 * first.
 */
__must_check int task_publish(struct task *task, struct thread *first,
                              bool as_sibling);

/* The same for one more thread of the current task. */
__must_check int task_add_thread(struct thread *t);

/* A zombie leaves the tree and the lists; its pid is free. task_lock held. The
 * caller then drops the tree's reference with task_put(). */
void task_unlink(struct task *task);

/* The task that id names, also by one of its living threads; NULL: there is
 * none. task_lock held. */
struct task *task_of_tid(u32 id);

/* Wakes the thread that waits in vfork() for this task, if one does. Takes
 * task_lock. */
void task_release_vfork(struct task *task);

/* Marks the robust futexes that t, which is current, still owns, and wakes who
 * waits for them. May sleep. */
void thread_robust_exit(struct thread *t);

/* CLONE_CHILD_CLEARTID: clears the word and wakes its futex, if anybody else
 * still uses the address space. May sleep. */
void thread_clear_tid(struct thread *t);

/* ---- kernel/shutdown.c ---- */

/* Makes the thread that will end the machine; before the frames are counted.
 * Returns 0 or -ENOMEM. */
__must_check int shutdown_init(void);

/* pid 1 has ended with this wait4() status: the rest dies, the machine ends.
 * Called by its last thread, which then goes on to die as well. */
void shutdown_start(int status);

/* Frames in use once everything kept in hand is given back. */
u64 frames_in_use(void);
