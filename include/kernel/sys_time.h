/*
 * The clock calls. Each returns 0 or -errno: -EINVAL for a clock or time that
 * is none, -EFAULT for a pointer that is no good.
 */
#pragma once

#include <kernel/time.h>

/* clock_gettime(2), clock_getres(2). */
long sys_clock_gettime(int clock, struct timespec_k __user *ts);
long sys_clock_getres(int clock, struct timespec_k __user *ts);
/* clock_settime(2): -EPERM for the real-time clock, -EINVAL for others. */
long sys_clock_settime(int clock, const struct timespec_k __user *ts);
/* gettimeofday(2); the time zone is always UTC. */
long sys_gettimeofday(struct timeval_k __user *tv, void __user *tz);
/* settimeofday(2): -EPERM, -EINVAL. */
long sys_settimeofday(const struct timeval_k __user *tv, const void __user *tz);
/* time(2): the seconds since the epoch. */
long sys_time(s64 __user *t);
/* times(2): ticks of 10 ms since boot; fills the four times. */
long sys_times(s64 __user *buf);
/* nanosleep(2), clock_nanosleep(2): also -EINTR with the rest in *rem. */
long sys_nanosleep(const struct timespec_k __user *req,
                   struct timespec_k __user *rem);
long sys_clock_nanosleep(int clock, int flags,
                         const struct timespec_k __user *req,
                         struct timespec_k __user *rem);

/* setitimer(2), getitimer(2), alarm(2): the seconds that were left. */
struct itimerval_k;
long sys_setitimer(int which, const struct itimerval_k __user *new,
                   struct itimerval_k __user *old);
long sys_getitimer(int which, struct itimerval_k __user *now);
long sys_alarm(u32 seconds);

/* timer_create(2) and its kin: -EINVAL (no such timer, clock, event), -EAGAIN,
 * -EOPNOTSUPP (a clock without timers). */
struct sigevent_k;
struct itimerspec_k;
long sys_timer_create(int clock, const struct sigevent_k __user *event,
                      s32 __user *id);
long sys_timer_settime(u32 id, int flags, const struct itimerspec_k __user *new,
                       struct itimerspec_k __user *old);
long sys_timer_gettime(u32 id, struct itimerspec_k __user *now);
long sys_timer_getoverrun(u32 id);
long sys_timer_delete(u32 id);
