/*
 * Reading and writing through descriptors. What a file can do is in its
 * operations; here are the rules that hold for all of them.
 */
#include <arch/uaccess.h>
#include <kernel/sys_file.h>
#include <mm/object.h>

#define SEEK_SET  0
#define SEEK_CUR  1
#define SEEK_END  2
#define SEEK_DATA 3
#define SEEK_HOLE 4

/* The file behind fd if it was opened for that direction. */
static struct file *file_for(int fd, bool write)
{
    struct file *f = fd_get(fd);

    if (f && (f->flags & O_ACCMODE) == (write ? O_RDONLY : O_WRONLY)) {
        file_put(f);
        return NULL;
    }
    return f;
}

static __always_inline_ ssize_t file_read(struct file *f, void __user *buf,
                                          size_t n, u64 *pos)
{
    if (!f->ops->read)
        return -EINVAL;
    if (!access_ok(buf, n))
        return -EFAULT;
    if (f->ops->seekable && (s64)(*pos + n) < 0)
        return -EINVAL;
    return f->ops->read(f, buf, min(n, RW_MAX), pos);
}

static ssize_t file_write(struct file *f, const void __user *buf, size_t n,
                          u64 *pos)
{
    if (!f->ops->write)
        return -EINVAL;
    if (!access_ok(buf, n))
        return -EFAULT;
    if (f->ops->seekable && (s64)(*pos + n) < 0)
        return -EINVAL;
    return f->ops->write(f, buf, min(n, RW_MAX), pos);
}

long sys_read(int fd, void __user *buf, size_t n)
{
    struct file *f = file_for(fd, false);
    long r;

    if (!f)
        return -EBADF;
    r = file_read(f, buf, n, &f->pos);
    file_put(f);
    return r;
}

long sys_write(int fd, const void __user *buf, size_t n)
{
    struct file *f = file_for(fd, true);
    long r;

    if (!f)
        return -EBADF;
    r = file_write(f, buf, n, &f->pos);
    file_put(f);
    return r;
}

long sys_pread64(int fd, void __user *buf, size_t n, s64 at)
{
    u64 pos = (u64)at;
    struct file *f;
    long r = -ESPIPE;

    if (at < 0)
        return -EINVAL;
    f = file_for(fd, false);
    if (!f)
        return -EBADF;
    if (f->ops->seekable)
        r = file_read(f, buf, n, &pos);
    file_put(f);
    return r;
}

long sys_pwrite64(int fd, const void __user *buf, size_t n, s64 at)
{
    u64 pos = (u64)at;
    struct file *f;
    long r = -ESPIPE;

    if (at < 0)
        return -EINVAL;
    f = file_for(fd, true);
    if (!f)
        return -EBADF;
    if (f->ops->seekable)
        r = file_write(f, buf, n, &pos);
    file_put(f);
    return r;
}

/* Moves the vectors one after the other, until one comes out short. */
static long iov_run(struct file *f, bool write, const struct iovec_k *iov,
                    int count, u64 *pos)
{
    long done = 0, r;
    int i;

    if (write ? !f->ops->write : !f->ops->read)
        return -EINVAL;
    for (i = 0; i < count; i++) {
        if (!iov[i].len)
            continue;
        r = write ? f->ops->write(f, iov[i].base, iov[i].len, pos)
                  : f->ops->read(f, iov[i].base, iov[i].len, pos);
        if (r < 0)
            return done ? done : r;
        done += r;
        if ((size_t)r < iov[i].len)
            break;
    }
    return done;
}

static long iov_call(struct file *f, bool write,
                     const struct iovec_k __user *user, int count, u64 *pos)
{
    struct iov_list list;
    long r = iov_fetch(&list, user, (u64)(s64)count, true);

    if (r)
        return r;
    r = iov_run(f, write, list.iov, (int)list.count, pos);
    iov_release(&list);
    return r;
}

static long sys_vector(int fd, bool write, const struct iovec_k __user *iov,
                       int count)
{
    struct file *f = file_for(fd, write);
    long r;

    if (!f)
        return -EBADF;
    r = iov_call(f, write, iov, count, &f->pos);
    file_put(f);
    return r;
}

long sys_readv(int fd, const struct iovec_k __user *iov, int count)
{
    return sys_vector(fd, false, iov, count);
}

long sys_writev(int fd, const struct iovec_k __user *iov, int count)
{
    return sys_vector(fd, true, iov, count);
}

/* preadv(2), pwritev(2): the position is the caller's. */
static long sys_vector_at(int fd, bool write, const struct iovec_k __user *iov,
                          int count, s64 at)
{
    u64 pos = (u64)at;
    struct file *f;
    long r = -ESPIPE;

    if (at < 0)
        return -EINVAL;
    f = file_for(fd, write);
    if (!f)
        return -EBADF;
    if (f->ops->seekable)
        r = iov_call(f, write, iov, count, &pos);
    file_put(f);
    return r;
}

long sys_preadv(int fd, const struct iovec_k __user *iov, int count, s64 pos)
{
    return sys_vector_at(fd, false, iov, count, pos);
}

long sys_pwritev(int fd, const struct iovec_k __user *iov, int count, s64 pos)
{
    return sys_vector_at(fd, true, iov, count, pos);
}

/* Where lseek() goes in an object's file; NULL: of text that has no end before
 * it is read. */
static s64 seek_target(const struct file *f, struct mem_object *object,
                       s64 offset, int whence)
{
    s64 base = 0;

    if (!object && whence != SEEK_SET && whence != SEEK_CUR)
        return -EINVAL;
    if (whence == SEEK_DATA || whence == SEEK_HOLE)
        return offset < 0
                   ? -ENXIO
                   : object_seek(object, (u64)offset, whence == SEEK_DATA);
    if (whence == SEEK_CUR)
        base = (s64)f->pos;
    else if (whence == SEEK_END)
        base = (s64)object->size;
    else if (whence != SEEK_SET)
        return -EINVAL;
    if (__builtin_add_overflow(base, offset, &offset) || offset < 0)
        return -EINVAL;
    return offset;
}

long sys_lseek(int fd, s64 offset, int whence)
{
    struct file *f = fd_get(fd);
    s64 pos = -ESPIPE;

    if (!f)
        return -EBADF;
    if (f->ops->seekable) {
        pos = seek_target(f, file_object(f), offset, whence);
        if (pos >= 0)
            f->pos = (u64)pos;
    }
    file_put(f);
    return pos;
}
