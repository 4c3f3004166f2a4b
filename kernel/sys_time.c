/*
 * The clock calls: reading clocks, sleeping. All clocks tick with the time
 * stamp counter; the real-time ones add the epoch read at boot.
 */
#include <arch/machine.h>
#include <arch/uaccess.h>
#include <kernel/sys_time.h>
#include <kernel/cpu.h>
#include <kernel/cputime.h>
#include <kernel/thread.h>

#define TIMER_ABSTIME 1

/* Of a CPU-time clock's number: a thread's, and a kind that is none. */
#define CPUCLOCK_VIRTUAL 1 /* the user's alone */
#define CPUCLOCK_NONE    3
#define CPUCLOCK_THREAD  4

#define COARSE_NS 1000000ull

static u64 task_cpu_ns(const struct task *task)
{
    u64 ns;

    spin_lock(&task_lock);
    ns = task_run_ns(task);
    spin_unlock(&task_lock);
    return ns;
}

/*
 * The clocks of clock_getcpuclockid(3): the upper bits are the complement of a
 * pid (0: the caller) or, with CPUCLOCK_THREAD, of a tid in the same task.
 */
static int cpu_clock_read(int clock, u64 *ns)
{
    u32 id = (u32) ~(clock >> 3), kind = clock & 3;
    struct cputime time;
    struct task *task;
    struct thread *t;
    int r = -EINVAL;

    if (kind == CPUCLOCK_NONE)
        return r;
    spin_lock(&task_lock);
    if (clock & CPUCLOCK_THREAD) {
        t = id ? thread_find(id) : current;
        if (t && t->task == current->task) {
            time = thread_cputime(t);
            r = 0;
        }
    } else {
        task = id ? task_find(id) : current->task;
        if (task && !task->zombie) {
            time = task_cputime(task);
            r = 0;
        }
    }
    spin_unlock(&task_lock);
    if (!r)
        *ns = time.user + (kind == CPUCLOCK_VIRTUAL ? 0 : time.system);
    return r;
}

/* What the clock shows: 0 or -EINVAL. */
static int clock_read(int clock, u64 *ns)
{
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_REALTIME_ALARM:
    case CLOCK_TAI:
        *ns = realtime_ns();
        return 0;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
    case CLOCK_BOOTTIME_ALARM:
        *ns = time_ns();
        return 0;
    case CLOCK_PROCESS_CPUTIME_ID:
        *ns = task_cpu_ns(current->task);
        return 0;
    case CLOCK_THREAD_CPUTIME_ID:
        *ns = thread_run_ns(current);
        return 0;
    default:
        return clock < 0 ? cpu_clock_read(clock, ns) : -EINVAL;
    }
}

long sys_clock_gettime(int clock, struct timespec_k __user *user)
{
    struct timespec_k ts;
    u64 ns;

    if (clock_read(clock, &ns))
        return -EINVAL;
    ts = ns_to_timespec(ns);
    return copy_to_user(user, &ts, sizeof(ts));
}

long sys_clock_getres(int clock, struct timespec_k __user *user)
{
    struct timespec_k ts = {0, 1};
    u64 ns;

    if (clock_read(clock, &ns))
        return -EINVAL;
    if (clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE)
        ts.tv_nsec = COARSE_NS;
    return user ? copy_to_user(user, &ts, sizeof(ts)) : 0;
}

long sys_clock_settime(int clock, const struct timespec_k __user *user)
{
    struct timespec_k ts;
    int r;

    if (clock != CLOCK_REALTIME)
        return -EINVAL;
    r = timespec_from_user(&ts, user);
    return r ? r : -EPERM;
}

long sys_gettimeofday(struct timeval_k __user *user, void __user *tz)
{
    u64 ns = realtime_ns();
    struct timeval_k tv = {(s64)(ns / NSEC_PER_SEC),
                           (s64)(ns % NSEC_PER_SEC / NSEC_PER_USEC)};
    u64 utc = 0; /* minutes west and the summer-time rule, 32 bits each */

    if (user && copy_to_user(user, &tv, sizeof(tv)))
        return -EFAULT;
    return tz ? copy_to_user(tz, &utc, sizeof(utc)) : 0;
}

/* Nobody sets this machine's clock. */
long sys_settimeofday(const struct timeval_k __user *user,
                      const void __user *tz)
{
    struct timeval_k tv;
    u64 zone;

    if (user && copy_from_user(&tv, user, sizeof(tv)))
        return -EFAULT;
    if (user && (tv.tv_sec < 0 || tv.tv_usec < 0 || tv.tv_usec >= 1000000))
        return -EINVAL;
    if (tz && copy_from_user(&zone, tz, sizeof(zone)))
        return -EFAULT;
    return -EPERM;
}

long sys_time(s64 __user *user)
{
    s64 now = (s64)(realtime_ns() / NSEC_PER_SEC);

    if (user && copy_to_user(user, &now, sizeof(now)))
        return -EFAULT;
    return now;
}

long sys_times(s64 __user *buf)
{
    struct task *task = current->task;
    struct cputime self, child;
    s64 times[4];

    spin_lock(&task_lock);
    self = task_cputime(task);
    child = task->child.time;
    spin_unlock(&task_lock);
    times[0] = (s64)(self.user / NSEC_PER_TICK);
    times[1] = (s64)(self.system / NSEC_PER_TICK);
    times[2] = (s64)(child.user / NSEC_PER_TICK);
    times[3] = (s64)(child.system / NSEC_PER_TICK);
    if (buf && copy_to_user(buf, times, sizeof(times)))
        return -EFAULT;
    return (s64)(time_ns() / NSEC_PER_TICK);
}

/* Sleeps to the deadline: 0, -EINTR. */
static int sleep_until(u64 deadline)
{
    int r;

    current->waiting_for = "sleep";
    r = thread_sleep_until(deadline, WAIT_INTERRUPTIBLE);
    current->waiting_for = NULL;
    return r;
}

/* Broken off, tells how much is left. A signal that has no handler in the end
 * lets the sleep go on, to the same deadline. */
static long sleep_some(u64 deadline, struct timespec_k __user *rem);

static long sleep_on(const struct syscall_restart *restart)
{
    return sleep_some(restart->deadline,
                      (struct timespec_k __user *)restart->arg[0]);
}

static long sleep_some(u64 deadline, struct timespec_k __user *rem)
{
    struct timespec_k left;
    u64 now;

    if (!sleep_until(deadline))
        return 0;
    now = time_ns();
    left = ns_to_timespec(deadline > now ? deadline - now : 0);
    if (rem && copy_to_user(rem, &left, sizeof(left)))
        return -EFAULT;
    current->restart = (struct syscall_restart){
        .again = sleep_on, .deadline = deadline, .arg = {(u64)rem}};
    return -ERESTART_RESTARTBLOCK;
}

/* 0, -EINVAL: no such clock, -EOPNOTSUPP: nobody can sleep by it. */
static int sleep_check(int clock)
{
    u64 ns;

    if (clock == CLOCK_THREAD_CPUTIME_ID || clock == CLOCK_MONOTONIC_RAW ||
        clock == CLOCK_MONOTONIC_COARSE || clock == CLOCK_REALTIME_COARSE)
        return -EOPNOTSUPP;
    return clock < 0 ? -EINVAL : clock_read(clock, &ns);
}

/* Until the task's other threads have had that much CPU time: looks again when
 * they could have. */
static long sleep_cpu(u64 until)
{
    u64 now;

    while ((now = task_cpu_ns(current->task)) < until)
        if (sleep_until(deadline_after(
                max((until - now) / cpu_count, NSEC_PER_TICK / 10))))
            return -ERESTARTNOHAND;
    return 0;
}

long sys_nanosleep(const struct timespec_k __user *req,
                   struct timespec_k __user *rem)
{
    return sys_clock_nanosleep(CLOCK_MONOTONIC, 0, req, rem);
}

long sys_clock_nanosleep(int clock, int flags,
                         const struct timespec_k __user *req,
                         struct timespec_k __user *rem)
{
    bool realtime = clock == CLOCK_REALTIME || clock == CLOCK_TAI ||
                    clock == CLOCK_REALTIME_ALARM;
    struct timespec_k ts;
    u64 ns;
    int r;

    r = sleep_check(clock);
    if (!r)
        r = timespec_from_user(&ts, req);
    if (r)
        return r;
    ns = timespec_to_ns(&ts);
    if (clock == CLOCK_PROCESS_CPUTIME_ID)
        return sleep_cpu(
            flags & TIMER_ABSTIME ? ns : task_cpu_ns(current->task) + ns);
    if (flags & TIMER_ABSTIME)
        return sleep_until(deadline_at(ns, realtime)) ? -ERESTARTNOHAND : 0;
    return sleep_some(deadline_after(ns), rem);
}
