/* Descriptors as such: closing, duplicating, flags, ioctl, fstat. */
#include <arch/uaccess.h>
#include <base/string.h>
#include <kernel/sys_file.h>
#include <mm/object.h>

#define F_DUPFD         0
#define F_GETFD         1
#define F_SETFD         2
#define F_GETFL         3
#define F_SETFL         4
#define F_DUPFD_CLOEXEC 1030
#define F_ADD_SEALS     1033
#define F_GET_SEALS     1034

#define FL_CHANGED (O_NONBLOCK | O_APPEND)

#define FIONCLEX 0x5450
#define FIOCLEX  0x5451
#define FIONBIO  0x5421

#define CLOSE_RANGE_UNSHARE 2u
#define CLOSE_RANGE_CLOEXEC 4u

long sys_close(int fd)
{
    struct file *f = fd_take(fd);

    if (!f)
        return -EBADF;
    file_close(f);
    return 0;
}

long sys_close_range(u32 first, u32 last, u32 flags)
{
    u32 fd;
    int r = 0;

    if (first > last || (flags & ~(CLOSE_RANGE_CLOEXEC | CLOSE_RANGE_UNSHARE)))
        return -EINVAL;
    if (flags & CLOSE_RANGE_UNSHARE)
        r = files_unshare();
    if (r)
        return r;
    last = min(last, (u32)fd_limit() - 1);
    for (fd = first; fd <= last; fd++) {
        if (flags & CLOSE_RANGE_CLOEXEC)
            (void)fd_cloexec((int)fd, 1);
        else
            (void)sys_close((int)fd);
    }
    return 0;
}

static long dup_from(int fd, bool cloexec, int from)
{
    struct file *f = fd_get(fd);

    return f ? fd_install(f, cloexec, from) : -EBADF;
}

static long dup_to(int old, int new, bool cloexec)
{
    struct file *f = fd_get(old);

    return f ? fd_replace(f, cloexec, new) : -EBADF;
}

long sys_dup(int fd)
{
    return dup_from(fd, false, 0);
}

long sys_dup2(int old, int new)
{
    if (old == new)
        return fd_cloexec(old, -1) < 0 ? -EBADF : new;
    return dup_to(old, new, false);
}

long sys_dup3(int old, int new, int flags)
{
    if (old == new || (flags & ~O_CLOEXEC))
        return -EINVAL;
    return dup_to(old, new, flags & O_CLOEXEC);
}

static void set_flags(struct file *f, u32 mask, u32 flags)
{
    f->flags = (f->flags & ~mask) | (flags & mask);
}

static long fcntl_file(struct file *f, int fd, int cmd, u64 arg)
{
    struct mem_object *object = file_object(f);

    switch (cmd) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        if (arg >= fd_ceiling())
            return -EINVAL;
        return dup_from(fd, cmd == F_DUPFD_CLOEXEC, (int)arg);
    case F_GETFD:
        return fd_cloexec(fd, -1);
    case F_SETFD:
        return fd_cloexec(fd, arg & FD_CLOEXEC) < 0 ? -EBADF : 0;
    case F_GETFL:
        return f->flags & ~(u32)O_CLOEXEC;
    case F_SETFL:
        set_flags(f, FL_CHANGED, (u32)arg);
        return 0;
    case F_ADD_SEALS:
        if ((f->flags & O_ACCMODE) == O_RDONLY)
            return -EPERM;
        return object && object->memfd ? object_add_seals(object, (u32)arg)
                                       : -EINVAL;
    case F_GET_SEALS:
        return object && object->memfd ? (long)object->seals : -EINVAL;
    default:
        return -EINVAL;
    }
}

long sys_fcntl(int fd, int cmd, u64 arg)
{
    struct file *f = fd_get(fd);
    long r;

    if (!f)
        return -EBADF;
    r = fcntl_file(f, fd, cmd, arg);
    file_put(f);
    return r;
}

static long ioctl_nonblock(struct file *f, const u32 __user *on)
{
    u32 value;

    if (copy_from_user(&value, on, sizeof(value)))
        return -EFAULT;
    set_flags(f, O_NONBLOCK, value ? O_NONBLOCK : 0);
    return 0;
}

long sys_ioctl(int fd, u32 cmd, u64 arg)
{
    struct file *f = fd_get(fd);
    long r = 0;

    if (!f)
        return -EBADF;
    if (cmd == FIOCLEX || cmd == FIONCLEX)
        (void)fd_cloexec(fd, cmd == FIOCLEX);
    else if (cmd == FIONBIO)
        r = ioctl_nonblock(f, (const u32 __user *)arg);
    else
        r = f->ops->ioctl ? f->ops->ioctl(f, cmd, arg) : -ENOTTY;
    file_put(f);
    return r;
}

int file_stat(struct file *f, struct stat_k __user *user)
{
    struct stat_k st;
    int r = 0;

    memset(&st, 0, sizeof(st));
    st.st_nlink = 1;
    st.st_mode = 0600;
    st.st_blksize = 4096;
    if (f->ops->stat)
        r = f->ops->stat(f, &st);
    return r ? r : copy_to_user(user, &st, sizeof(st));
}

long sys_fstat(int fd, struct stat_k __user *st)
{
    struct file *f = fd_get(fd);
    int r;

    if (!f)
        return -EBADF;
    r = file_stat(f, st);
    file_put(f);
    return r;
}
