/* Times as the ABI carries them, and deadlines as the scheduler takes them. */
#pragma once

#include <base/types.h>

#define NSEC_PER_SEC  1000000000ull
#define NSEC_PER_USEC 1000ull
#define NSEC_PER_TICK 10000000ull /* times(2), siginfo: 100 a second */

#define CLOCK_REALTIME           0
#define CLOCK_MONOTONIC          1
#define CLOCK_PROCESS_CPUTIME_ID 2
#define CLOCK_THREAD_CPUTIME_ID  3
#define CLOCK_MONOTONIC_RAW      4
#define CLOCK_REALTIME_COARSE    5
#define CLOCK_MONOTONIC_COARSE   6
#define CLOCK_BOOTTIME           7
#define CLOCK_REALTIME_ALARM     8
#define CLOCK_BOOTTIME_ALARM     9
#define CLOCK_TAI                11

/* struct timespec of the ABI. */
struct timespec_k {
    s64 tv_sec, tv_nsec;
};

/* struct timeval of the ABI. */
struct timeval_k {
    s64 tv_sec, tv_usec;
};

/* Nanoseconds since the epoch. */
u64 realtime_ns(void);

/* Copies a timespec and checks it: -EFAULT, -EINVAL. */
__must_check int timespec_from_user(struct timespec_k *ts,
                                    const void __user *p);

/* As nanoseconds, not beyond about 292 years. */
u64 timespec_to_ns(const struct timespec_k *ts);
struct timespec_k ns_to_timespec(u64 ns);
struct timeval_k ns_to_timeval(u64 ns);

/* time_ns() when ns from now are over, never 0 and never past the end. */
u64 deadline_after(u64 ns);

/* time_ns() that belongs to an absolute time of the clock; never 0. */
u64 deadline_at(u64 ns, bool realtime);
