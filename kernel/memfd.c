/*
 * memfd_create(2): shared memory behind a descriptor. And the calls that
 * change an object by descriptor: ftruncate, fallocate, fchmod, fsync.
 */
#include <arch/uaccess.h>
#include <base/string.h>
#include <kernel/sys_file.h>
#include <mm/object.h>
#include <mm/slab.h>

#define MFD_CLOEXEC       0x01u
#define MFD_ALLOW_SEALING 0x02u
#define MFD_HUGETLB       0x04u
#define MFD_NOEXEC_SEAL   0x08u
#define MFD_EXEC          0x10u
#define MFD_FLAGS         0x1fu
#define MFD_HUGE_SHIFT    26

#define NAME_MAX  249 /* and the NUL */
#define NAME_HEAD "memfd:"
#define NAME_TAIL " (deleted)"

#define FALLOC_FL_KEEP_SIZE  0x01u
#define FALLOC_FL_PUNCH_HOLE 0x02u

#define O_LARGEFILE 0100000u

/* Flags that make sense; the logarithm of the huge pages asked for, or 0. */
static int check_flags(u32 flags, u8 *huge_shift)
{
    u32 shift = flags >> MFD_HUGE_SHIFT;

    if (flags & MFD_HUGETLB)
        flags &= (1u << MFD_HUGE_SHIFT) - 1;
    if ((flags & ~MFD_FLAGS) ||
        (flags & (MFD_EXEC | MFD_NOEXEC_SEAL)) == (MFD_EXEC | MFD_NOEXEC_SEAL))
        return -EINVAL;
    *huge_shift = 0;
    if (!(flags & MFD_HUGETLB))
        return 0;
    *huge_shift = shift ? shift : 21;
    return *huge_shift == 21 || *huge_shift == 30 ? 0 : -ENODEV;
}

/* "memfd:NAME (deleted)", as maps shows it. Returns 0, -EINVAL, -EFAULT. */
static int fetch_name(char *name, const char __user *user)
{
    char *at = name + sizeof(NAME_HEAD) - 1;
    ssize_t n = strncpy_from_user(at, user, NAME_MAX + 1);

    if (n < 0)
        return n == -ENAMETOOLONG ? -EINVAL : (int)n;
    memcpy(name, NAME_HEAD, sizeof(NAME_HEAD) - 1);
    memcpy(at + n, NAME_TAIL, sizeof(NAME_TAIL));
    return 0;
}

static struct file *create(char *name, u32 flags, u8 huge_shift)
{
    struct mem_object *object = object_create_memfd(name);
    struct file *f;

    if (!object) {
        kfree(name);
        return NULL;
    }
    object->huge_shift = huge_shift;
    if (!(flags & (MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL)))
        object->seals = F_SEAL_SEAL;
    if (flags & MFD_NOEXEC_SEAL) {
        object->seals = F_SEAL_EXEC;
        object->mode = 0666;
    }
    f = object_file_create(object, O_RDWR | O_LARGEFILE);
    object_put(object);
    return f;
}

long sys_memfd_create(const char __user *user_name, u32 flags)
{
    struct file *f;
    u8 huge_shift;
    char *name;
    int r = check_flags(flags, &huge_shift);

    if (r)
        return r;
    name = kmalloc(NAME_MAX + sizeof(NAME_HEAD) + sizeof(NAME_TAIL));
    if (!name)
        return -ENOMEM;
    r = fetch_name(name, user_name);
    if (r) {
        kfree(name);
        return r;
    }
    f = create(name, flags, huge_shift);
    return f ? fd_install(f, flags & MFD_CLOEXEC, 0) : -ENOMEM;
}

static bool writable(const struct file *f)
{
    return (f->flags & O_ACCMODE) != O_RDONLY;
}

static long truncate_file(struct file *f, u64 size)
{
    struct mem_object *object = file_object(f);

    if (!object || !writable(f))
        return -EINVAL;
    if (object->huge_shift && !IS_ALIGNED(size, 1ull << object->huge_shift))
        return -EINVAL;
    if (size > READ_ONCE(object->size) && file_size_check(size))
        return -EFBIG;
    return object_resize(object, size);
}

long sys_ftruncate(int fd, s64 size)
{
    struct file *f;
    long r;

    if (size < 0)
        return -EINVAL;
    f = fd_get(fd);
    if (!f)
        return -EBADF;
    r = truncate_file(f, (u64)size);
    file_put(f);
    return r;
}

static long allocate(struct file *f, u32 mode, s64 offset, s64 len)
{
    struct mem_object *object = file_object(f);
    const u32 punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    u64 end;

    if (offset < 0 || len <= 0)
        return -EINVAL;
    if (mode && mode != FALLOC_FL_KEEP_SIZE && mode != punch)
        return -EOPNOTSUPP;
    if (!writable(f))
        return -EBADF;
    if (!object)
        return -ENODEV;
    if (offset + (u64)len > ~0ull >> 1)
        return -EFBIG;
    if (mode == punch)
        return object_punch_hole(object, (u64)offset, (u64)len);
    if (object->huge_shift)
        return -ENOSPC;
    end = (u64)offset + (u64)len;
    if (end > READ_ONCE(object->size) && file_size_check(end))
        return -EFBIG;
    return object_reserve(object, (u64)offset, (u64)len, mode);
}

long sys_fallocate(int fd, u32 mode, s64 offset, s64 len)
{
    struct file *f = fd_get(fd);
    long r;

    if (!f)
        return -EBADF;
    r = allocate(f, mode, offset, len);
    file_put(f);
    return r;
}

/* Memory has nothing to wait for. */
long sys_fsync(int fd)
{
    struct file *f = fd_get(fd);
    long r;

    if (!f)
        return -EBADF;
    r = file_object(f) ? 0 : -EINVAL;
    file_put(f);
    return r;
}

/* A sealed object stays as executable as it is. */
static long change_mode(struct mem_object *object, u16 mode)
{
    long r = 0;

    rwsem_down_write(&object->change);
    if ((object->seals & F_SEAL_EXEC) && ((mode ^ object->mode) & 0111))
        r = -EPERM;
    else
        object->mode = mode;
    rwsem_up_write(&object->change);
    return r;
}

long sys_fchmod(int fd, u32 mode)
{
    struct file *f = fd_get(fd);
    struct mem_object *object;
    long r = -EPERM;

    if (!f)
        return -EBADF;
    object = file_object(f);
    if (object && object->memfd)
        r = change_mode(object, mode & 07777);
    file_put(f);
    return r;
}
