/* Times of the ABI and deadlines of the scheduler, one into the other. */
#include <arch/machine.h>
#include <arch/uaccess.h>
#include <kernel/time.h>

#define NS_MAX  0x7fffffffffffffffull
#define SEC_MAX (s64)(NS_MAX / NSEC_PER_SEC)

/* The real-time clock counts seconds and was read once: it supplies what has
 * to be added to the time since boot. */
u64 realtime_ns(void)
{
    return rtc_seconds() * NSEC_PER_SEC + time_ns();
}

int timespec_from_user(struct timespec_k *ts, const void __user *p)
{
    if (copy_from_user(ts, p, sizeof(*ts)))
        return -EFAULT;
    if (ts->tv_sec < 0 || ts->tv_nsec < 0 || ts->tv_nsec >= (s64)NSEC_PER_SEC)
        return -EINVAL;
    return 0;
}

u64 timespec_to_ns(const struct timespec_k *ts)
{
    if (ts->tv_sec >= SEC_MAX)
        return NS_MAX;
    return (u64)ts->tv_sec * NSEC_PER_SEC + (u64)ts->tv_nsec;
}

struct timespec_k ns_to_timespec(u64 ns)
{
    return (struct timespec_k){(s64)(ns / NSEC_PER_SEC),
                               (s64)(ns % NSEC_PER_SEC)};
}

struct timeval_k ns_to_timeval(u64 ns)
{
    return (struct timeval_k){(s64)(ns / NSEC_PER_SEC),
                              (s64)(ns % NSEC_PER_SEC / NSEC_PER_USEC)};
}

u64 deadline_after(u64 ns)
{
    return min(time_ns(), NS_MAX) + min(ns, NS_MAX) + 1;
}

u64 deadline_at(u64 ns, bool realtime)
{
    u64 epoch = realtime ? rtc_seconds() * NSEC_PER_SEC : 0;

    return ns > epoch ? ns - epoch : 1;
}
