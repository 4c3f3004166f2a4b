/*
 * What is due when a task has had so much CPU time: ITIMER_VIRTUAL and
 * ITIMER_PROF, RLIMIT_CPU. Looked at by the thread that uses the time, on its
 * way back to user mode after a tick; who sleeps uses none.
 */
#include <kernel/cputime.h>
#include <kernel/signal_queue.h>

static bool limited(const struct task *task)
{
    return task->limits[RLIMIT_CPU].cur != RLIM_INFINITY;
}

void cpu_limits_changed(struct task *task)
{
    WRITE_ONCE(task->cpu_watched, limited(task) || posix_timers_count(task) ||
                                      task->itimers[ITIMER_VIRTUAL].deadline ||
                                      task->itimers[ITIMER_PROF].deadline);
}

/* RLIMIT_CPU: SIGXCPU at the soft limit and each second after, SIGKILL at the
 * hard one, see getrlimit(2). */
static void limit_look(struct task *task, u64 now)
{
    struct rlimit_k *limit = &task->limits[RLIMIT_CPU];
    struct siginfo info = {.si_signo = SIGXCPU, .si_code = SI_KERNEL};
    u64 seconds = now / NSEC_PER_SEC;

    if (seconds >= limit->max)
        info.si_signo = SIGKILL;
    else if (seconds >= limit->cur)
        limit->cur++;
    else
        return;
    (void)signal_post(task, NULL, &info);
}

void cpu_limits_check(void)
{
    struct task *task = current->task;
    struct cputime time;

    spin_lock(&task_lock);
    time = task_cputime(task);
    itimer_look(task, ITIMER_VIRTUAL, time.user);
    itimer_look(task, ITIMER_PROF, time.user + time.system);
    posix_timers_look(task, time.user + time.system);
    if (limited(task))
        limit_look(task, time.user + time.system);
    cpu_limits_changed(task);
    spin_unlock(&task_lock);
}
