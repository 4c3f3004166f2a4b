/*
 * Interval timers, setitimer(2): one of each kind per task. ITIMER_REAL is a
 * ktimer; the two of CPU time are looked at by cpu_limits.c.
 */
#include <arch/machine.h>
#include <arch/uaccess.h>
#include <kernel/cputime.h>
#include <kernel/signal_queue.h>
#include <kernel/sys_time.h>

#define NEVER ~0ull

/* The ABI's struct itimerval. */
struct itimerval_k {
    struct timeval_k interval, value;
};

static const int itimer_signals[ITIMERS] = {SIGALRM, SIGVTALRM, SIGPROF};

/* What the timer's clock shows. task_lock held. */
static u64 itimer_clock(struct task *task, int which)
{
    if (which == ITIMER_REAL)
        return time_ns();
    return which == ITIMER_PROF ? task_run_ns(task) : task_cputime(task).user;
}

static void itimer_signal(struct task *task, int which)
{
    const struct siginfo info = {.si_signo = itimer_signals[which],
                                 .si_code = SI_KERNEL};

    (void)signal_post(task, NULL, &info);
}

void itimer_look(struct task *task, int which, u64 now)
{
    struct itimer *timer = &task->itimers[which];

    if (!timer->deadline || now < timer->deadline)
        return;
    if (timer->interval)
        (void)itimer_advance(timer, now);
    else
        timer->deadline = 0;
    itimer_signal(task, which);
}

/* The next period begins when the signal is taken: the fastest timer cannot
 * keep anybody from running. */
void itimer_fire(struct ktimer *k, u64 now __maybe_unused)
{
    struct task *task = container_of(k, struct task, real_timer);
    struct itimer *timer = &task->itimers[ITIMER_REAL];

    if (!timer->interval)
        timer->deadline = 0;
    itimer_signal(task, ITIMER_REAL);
}

void itimer_taken(struct task *task)
{
    struct itimer *timer = &task->itimers[ITIMER_REAL];
    u64 now = time_ns();

    if (!timer->deadline || timer->deadline > now)
        return;
    (void)itimer_advance(timer, now);
    ktimer_set(&task->real_timer, timer->deadline);
}

/* What is left, never 0 while it runs. task_lock held. */
static struct itimer itimer_left(struct task *task, int which)
{
    struct itimer left = task->itimers[which];
    u64 now;

    if (left.deadline) {
        now = itimer_clock(task, which);
        if (left.deadline <= now && left.interval)
            (void)itimer_advance(&left, now);
        left.deadline = left.deadline > now + NSEC_PER_USEC
                            ? left.deadline - now
                            : NSEC_PER_USEC;
    }
    return left;
}

/* Sets the current task's timer, `value` ns from now, and returns what was. */
static struct itimer itimer_set(int which, u64 value, u64 interval)
{
    struct task *task = current->task;
    struct itimer *timer = &task->itimers[which], was;

    spin_lock(&task_lock);
    was = itimer_left(task, which);
    timer->interval = value ? interval : 0;
    timer->deadline = value ? itimer_clock(task, which) + value : 0;
    if (which == ITIMER_REAL)
        ktimer_set(&task->real_timer, timer->deadline);
    else
        cpu_limits_changed(task);
    spin_unlock(&task_lock);
    return was;
}

/* Not beyond what timespec_to_ns() takes. -EINVAL. */
static int timeval_to_ns(const struct timeval_k *tv, u64 *ns)
{
    struct timespec_k ts = {tv->tv_sec, tv->tv_usec * (s64)NSEC_PER_USEC};

    if (tv->tv_sec < 0 || tv->tv_usec < 0 || tv->tv_usec >= 1000000)
        return -EINVAL;
    *ns = timespec_to_ns(&ts) / 2; /* so that the sum is a time as well */
    if (*ns < NEVER / 8)
        *ns = timespec_to_ns(&ts);
    return 0;
}

static int itimer_out(struct itimerval_k __user *user, struct itimer timer)
{
    struct itimerval_k v = {ns_to_timeval(timer.interval),
                            ns_to_timeval(timer.deadline)};

    return copy_to_user(user, &v, sizeof(v));
}

long sys_setitimer(int which, const struct itimerval_k __user *new,
                   struct itimerval_k __user *old)
{
    struct itimerval_k v = {{0, 0}, {0, 0}};
    struct itimer was;
    u64 value, interval;

    if (new &&copy_from_user(&v, new, sizeof(v)))
        return -EFAULT;
    if (timeval_to_ns(&v.value, &value) ||
        timeval_to_ns(&v.interval, &interval) || which < 0 || which >= ITIMERS)
        return -EINVAL;
    was = itimer_set(which, value, interval);
    return old ? itimer_out(old, was) : 0;
}

long sys_getitimer(int which, struct itimerval_k __user *now)
{
    struct itimer left;

    if (which < 0 || which >= ITIMERS)
        return -EINVAL;
    spin_lock(&task_lock);
    left = itimer_left(current->task, which);
    spin_unlock(&task_lock);
    return itimer_out(now, left);
}

long sys_alarm(u32 seconds)
{
    u64 left = itimer_set(ITIMER_REAL, seconds * NSEC_PER_SEC, 0).deadline;

    if (!left)
        return 0;
    /* Rounded, but not to 0: that would mean there was none. */
    return (long)max((left + NSEC_PER_SEC / 2) / NSEC_PER_SEC, 1ull);
}
