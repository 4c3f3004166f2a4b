/*
 * The signal calls. Each returns what its manual page says, or -errno; pid
 * and tid permissions never fail, every task being root.
 */
#pragma once

#include <kernel/signal.h>
#include <kernel/time.h>

/* sigaction(2): -EINVAL (number, SIGKILL, SIGSTOP, size), -EFAULT. */
long sys_rt_sigaction(int sig, const struct sigaction_k __user *act,
                      struct sigaction_k __user *old, size_t size);
/* sigprocmask(2): -EINVAL (how, size), -EFAULT. */
long sys_rt_sigprocmask(int how, const u64 __user *set, u64 __user *old,
                        size_t size);
/* sigpending(2): -EINVAL (size), -EFAULT. */
long sys_rt_sigpending(u64 __user *set, size_t size);
/* sigsuspend(2): -EINTR always, or -EINVAL, -EFAULT. */
long sys_rt_sigsuspend(const u64 __user *mask, size_t size);
/* sigtimedwait(2): the signal, -EAGAIN (time over), -EINTR, -EINVAL. */
long sys_rt_sigtimedwait(const u64 __user *set, struct siginfo __user *info,
                         const struct timespec_k __user *timeout, size_t size);
/* sigreturn(2): what the interrupted code had in its result register. */
long sys_rt_sigreturn(void);
/* sigaltstack(2): -EPERM (on it), -ENOMEM (too small), -EINVAL (flags). */
long sys_sigaltstack(const struct stack_k __user *new,
                     struct stack_k __user *old);
/* kill(2), tkill(2), tgkill(2): -EINVAL, -ESRCH, -EAGAIN (too many queued). */
long sys_kill(int pid, int sig);
long sys_tkill(int tid, int sig);
long sys_tgkill(int tgid, int tid, int sig);
/* rt_sigqueueinfo(2): -EPERM (another's si_code), -EINVAL, -ESRCH, -EAGAIN. */
long sys_rt_sigqueueinfo(int pid, int sig, const struct siginfo __user *info);
long sys_rt_tgsigqueueinfo(int tgid, int tid, int sig,
                           const struct siginfo __user *info);
/* pidfd_send_signal(2): the same, and -EBADF; -EINVAL also: flags, another
 * number in info. */
long sys_pidfd_send_signal(int fd, int sig, const struct siginfo __user *info,
                           u32 flags);
/* restart_syscall(2): what the call that was broken off returns; -EINTR. */
long sys_restart_syscall(void);
/* pause(2): -EINTR always. */
long sys_pause(void);
