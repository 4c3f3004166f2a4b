/*
 * What timer_settime(2), timerfd_settime(2) and their kin have in common: the
 * structure, and the arithmetic of periods.
 */
#include <arch/uaccess.h>
#include <kernel/ktimer.h>
#include <kernel/time.h>

struct itimerspec_k {
    struct timespec_k interval, value;
};

u64 itimer_advance(struct itimer *timer, u64 now)
{
    u64 periods = (now - timer->deadline) / timer->interval;

    timer->deadline += (periods + 1) * timer->interval;
    return periods;
}

struct itimer itimer_remaining(struct itimer timer, u64 now)
{
    if (timer.deadline && timer.deadline <= now) {
        if (timer.interval)
            (void)itimer_advance(&timer, now);
        else
            timer.deadline = 0;
    }
    if (timer.deadline)
        timer.deadline -= now;
    return timer;
}

int itimer_from_user(struct itimer *timer,
                     const struct itimerspec_k __user *user)
{
    struct timespec_k interval, value;
    int r = timespec_from_user(&interval, &user->interval);
    int r2 = timespec_from_user(&value, &user->value);

    if (r || r2)
        return r == -EFAULT || r2 == -EFAULT ? -EFAULT : -EINVAL;
    timer->deadline = timespec_to_ns(&value);
    timer->interval = timespec_to_ns(&interval);
    return 0;
}

int itimer_to_user(struct itimerspec_k __user *user, const struct itimer *timer)
{
    struct itimerspec_k spec = {ns_to_timespec(timer->interval),
                                ns_to_timespec(timer->deadline)};

    return copy_to_user(user, &spec, sizeof(spec));
}
