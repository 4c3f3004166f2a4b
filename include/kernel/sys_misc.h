/* Calls of no family. Each returns what its manual page says, or -errno. */
#pragma once

#include <base/types.h>

struct timespec_k;

/* What is not implemented: -ENOSYS, and a line on the console for each task's
 * first. */
long sys_ni_syscall(void);
/* getrandom(2): -EINVAL (flags), -EFAULT. Never waits. */
long sys_getrandom(void __user *buf, size_t n, u32 flags);
/* sysinfo(2). */
long sys_sysinfo(void __user *info);
/* getcpu(2). */
long sys_getcpu(u32 __user *cpu, u32 __user *node);
/* membarrier(2): -EPERM (not registered), -EINVAL. */
long sys_membarrier(int cmd, u32 flags, int cpu);
/* sched_yield(2), sched(7) and the calls around it: -ESRCH, -EINVAL; -E2BIG
 * (sched_setattr: fields we do not know). */
long sys_sched_yield(void);
long sys_sched_setaffinity(int pid, u32 len, const u64 __user *mask);
long sys_sched_getaffinity(int pid, u32 len, u64 __user *mask);
long sys_sched_getscheduler(int pid);
long sys_sched_setscheduler(int tid, int policy, const int __user *param);
long sys_sched_setparam(int tid, const int __user *param);
long sys_sched_rr_get_interval(int tid, struct timespec_k __user *interval);
long sys_sched_setattr(int tid, void __user *attr, u32 flags);
long sys_sched_getattr(int tid, void __user *attr, u32 size, u32 flags);
long sys_sched_getparam(int pid, int __user *param);
long sys_sched_get_priority_max(int policy);
long sys_sched_get_priority_min(int policy);
/* getpriority(2): 20 - nice, so never negative; setpriority(2). */
long sys_getpriority(int which, int who);
long sys_setpriority(int which, int who, int nice);
/* getcwd(2): there is no directory: -ENOENT. */
long sys_getcwd(char __user *buf, size_t size);
