/*
 * The calls on tasks and threads. Each returns what its manual page says, or
 * -errno; all give -EFAULT for a pointer that is no good.
 */
#pragma once

#include <base/compiler.h>
#include <base/types.h>
#include <kernel/time.h>

struct rlimit_k;
struct siginfo;

#define CSIGNAL              0x000000ffu
#define CLONE_VM             0x00000100u
#define CLONE_FS             0x00000200u
#define CLONE_FILES          0x00000400u
#define CLONE_SIGHAND        0x00000800u
#define CLONE_PIDFD          0x00001000u
#define CLONE_VFORK          0x00004000u
#define CLONE_PARENT         0x00008000u
#define CLONE_THREAD         0x00010000u
#define CLONE_NEWNS          0x00020000u
#define CLONE_DETACHED       0x00400000u
#define CLONE_SETTLS         0x00080000u
#define CLONE_PARENT_SETTID  0x00100000u
#define CLONE_CHILD_CLEARTID 0x00200000u
#define CLONE_CHILD_SETTID   0x01000000u
#define CLONE_CLEAR_SIGHAND  0x100000000ull
#define CLONE_INTO_CGROUP    0x200000000ull
/* Name spaces (cgroup, UTS, IPC, user, pid, net), as one. */
#define CLONE_NEWANY 0x7e020000u

/* struct rusage of the ABI. */
struct rusage_k {
    struct timeval_k ru_utime, ru_stime;
    s64 ru_maxrss, ru_ixrss, ru_idrss, ru_isrss;
    s64 ru_minflt, ru_majflt;
    s64 ru_rest[6]; /* swaps, blocks, messages, signals */
    s64 ru_nvcsw, ru_nivcsw;
};

/* struct utsname of the ABI. */
struct utsname_k {
    char sysname[65], nodename[65], release[65], version[65], machine[65],
        domainname[65];
};

/* clone(2), fork(2), vfork(2): the new tid; -EINVAL (flags), -ENOMEM, -EAGAIN
 * (no more tasks or threads, dying), -EPERM (tls beyond user space). */
long sys_clone(u64 flags, u64 stack, u32 __user *ptid, u32 __user *ctid,
               u64 tls);
/* clone3(2): the same, and -E2BIG (fields we do not know), -EINVAL (size,
 * fields), -EEXIST (set_tid), -EBADF (cgroup: there is none), -EFAULT. */
long sys_clone3(const void __user *args, size_t size);
long sys_fork(void);
long sys_vfork(void);

/* execve(2): no file has a path, so -ENOENT. */
long sys_execve(const char __user *path, const u64 __user *argv,
                const u64 __user *envp);
/* execveat(2) of a memory object's descriptor with AT_EMPTY_PATH; else -ENOENT,
 * -ENOTDIR, -EBADF, -EACCES (no object), and what exec_current() says. */
long sys_execveat(int fd, const char __user *path, const u64 __user *argv,
                  const u64 __user *envp, int flags);

/* _exit(2), exit_group(2). */
long sys_exit(int code) __noreturn;
long sys_exit_group(int code) __noreturn;

/* wait4(2): -ECHILD, -EINVAL, -ESRCH, -EINTR; 0 with WNOHANG. */
long sys_wait4(int pid, int __user *status, int options,
               struct rusage_k __user *rusage);
/* waitid(2): P_ALL, P_PID, P_PGID; the same errors. */
long sys_waitid(int which, int id, struct siginfo __user *info, int options,
                struct rusage_k __user *rusage);

/* getpid(2) and its kin; there is one user, 0. */
long sys_getpid(void);
long sys_gettid(void);
long sys_getppid(void);
long sys_getuid(void);
long sys_geteuid(void);
long sys_getgid(void);
long sys_getegid(void);
/* set_tid_address(2): the tid. */
long sys_set_tid_address(u32 __user *word);
/* set_robust_list(2): -EINVAL (length). get_robust_list(2): -ESRCH. */
long sys_set_robust_list(const void __user *head, size_t len);
long sys_get_robust_list(int tid, u64 __user *head, u64 __user *len);

/* getpgid(2), setpgid(2), getsid(2), setsid(2): -ESRCH, -EPERM, -EINVAL,
 * -EACCES (the child has run execve). */
long sys_getpgid(int pid);
long sys_setpgid(int pid, int pgid);
long sys_getpgrp(void);
long sys_getsid(int pid);
long sys_setsid(void);

/* arch_prctl(2), prctl(2) of PR_SET/GET_NAME, PR_SET/GET_PDEATHSIG: else
 * -EINVAL. */
long sys_arch_prctl(int code, u64 addr);
long sys_prctl(int option, u64 arg2, u64 arg3, u64 arg4, u64 arg5);
/* pidfd_open(2): the descriptor, or EINVAL, ESRCH, EMFILE, ENOMEM. */
long sys_pidfd_open(int pid, u32 flags);
/* The number of the task that fd names, or -EBADF. */
__must_check int pidfd_pid(int fd);
/* That task, with a reference; NULL: fd is none of these. */
__must_check struct task *pidfd_task_get(int fd);

/* uname(2). */
long sys_uname(struct utsname_k __user *name);

/* getrlimit(2) and its kin: -EINVAL, -EPERM, -ESRCH. RLIMIT_STACK is in force
 * at once; the rest is remembered and handed down. */
long sys_getrlimit(u32 resource, struct rlimit_k __user *limit);
long sys_setrlimit(u32 resource, const struct rlimit_k __user *limit);
long sys_prlimit64(int pid, u32 resource, const struct rlimit_k __user *limit,
                   struct rlimit_k __user *old);
/* getrusage(2): self, children, thread; -EINVAL. */
long sys_getrusage(int who, struct rusage_k __user *rusage);
