/*
 * Requests of an object's pager, the decoding half: structures in user memory
 * and argument checks. The work is in mm/object_pager.c and its kin.
 */
#include <arch/uaccess.h>
#include <kernel/file.h>
#include <kernel/thread.h>
#include <kernel/uffd.h>
#include <mm/object_pager.h>

static long bind(struct userfaultfd_ctx *ctx, const void __user *arg)
{
    struct uffdio_fl_bind b;
    struct mem_object *object;
    struct file *f;
    long r;

    if (copy_from_user(&b, arg, sizeof(b)))
        return -EFAULT;
    if ((b.flags & ~UFFD_FL_BIND_DIRTY) || b.action > UFFD_FL_ACTION_ZERO ||
        b.reserved)
        return -EINVAL;
    f = fd_get(b.fd);
    if (!f)
        return -EBADF;
    object = file_object(f);
    r = object ? object_bind(object, ctx, &b) : -EINVAL;
    file_put(f);
    return r;
}

static bool is_valid(unsigned cmd, const struct uffdio_fl_object *c)
{
    const u32 fill =
        UFFDIO_MODE_DONTWAKE | UFFD_FL_MODE_DIRTY | UFFD_FL_MODE_ZERO;
    u32 modes = cmd == UFFDIO_FL_FILL   ? fill
                : cmd == UFFDIO_FL_WAKE ? UFFD_FL_MODE_FAIL
                                        : 0;

    if ((c->mode & ~modes) || !c->len || (c->offset | c->len) % PAGE_SIZE ||
        (s64)c->offset < 0 || c->len > (u64)INT64_MAX - c->offset)
        return false;
    if (cmd != UFFDIO_FL_FILL || (c->mode & UFFD_FL_MODE_ZERO))
        return !c->src;
    return c->src < TASK_SIZE && c->len <= TASK_SIZE - c->src;
}

static s64 perform(struct userfaultfd_ctx *ctx, unsigned cmd,
                   const struct uffdio_fl_object *c, struct mem_object *object)
{
    if (!object)
        return -EINVAL;
    switch (cmd) {
    case UFFDIO_FL_FILL:
        return object_fill(object, ctx, c);
    case UFFDIO_FL_CLEAN:
        return object_clean(object, ctx, c);
    case UFFDIO_FL_EVICT:
        return object_evict(object, ctx, c);
    }
    return object_wake(object, ctx, c);
}

long uffd_object_ioctl(struct file *uffd, unsigned cmd, void __user *arg)
{
    struct userfaultfd_ctx *ctx = uffd->data;
    struct uffdio_fl_fill_next __user *to = arg;
    bool next = cmd == UFFDIO_FL_FILL_NEXT;
    struct uffdio_fl_object c;
    struct file *f;

    if (cmd == UFFDIO_FL_BIND)
        return bind(ctx, arg);
    if (next)
        cmd = UFFDIO_FL_FILL;
    if (cmd < UFFDIO_FL_FILL || cmd > UFFDIO_FL_EVICT)
        return -EINVAL;
    if (unlikely(READ_ONCE(ctx->server) != current))
        userfaultfd_serve(ctx);
    if (copy_from_user(&c, arg, sizeof(c) - sizeof(c.done)))
        return -EFAULT;
    if (!is_valid(cmd, &c))
        return -EINVAL;
    if (next && uffd_will_sleep(uffd))
        c.mode |= UFFD_FL_MODE_SLEEPS;
    f = fd_get(c.fd);
    if (!f)
        return -EBADF;
    c.done = perform(ctx, cmd, &c, file_object(f));
    file_put(f);
    if (put_user_64((u64)c.done, (u64 __user *)&to->fill.done))
        return -EFAULT;
    if (c.done < 0)
        return c.done;
    if ((u64)c.done != c.len)
        return -EAGAIN;
    return next ? uffd_next(uffd, &to->msg) : 0;
}
