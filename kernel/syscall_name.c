/*
 * The names of Linux's x86-64 system calls, 0 to 462, for messages: one string
 * after another in the order of their numbers, which jump once.
 */
#include <base/string.h>
#include <kernel/syscall.h>

#define OLD_COUNT 335u /* numbers 0 to 334 */
#define NEW_FIRST 424u /* from here on all architectures count alike */
#define NEW_COUNT 39u

/* Each ends with a NUL, also the last. */
static const char names[] =
    "read\0write\0open\0close\0stat\0fstat\0lstat\0poll\0lseek\0mmap\0"
    "mprotect\0munmap\0brk\0rt_sigaction\0rt_sigprocmask\0rt_sigreturn\0ioctl\0"
    "pread64\0pwrite64\0readv\0writev\0access\0pipe\0select\0sched_yield\0"
    "mremap\0msync\0mincore\0madvise\0shmget\0shmat\0shmctl\0dup\0dup2\0pause\0"
    "nanosleep\0getitimer\0alarm\0setitimer\0getpid\0sendfile\0socket\0"
    "connect\0accept\0sendto\0recvfrom\0sendmsg\0recvmsg\0shutdown\0bind\0"
    "listen\0getsockname\0getpeername\0socketpair\0setsockopt\0getsockopt\0"
    "clone\0fork\0vfork\0execve\0exit\0wait4\0kill\0uname\0semget\0semop\0"
    "semctl\0shmdt\0msgget\0msgsnd\0msgrcv\0msgctl\0fcntl\0flock\0fsync\0"
    "fdatasync\0truncate\0ftruncate\0getdents\0getcwd\0chdir\0fchdir\0rename\0"
    "mkdir\0rmdir\0creat\0link\0unlink\0symlink\0readlink\0chmod\0fchmod\0"
    "chown\0fchown\0lchown\0umask\0gettimeofday\0getrlimit\0getrusage\0"
    "sysinfo\0times\0ptrace\0getuid\0syslog\0getgid\0setuid\0setgid\0geteuid\0"
    "getegid\0setpgid\0getppid\0getpgrp\0setsid\0setreuid\0setregid\0"
    "getgroups\0setgroups\0setresuid\0getresuid\0setresgid\0getresgid\0"
    "getpgid\0setfsuid\0setfsgid\0getsid\0capget\0capset\0rt_sigpending\0"
    "rt_sigtimedwait\0rt_sigqueueinfo\0rt_sigsuspend\0sigaltstack\0utime\0"
    "mknod\0uselib\0personality\0ustat\0statfs\0fstatfs\0sysfs\0getpriority\0"
    "setpriority\0sched_setparam\0sched_getparam\0sched_setscheduler\0"
    "sched_getscheduler\0sched_get_priority_max\0sched_get_priority_min\0"
    "sched_rr_get_interval\0mlock\0munlock\0mlockall\0munlockall\0vhangup\0"
    "modify_ldt\0pivot_root\0_sysctl\0prctl\0arch_prctl\0adjtimex\0setrlimit\0"
    "chroot\0sync\0acct\0settimeofday\0mount\0umount2\0swapon\0swapoff\0"
    "reboot\0sethostname\0setdomainname\0iopl\0ioperm\0create_module\0"
    "init_module\0delete_module\0get_kernel_syms\0query_module\0quotactl\0"
    "nfsservctl\0getpmsg\0putpmsg\0afs_syscall\0tuxcall\0security\0gettid\0"
    "readahead\0setxattr\0lsetxattr\0fsetxattr\0getxattr\0lgetxattr\0"
    "fgetxattr\0listxattr\0llistxattr\0flistxattr\0removexattr\0lremovexattr\0"
    "fremovexattr\0tkill\0time\0futex\0sched_setaffinity\0sched_getaffinity\0"
    "set_thread_area\0io_setup\0io_destroy\0io_getevents\0io_submit\0"
    "io_cancel\0get_thread_area\0lookup_dcookie\0epoll_create\0epoll_ctl_old\0"
    "epoll_wait_old\0remap_file_pages\0getdents64\0set_tid_address\0"
    "restart_syscall\0semtimedop\0fadvise64\0timer_create\0timer_settime\0"
    "timer_gettime\0timer_getoverrun\0timer_delete\0clock_settime\0"
    "clock_gettime\0clock_getres\0clock_nanosleep\0exit_group\0epoll_wait\0"
    "epoll_ctl\0tgkill\0utimes\0vserver\0mbind\0set_mempolicy\0get_mempolicy\0"
    "mq_open\0mq_unlink\0mq_timedsend\0mq_timedreceive\0mq_notify\0"
    "mq_getsetattr\0kexec_load\0waitid\0add_key\0request_key\0keyctl\0"
    "ioprio_set\0ioprio_get\0inotify_init\0inotify_add_watch\0"
    "inotify_rm_watch\0migrate_pages\0openat\0mkdirat\0mknodat\0fchownat\0"
    "futimesat\0newfstatat\0unlinkat\0renameat\0linkat\0symlinkat\0readlinkat\0"
    "fchmodat\0faccessat\0pselect6\0ppoll\0unshare\0set_robust_list\0"
    "get_robust_list\0splice\0tee\0sync_file_range\0vmsplice\0move_pages\0"
    "utimensat\0epoll_pwait\0signalfd\0timerfd_create\0eventfd\0fallocate\0"
    "timerfd_settime\0timerfd_gettime\0accept4\0signalfd4\0eventfd2\0"
    "epoll_create1\0dup3\0pipe2\0inotify_init1\0preadv\0pwritev\0"
    "rt_tgsigqueueinfo\0perf_event_open\0recvmmsg\0fanotify_init\0"
    "fanotify_mark\0prlimit64\0name_to_handle_at\0open_by_handle_at\0"
    "clock_adjtime\0syncfs\0sendmmsg\0setns\0getcpu\0process_vm_readv\0"
    "process_vm_writev\0kcmp\0finit_module\0sched_setattr\0sched_getattr\0"
    "renameat2\0seccomp\0getrandom\0memfd_create\0kexec_file_load\0bpf\0"
    "execveat\0userfaultfd\0membarrier\0mlock2\0copy_file_range\0preadv2\0"
    "pwritev2\0pkey_mprotect\0pkey_alloc\0pkey_free\0statx\0io_pgetevents\0"
    "rseq\0"
    "pidfd_send_signal\0io_uring_setup\0io_uring_enter\0io_uring_register\0"
    "open_tree\0move_mount\0fsopen\0fsconfig\0fsmount\0fspick\0pidfd_open\0"
    "clone3\0close_range\0openat2\0pidfd_getfd\0faccessat2\0process_madvise\0"
    "epoll_pwait2\0mount_setattr\0quotactl_fd\0landlock_create_ruleset\0"
    "landlock_add_rule\0landlock_restrict_self\0memfd_secret\0"
    "process_mrelease\0futex_waitv\0set_mempolicy_home_node\0cachestat\0"
    "fchmodat2\0map_shadow_stack\0futex_wake\0futex_wait\0futex_requeue\0"
    "statmount\0listmount\0lsm_get_self_attr\0lsm_set_self_attr\0"
    "lsm_list_modules\0mseal\0";

const char *syscall_name(u64 number)
{
    const char *name = names;
    u64 skip = number;

    if (number >= OLD_COUNT) {
        if (number - NEW_FIRST >= NEW_COUNT)
            return NULL;
        skip = OLD_COUNT + number - NEW_FIRST;
    }
    while (skip--)
        name += strlen(name) + 1;
    return name;
}
