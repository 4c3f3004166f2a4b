/*
 * Threads and tasks. A task is what Linux calls a thread group: an address
 * space, descriptors, signal actions, a pid. A thread is one flow of control
 * in it, with a kernel stack and a tid.
 *
 * Locks: task_lock (one, global, a spinlock) guards the task tree, thread
 * lists, states, signal actions and pending signals; a run queue's lock guards
 * scheduling states. docs/locking.md has the order.
 */
#pragma once

#include <arch/thread.h>
#include <base/list.h>
#include <base/errno.h>
#include <base/types.h>
#include <kernel/ktimer.h>
#include <kernel/signal.h>
#include <mm/mm.h>

enum thread_state {
    THREAD_NEW,     /* or on its way to another run queue */
    THREAD_READY,   /* on a run queue */
    THREAD_RUNNING, /* on a CPU */
    THREAD_BLOCKED,
    THREAD_DEAD,
};

/* thread.work: looked at on every return to user mode; 0 means nothing. */
#define WORK_RESCHED 1u /* its turn is over */
#define WORK_SIGNAL  2u
#define WORK_PREEMPT 4u /* somebody more important may be ready */
#define WORK_CPUTIME 8u /* its task counts CPU time, see cpu_limits.c */

/* Real-time signals that may be queued at a time, if nobody says otherwise. */
#define SIGPENDING_DEFAULT 4096

/* Most there can be, zombies included. A task can hold three numbers (pid,
 * group, session), so a tid is always left to be found. */
#define TID_MAX     32768
#define THREADS_MAX 12000
#define TASKS_MAX   6500

/* Signal actions; CLONE_SIGHAND shares them. */
struct sighand {
    u32 refcount; /* atomic */
    struct sigaction_k actions[SIG_COUNT];
};

/* How a call that a stop broke off goes on: restart_syscall(2). */
struct syscall_restart {
    long (*again)(const struct syscall_restart *r); /* NULL: not at all */
    u64 deadline;
    u64 arg[4];
};

#define ITIMER_REAL    0
#define ITIMER_VIRTUAL 1
#define ITIMER_PROF    2
#define ITIMERS        3
/* Time on a CPU, ns. */
struct cputime {
    u64 user, system;
};

/* What getrusage(2) adds up. */
struct rusage_sums {
    struct cputime time;
    u64 min_flt, maj_flt, switches, preempted;
    u64 maxrss; /* pages; not added up: the largest */
};

/* sched(7): `prio` 0 is SCHED_OTHER and its kind, 1..99 real-time. */
struct sched_params {
    u8 policy, prio;
    s8 nice;
    bool reset_on_fork;
};

struct thread {
    struct arch_thread arch; /* first: assembly reaches into it */
    u64 kstack_top;
    u32 work; /* atomic: WORK_* */
    u32 tid;
    struct task *task;    /* NULL: kernel thread */
    struct mm_struct *mm; /* task->mm, cached; NULL: kernel thread */
    struct files *files;  /* usually its siblings' as well; NULL: as mm */
    enum thread_state state;
    enum wait_mode wait_mode;
    struct cpu
        *cpu;     /* whose run queue it belongs to; under that queue's lock */
    u64 affinity; /* CPUs it may run on, see sched_setaffinity(2) */
    struct sched_params sched;
    u32 slice, slice_left; /* ticks of a turn, 0: no end */
    struct list_head run_link;
    struct list_head task_link; /* in task->threads */
    const char *waiting_for;    /* for GDB and the console: what it blocks on */

    u64 timer_deadline; /* time_ns(); valid while timer_link is queued */
    struct list_head timer_link;
    bool timer_fired;

    u64 sig_mask;       /* bit n-1: signal n */
    u64 sig_saved_mask; /* sigsuspend, ppoll: restore after delivery */
    bool sig_restore_mask;
    u64 sig_wait;              /* sigtimedwait: takes these although blocked */
    struct stack_k sig_stack;  /* sigaltstack */
    struct siginfo fault_info; /* of a synchronous signal */
    bool stopped;              /* stands still, see kernel/job_control.c */
    struct syscall_restart restart;

    u32 __user *clear_child_tid;    /* CLONE_CHILD_CLEARTID */
    const void __user *robust_list; /* set_robust_list(2) */
    char name[16];
    struct list_head all_link;    /* every thread, for GDB */
    u64 start_cycles, run_cycles; /* on the CPU since; in earlier turns */
    u64 user_ticks, system_ticks; /* where a tick found it */
    u64 switches, preempted;      /* off the CPU; of these against its will */
    struct cputime told;          /* see cputime.c */
    u64 min_flt, maj_flt;         /* its own to write */
#ifdef LOCKDEP
    int sleeping_locks; /* that it holds */
#endif
    u32 faults_off;   /* see pagefault_disable() */
    bool oops;        /* it met a bug and is on its way out */
    bool serves;      /* userfaultfds, see uffd_deadlock.c */
    u64 look, member; /* when it last found us waiting, able to help */
    u64 look_since;   /* the wait found */
    bool exits;       /* and waits for no pager any more */
    struct fault_record *fault; /* the fault being handled, or NULL */

    struct sig_pending pending; /* this thread's own; last */
};

struct task {
    u32 pid;
    u32 refcount; /* atomic: threads, and whoever looks at it */
    struct mm_struct *mm;
    struct list_head threads;
    u32 thread_count; /* live ones */

    struct task *parent;
    u32 ppid; /* its pid, or 0: read without the lock */
    struct list_head children, sibling;
    struct wait_queue child_exit; /* wait4() sleeps here */
    struct wait_queue end;        /* who polls a pidfd of ours */

    u32 pgid, sid;
    bool left_tty;   /* its session's terminal is not its own, TIOCNOTTY */
    bool exiting;    /* exit_group or a fatal signal: no new threads */
    bool zombie;     /* all threads gone, waits to be reaped */
    int exit_status; /* as wait4() reports it */
    u32 exit_signal; /* to the parent, usually SIGCHLD */

    struct sighand *sighand;

    struct list_head all_link; /* every task */
    struct rlimit_k limits[RLIMIT_COUNT];
    char name[16];
    struct thread *vfork_waiter; /* parent that waits for exec or exit */
    struct thread *exec_thread;  /* in execve(2): its siblings must die */
    bool did_exec;               /* for setpgid(2) */
    u64 min_flt, maj_flt;        /* of threads already gone */
    u64 maxrss;                  /* of programs already gone, pages */
    /* CPU time and switches of threads already gone, and see cputime.c. */
    u64 run_ns, user_ticks, system_ticks, switches, preempted;
    struct cputime told;
    struct rusage_sums child; /* reaped children and theirs */
    u64 missing_told[8];      /* atomic: bit n: call n, which is not there */

    /* A stop: by which signal (0: none), how many threads stand still, what
     * wait4() has to report (CLD_STOPPED, CLD_CONTINUED, 0: nothing). */
    int stop_sig;
    u32 stop_count;
    int stop_report, stop_status;
    u32 maker;      /* tid of the parent's thread that made us */
    bool subreaper; /* gets its descendants' orphans, see prctl(2) */
    bool no_new_privs;
    bool not_dumpable;
    int pdeath_sig; /* to us when our parent ends, see prctl(2) */
    int oom_score_adj;
    u64 oom_deadline; /* its memory should be free by then; 0: not said */
    struct itimer itimers[ITIMERS];
    struct ktimer real_timer; /* ITIMER_REAL's */
    struct list_head posix_timers;
    u32 next_timer;
    bool cpu_watched; /* something is due at some CPU time */

    struct sig_pending pending; /* task-wide; last */
};

/* Has to end before it sees user mode again: its task ends, or a sibling runs
 * execve(2). Stable under task_lock. */
static inline bool thread_doomed(const struct thread *t)
{
    const struct thread *heir = READ_ONCE(t->task->exec_thread);

    return READ_ONCE(t->task->exiting) || unlikely(heir && heir != t);
}

extern spinlock_t task_lock;
extern struct list_head all_tasks, all_threads;

#define current thread_current()

/* User copies between the two do not wait for pages, they fail. */
static inline void pagefault_disable(void)
{
    current->faults_off++;
    barrier();
}

static inline void pagefault_enable(void)
{
    barrier();
    current->faults_off--;
}

/* ---- threads and the scheduler (kernel/thread.c, kernel/sched.c) ---- */

/* Readies the thread cache; once, after slab_init(). */
void thread_cache_init(void);

/* A thread of task (which gains a reference; NULL: kernel thread) with a kernel
 * stack, a tid and mm = task->mm, state NEW, on all_threads but not yet in
 * task->threads. NULL: no memory. */
struct thread *thread_create(struct task *task) __must_check;

/* Frees a dead or never started thread: off all_threads, stack, arch state,
 * its reference on the task. */
void thread_free(struct thread *t);

/* A tid (and pid) that no live thread, task or group uses. task_lock held. */
u32 tid_alloc(void);

/* Gives t, which is not yet in a task, that tid instead. Takes task_lock.
 * -EEXIST. */
__must_check int tid_claim(struct thread *t, u32 id);

/* Frees what is kept of ended threads for the next ones. */
void thread_cache_drain(void);

/* Threads of tasks that exist, be it only as a stack to be freed. */
u32 threads_left(void);

/* Makes a NEW thread runnable. */
void thread_start(struct thread *t);

/* Time t has had on a CPU, in ns, its present turn included. */
u64 thread_run_ns(const struct thread *t);

/* Gives the CPU away; the current thread stays runnable. */
void thread_yield(void);

/* The end of the current thread: never returns; freed by the scheduler. */
void thread_exit_final(void) __noreturn;

/* thread_prepare_block() inline, for those who count instructions; t is
 * current. */
static inline void thread_prepare(struct thread *t, enum wait_mode mode)
{
    t->wait_mode = mode;
    __atomic_store_n(&t->state, THREAD_BLOCKED, __ATOMIC_SEQ_CST);
}

/* Blocks until woken or deadline (time_ns(); 0: none) - after
 * thread_prepare_block(). Returns 0, -EINTR or -ETIMEDOUT. */
int thread_block_timed(u64 deadline_ns);
static inline int thread_block_until(u64 deadline_ns)
{
    return likely(!deadline_ns) ? thread_block()
                                : thread_block_timed(deadline_ns);
}

/* Interrupt handler: time is due; what it interrupted. Interrupts off. */
void timer_interrupt(bool user_mode);

/* The last C stop before user mode when thread.work is not 0: reschedules and
 * delivers signals until there is none. Interrupts off on entry and exit. */
void user_return_work(struct regs *regs);

/*
 * Called first on the stack of a thread that has just been switched to for the
 * first time (the assembly trampolines do): lets go of the run queue and
 * frees a thread that died. Interrupts stay off.
 */
void sched_finish_switch(void);

/* Interrupt of another CPU: there is something on the run queue, or t->work of
 * the running thread wants to be looked at. */
void sched_interrupt(void);

/* A running thread on another CPU shall look at its work soon. */
void thread_kick(struct thread *t);

/* Restricts t to the CPUs of mask (at least one is online); it moves there at
 * once if it is the current one, else when it next waits or is preempted. */
void thread_set_affinity(struct thread *t, u64 mask);

/* Gives t, of a task, another policy and priority, at once. */
void thread_set_sched(struct thread *t, const struct sched_params *params);

/* Ticks of a turn with these parameters. */
u32 sched_slice(const struct sched_params *params);

/* Fields of a CPU's idle thread. */
void thread_init_idle(struct thread *t, struct cpu *cpu);

/* Readies this CPU's run queue and makes the running boot flow a thread, which
 * later becomes the idle thread through sched_idle_loop(). */
void sched_init(void);
void sched_idle_loop(void) __noreturn;

/* Guest time in ns after which the machine stops with END_TIME_LIMIT. */
void timer_set_limit(u64 ns);

/* Sleeps ns from now, mode as given. 0, -EINTR. */
int thread_sleep_until(u64 deadline_ns, enum wait_mode mode);

/* ---- tasks (kernel/task.c) ---- */

/* A task with no mm and no files, to be a child of parent (NULL: pid 1), from
 * whom it takes group, session, limits and name. One reference, for the tree;
 * in no list until task_publish(). NULL: no memory. */
struct task *task_create(struct task *parent) __must_check;
static inline void task_get(struct task *task)
{
    __atomic_fetch_add(&task->refcount, 1, __ATOMIC_RELAXED);
}
void task_put(struct task *task);

/* A copy, of which the caller holds the one reference; of NULL: all default.
 * NULL: no memory. */
struct sighand *sighand_copy(const struct sighand *of) __must_check;
void sighand_put(struct sighand *sighand);

/* task_lock held. NULL: no such task / thread. */
struct task *task_find(u32 pid);
struct thread *thread_find(u32 tid);

/* Marks the task as ending with the wait4() status and kills its other
 * threads; the caller then calls thread_exit(). Idempotent. */
void task_begin_exit(struct task *task, int status);

/* Ends the current thread (and with the last one the task); code: the
 * wait4()-style status used if this is the last. Never returns. */
void thread_exit(int status) __noreturn;

/* Starts pid 1 from boot module `init`; without one the machine ends with
 * END_BOOT_ERROR. Called once, on the boot thread. */
void init_task_start(void);

/* Frames in use before the first task was made, for the last line. */
extern u64 frames_before_tasks;
