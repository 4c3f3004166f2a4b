/*
 * The one list of the system calls there are: number of the x86-64 ABI and
 * handler. What is not listed answers ENOSYS. The entry code passes all six
 * argument registers; a handler looks at those its manual page names.
 */
#include <kernel/futex.h>
#include <kernel/sys_event.h>
#include <kernel/sys_file.h>
#include <kernel/sys_misc.h>
#include <kernel/sys_mm.h>
#include <kernel/sys_proc.h>
#include <kernel/sys_signal.h>
#include <kernel/sys_time.h>
#include <kernel/syscall.h>

/* Handlers have their natural types, and the default comes first. */
#pragma GCC diagnostic ignored "-Wcast-function-type"
#pragma GCC diagnostic ignored "-Woverride-init"

#define CALL(nr, handler) [nr] = (syscall_fn)(handler)

const syscall_fn syscall_table[SYSCALL_COUNT] = {
    [0 ... SYSCALL_COUNT - 1] = (syscall_fn)sys_ni_syscall,

    /* descriptors */
    CALL(0, sys_read),
    CALL(1, sys_write),
    CALL(3, sys_close),
    CALL(5, sys_fstat),
    CALL(7, sys_poll),
    CALL(8, sys_lseek),
    CALL(16, sys_ioctl),
    CALL(17, sys_pread64),
    CALL(18, sys_pwrite64),
    CALL(19, sys_readv),
    CALL(20, sys_writev),
    CALL(23, sys_select),
    CALL(32, sys_dup),
    CALL(33, sys_dup2),
    CALL(72, sys_fcntl),
    CALL(74, sys_fsync),
    CALL(75, sys_fsync),
    CALL(77, sys_ftruncate),
    CALL(91, sys_fchmod),
    CALL(262, sys_newfstatat),
    CALL(270, sys_pselect6),
    CALL(271, sys_ppoll),
    CALL(285, sys_fallocate),
    CALL(292, sys_dup3),
    CALL(295, sys_preadv),
    CALL(296, sys_pwritev),
    CALL(319, sys_memfd_create),
    CALL(213, sys_epoll_create),
    CALL(232, sys_epoll_wait),
    CALL(233, sys_epoll_ctl),
    CALL(281, sys_epoll_pwait),
    CALL(282, sys_signalfd),
    CALL(283, sys_timerfd_create),
    CALL(284, sys_eventfd),
    CALL(286, sys_timerfd_settime),
    CALL(287, sys_timerfd_gettime),
    CALL(289, sys_signalfd4),
    CALL(290, sys_eventfd2),
    CALL(291, sys_epoll_create1),
    CALL(436, sys_close_range),
    CALL(441, sys_epoll_pwait2),

    /* by path */
    CALL(2, sys_open),
    CALL(4, sys_stat),
    CALL(6, sys_stat),
    CALL(21, sys_access),
    CALL(76, sys_path_first), /* truncate */
    CALL(80, sys_path_first), /* chdir */
    CALL(89, sys_readlink),
    CALL(257, sys_openat),
    CALL(267, sys_readlinkat),
    CALL(269, sys_faccessat),
    CALL(332, sys_path_second), /* statx */
    CALL(437, sys_path_second), /* openat2 */
    CALL(439, sys_faccessat),
    CALL(79, sys_getcwd),

    /* memory */
    CALL(9, sys_mmap),
    CALL(10, sys_mprotect),
    CALL(11, sys_munmap),
    CALL(12, sys_brk),
    CALL(25, sys_mremap),
    CALL(27, sys_mincore),
    CALL(26, sys_msync),
    CALL(28, sys_madvise),
    CALL(216, sys_remap_file_pages),
    CALL(149, sys_mlock),
    CALL(150, sys_munlock),
    CALL(151, sys_mlockall),
    CALL(152, sys_munlockall),
    CALL(323, sys_userfaultfd),
    CALL(310, sys_process_vm_readv),
    CALL(311, sys_process_vm_writev),
    CALL(325, sys_mlock2),
    CALL(440, sys_process_madvise),
    CALL(448, sys_process_mrelease),
    CALL(462, sys_mseal),
    CALL(329, sys_pkey_mprotect),
    CALL(330, sys_pkey_alloc),
    CALL(331, sys_pkey_free),

    /* signals */
    CALL(13, sys_rt_sigaction),
    CALL(14, sys_rt_sigprocmask),
    CALL(15, sys_rt_sigreturn),
    CALL(34, sys_pause),
    CALL(62, sys_kill),
    CALL(127, sys_rt_sigpending),
    CALL(128, sys_rt_sigtimedwait),
    CALL(129, sys_rt_sigqueueinfo),
    CALL(130, sys_rt_sigsuspend),
    CALL(131, sys_sigaltstack),
    CALL(200, sys_tkill),
    CALL(219, sys_restart_syscall),
    CALL(234, sys_tgkill),
    CALL(297, sys_rt_tgsigqueueinfo),
    CALL(424, sys_pidfd_send_signal),

    /* tasks and threads */
    CALL(39, sys_getpid),
    CALL(56, sys_clone),
    CALL(57, sys_fork),
    CALL(58, sys_vfork),
    CALL(59, sys_execve),
    CALL(60, sys_exit),
    CALL(61, sys_wait4),
    CALL(63, sys_uname),
    CALL(97, sys_getrlimit),
    CALL(98, sys_getrusage),
    CALL(102, sys_getuid),
    CALL(104, sys_getgid),
    CALL(107, sys_geteuid),
    CALL(108, sys_getegid),
    CALL(109, sys_setpgid),
    CALL(110, sys_getppid),
    CALL(111, sys_getpgrp),
    CALL(112, sys_setsid),
    CALL(121, sys_getpgid),
    CALL(124, sys_getsid),
    CALL(157, sys_prctl),
    CALL(158, sys_arch_prctl),
    CALL(160, sys_setrlimit),
    CALL(186, sys_gettid),
    CALL(202, sys_futex),
    CALL(218, sys_set_tid_address),
    CALL(231, sys_exit_group),
    CALL(247, sys_waitid),
    CALL(273, sys_set_robust_list),
    CALL(274, sys_get_robust_list),
    CALL(302, sys_prlimit64),
    CALL(322, sys_execveat),
    CALL(434, sys_pidfd_open),
    CALL(435, sys_clone3),

    /* clocks */
    CALL(35, sys_nanosleep),
    CALL(36, sys_getitimer),
    CALL(37, sys_alarm),
    CALL(38, sys_setitimer),
    CALL(96, sys_gettimeofday),
    CALL(100, sys_times),
    CALL(164, sys_settimeofday),
    CALL(201, sys_time),
    CALL(222, sys_timer_create),
    CALL(223, sys_timer_settime),
    CALL(224, sys_timer_gettime),
    CALL(225, sys_timer_getoverrun),
    CALL(226, sys_timer_delete),
    CALL(227, sys_clock_settime),
    CALL(228, sys_clock_gettime),
    CALL(229, sys_clock_getres),
    CALL(230, sys_clock_nanosleep),

    /* the scheduler and the rest */
    CALL(24, sys_sched_yield),
    CALL(99, sys_sysinfo),
    CALL(140, sys_getpriority),
    CALL(141, sys_setpriority),
    CALL(142, sys_sched_setparam),
    CALL(143, sys_sched_getparam),
    CALL(144, sys_sched_setscheduler),
    CALL(145, sys_sched_getscheduler),
    CALL(146, sys_sched_get_priority_max),
    CALL(147, sys_sched_get_priority_min),
    CALL(148, sys_sched_rr_get_interval),
    CALL(203, sys_sched_setaffinity),
    CALL(204, sys_sched_getaffinity),
    CALL(309, sys_getcpu),
    CALL(314, sys_sched_setattr),
    CALL(315, sys_sched_getattr),
    CALL(318, sys_getrandom),
    CALL(324, sys_membarrier),
};
