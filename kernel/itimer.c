/*
 * Interval timers, setitimer(2): one of each kind per task. A kernel thread
 * sleeps to the soonest deadline and sends the signals, since interrupts may
 * not. The CPU-time kinds are looked at when they could be due if all the
 * task's threads ran; there is one CPU time, of user and kernel together.
 */
#include <arch/machine.h>
#include <arch/uaccess.h>
#include <base/string.h>
#include <kernel/cpu.h>
#include <kernel/signal_queue.h>
#include <kernel/sys_time.h>
#include <kernel/task.h>

#define ITIMER_REAL 0
#define ITIMERS     3 /* REAL, VIRTUAL, PROF */
#define CPU_LOOK_NS 1000000ull
#define NEVER       ~0ull

/* The ABI's struct itimerval. */
struct itimerval_k {
    struct timeval_k interval, value;
};

static const int itimer_signals[ITIMERS] = {SIGALRM, 26, 27};

static struct thread *itimer_thread;

/* What the timer's clock shows. task_lock held. */
static u64 itimer_clock(const struct task *task, int which)
{
    return which == ITIMER_REAL ? time_ns() : task_run_ns(task);
}

/* Sends the signal and sets the next deadline. task_lock held. */
static void itimer_expire(struct task *task, int which, u64 now)
{
    const struct siginfo info = {.si_signo = itimer_signals[which],
                                 .si_code = SI_KERNEL};
    struct itimer *timer = &task->itimers[which];
    u64 late = now - timer->deadline;

    if (timer->interval)
        timer->deadline += (late / timer->interval + 1) * timer->interval;
    else
        timer->deadline = 0;
    (void)signal_post(task, NULL, &info);
}

/* Expires it if it is due. Returns when to look again. task_lock held. */
static u64 itimer_look(struct task *task, int which)
{
    struct itimer *timer = &task->itimers[which];
    u64 now, wait;

    if (likely(!timer->deadline) || task->zombie)
        return NEVER;
    now = itimer_clock(task, which);
    if (now >= timer->deadline)
        itimer_expire(task, which, now);
    if (!timer->deadline || which == ITIMER_REAL)
        return timer->deadline ? timer->deadline : NEVER;
    wait =
        (timer->deadline - now) / min(cpu_count, max(task->thread_count, 1u));
    return time_ns() + max(wait, CPU_LOOK_NS);
}

static void itimer_main(void *unused)
{
    struct task *task;
    u64 next;

    (void)unused;
    irq_enable();
    for (;;) {
        next = NEVER;
        thread_prepare_block(WAIT_UNINTERRUPTIBLE);
        spin_lock(&task_lock);
        list_for_each_entry (task, &all_tasks, all_link)
            for (int which = 0; which < ITIMERS; which++)
                next = min(next, itimer_look(task, which));
        spin_unlock(&task_lock);
        (void)thread_block_until(next == NEVER ? 0 : next);
    }
}

int itimer_init(void)
{
    itimer_thread = thread_create(NULL);
    if (!itimer_thread)
        return -ENOMEM;
    str_copy(itimer_thread->name, "itimer", sizeof(itimer_thread->name));
    arch_thread_init_kernel(itimer_thread, itimer_main, NULL);
    thread_start(itimer_thread);
    return 0;
}

/* What is left, never 0 while it runs. task_lock held. */
static struct itimer itimer_left(const struct task *task, int which)
{
    struct itimer left = task->itimers[which];
    u64 now;

    if (left.deadline) {
        now = itimer_clock(task, which);
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
    struct itimer was;

    spin_lock(&task_lock);
    was = itimer_left(task, which);
    task->itimers[which].interval = value ? interval : 0;
    task->itimers[which].deadline =
        value ? itimer_clock(task, which) + value : 0;
    spin_unlock(&task_lock);
    if (value)
        thread_wake(itimer_thread);
    return was;
}

static struct timeval_k ns_to_timeval(u64 ns)
{
    return (struct timeval_k){(s64)(ns / NSEC_PER_SEC),
                              (s64)(ns % NSEC_PER_SEC / NSEC_PER_USEC)};
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
