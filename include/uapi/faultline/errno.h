/*
 * Error numbers of the Linux x86-64 ABI, see errno(3). System calls return
 * them negated. ERESTARTSYS and its kin never leave the kernel.
 */
#pragma once

#define EPERM        1
#define ENOENT       2
#define ESRCH        3
#define EINTR        4
#define EIO          5
#define ENXIO        6
#define E2BIG        7
#define ENOEXEC      8
#define EBADF        9
#define ECHILD       10
#define EAGAIN       11
#define ENOMEM       12
#define EACCES       13
#define EFAULT       14
#define EBUSY        16
#define EEXIST       17
#define ENODEV       19
#define ENOTDIR      20
#define EISDIR       21
#define EINVAL       22
#define ENFILE       23
#define EMFILE       24
#define ENOTTY       25
#define ETXTBSY      26
#define EFBIG        27
#define ENOSPC       28
#define ESPIPE       29
#define EROFS        30
#define EPIPE        32
#define EDOM         33
#define ERANGE       34
#define EDEADLK      35
#define ENAMETOOLONG 36
#define ENOSYS       38
#define ELOOP        40
#define EOVERFLOW    75
#define EOPNOTSUPP   95
#define ETIMEDOUT    110
#define EHWPOISON    133

/* Kernel-internal: what becomes of a system call that a signal broke off. */
#ifdef FAULTLINE_KERNEL
#define ERESTARTSYS           512 /* restart if the handler has SA_RESTART */
#define ERESTARTNOINTR        513 /* restart always */
#define ERESTARTNOHAND        514 /* restart only if no handler runs */
#define ERESTART_RESTARTBLOCK 516 /* the same, by restart_syscall(2) */
#endif
