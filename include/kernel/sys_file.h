/*
 * The calls on descriptors. Each returns what its manual page says, or
 * -errno; all give -EBADF for a descriptor that is not open and -EFAULT for a
 * pointer that is no good.
 */
#pragma once

#include <kernel/file.h>
#include <kernel/iov.h>
#include <kernel/time.h>

/* struct pollfd of the ABI. */
struct pollfd_k {
    s32 fd;
    s16 events, revents;
};

/* read(2), write(2): also -EBADF without the right. At most 0x7ffff000. */
long sys_read(int fd, void __user *buf, size_t n);
long sys_write(int fd, const void __user *buf, size_t n);
/* readv(2), writev(2): -EINVAL (more than 1024, total too long); preadv and
 * pwritev also as pread. */
long sys_readv(int fd, const struct iovec_k __user *iov, int count);
long sys_writev(int fd, const struct iovec_k __user *iov, int count);
long sys_preadv(int fd, const struct iovec_k __user *iov, int count, s64 pos);
long sys_pwritev(int fd, const struct iovec_k __user *iov, int count, s64 pos);
/* pread(2): -ESPIPE if the file has no positions, -EINVAL (negative). */
long sys_pread64(int fd, void __user *buf, size_t n, s64 pos);
long sys_pwrite64(int fd, const void __user *buf, size_t n, s64 pos);
/* lseek(2): -ESPIPE, -EINVAL, -ENXIO (SEEK_DATA, SEEK_HOLE past the end). */
long sys_lseek(int fd, s64 offset, int whence);
/* memfd_create(2): -EINVAL (flags, name too long), -EFAULT, -ENODEV (size of
 * huge pages), -EMFILE, -ENOMEM. There are no huge pages: MFD_HUGETLB's object
 * cannot be mapped (ENOMEM) or filled (ENOSPC). */
long sys_memfd_create(const char __user *name, u32 flags);
/* ftruncate(2): -EINVAL (negative, not an object, not writable), -EPERM
 * (seals), -EFBIG (RLIMIT_FSIZE). */
long sys_ftruncate(int fd, s64 size);
/* fallocate(2) of mode 0, KEEP_SIZE, PUNCH_HOLE: -EINVAL, -EOPNOTSUPP, -EBADF
 * (not writable), -ENODEV (not an object), -EFBIG, -EPERM (seals), -ENOMEM,
 * -EINTR. */
long sys_fallocate(int fd, u32 mode, s64 offset, s64 len);
/* fsync(2), fdatasync(2): -EINVAL (not an object). */
long sys_fsync(int fd);
/* fchmod(2) of a memfd: -EPERM (F_SEAL_EXEC; not a memfd). */
long sys_fchmod(int fd, u32 mode);
/* close(2), close_range(2): -EINVAL (order, flags). */
long sys_close(int fd);
long sys_close_range(u32 first, u32 last, u32 flags);
/* dup(2): -EMFILE; dup3 also -EINVAL (same number, flags). */
long sys_dup(int fd);
long sys_dup2(int old, int new);
long sys_dup3(int old, int new, int flags);
/* fcntl(2): F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL,
 * F_ADD_SEALS, F_GET_SEALS; -EINVAL for the rest. */
long sys_fcntl(int fd, int cmd, u64 arg);
/* ioctl(2): -ENOTTY for what the file does not know. */
long sys_ioctl(int fd, u32 cmd, u64 arg);
/* stat(2): by descriptor. */
long sys_fstat(int fd, struct stat_k __user *st);
/* poll(2), ppoll(2): -EINVAL (too many), -EINTR, -ENOMEM. */
long sys_poll(struct pollfd_k __user *fds, u32 n, int timeout_ms);
long sys_ppoll(struct pollfd_k __user *fds, u32 n,
               struct timespec_k __user *timeout, const u64 __user *mask,
               size_t size);
/* select(2), pselect(2): the same; tv is a struct timeval. */
long sys_select(int n, u64 __user *in, u64 __user *out, u64 __user *except,
                void __user *tv);
long sys_pselect6(int n, u64 __user *in, u64 __user *out, u64 __user *except,
                  struct timespec_k __user *timeout, const u64 __user *sig);

/*
 * Calls that name files by path. Until a file server runs in ring 3 the only
 * names are some of /proc (kernel/procfs.c); all others give -ENOENT.
 */
/* open(2): also -ENOTDIR, -EEXIST, -EMFILE; -ESRCH (no address space). */
long sys_openat(int dirfd, const char __user *path, u32 flags);
long sys_open(const char __user *path, u32 flags);
/* stat(2), access(2). */
long sys_newfstatat(int dirfd, const char __user *path,
                    struct stat_k __user *st, int flags);
long sys_stat(const char __user *path, struct stat_k __user *st);
long sys_faccessat(int dirfd, const char __user *path);
long sys_access(const char __user *path);
/* What stat(2) says of an open file. Returns 0, -EFAULT. */
__must_check int file_stat(struct file *f, struct stat_k __user *user);
/* readlink(2): /proc/self, /proc/self/fd/FD. -EINVAL (not a link, size). */
long sys_readlinkat(int dirfd, const char __user *path, char __user *buf,
                    int size);
long sys_readlink(const char __user *path, char __user *buf, int size);
/* The rest: they fetch the path and answer -ENOENT. */
long sys_path_first(const char __user *path);
long sys_path_second(int dirfd, const char __user *path);
