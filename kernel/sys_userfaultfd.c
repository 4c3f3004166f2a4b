/*
 * userfaultfd(2): the descriptor, reading messages, polling. The ioctls are in
 * uffd_ioctl.c, the work in mm/userfaultfd*.c.
 */
#include <arch/uaccess.h>
#include <base/errno.h>
#include <kernel/file.h>
#include <kernel/sys_mm.h>
#include <kernel/thread.h>
#include <kernel/uffd.h>
#include <mm/userfaultfd.h>

/* ---- reading messages ---- */

/* One message: 0, -EAGAIN, or, when waiting, -ERESTARTSYS. */
static int next_msg(struct userfaultfd_ctx *ctx, bool wait,
                    struct uffd_msg *msg)
{
    struct waiter w;
    int r = userfaultfd_next_msg(ctx, msg);

    if (r != -EAGAIN || !wait)
        return r;
    wait_add(&ctx->readers, &w);
    for (;;) {
        thread_prepare_block(WAIT_INTERRUPTIBLE);
        r = userfaultfd_next_msg(ctx, msg);
        if (r != -EAGAIN)
            break;
        r = thread_block();
        if (r)
            break;
    }
    thread_cancel_block();
    wait_remove(&ctx->readers, &w);
    return r == -EINTR ? -ERESTARTSYS : r;
}

static ssize_t uffd_read(struct file *f, void __user *buf, size_t n,
                         u64 *pos __maybe_unused)
{
    struct userfaultfd_ctx *ctx = f->data;
    bool wait = !(f->flags & O_NONBLOCK);
    struct uffd_msg msg;
    size_t done = 0;
    int r;

    if (!ctx->initialized)
        return -EINVAL;
    for (;;) {
        if (n - done < sizeof(msg))
            return done ? (ssize_t)done : -EINVAL;
        r = next_msg(ctx, wait && !done, &msg);
        if (!r)
            r = copy_to_user((char __user *)buf + done, &msg, sizeof(msg));
        if (r)
            return done ? (ssize_t)done : r;
        done += sizeof(msg);
    }
}

/* Readiness is only promised to those who do not block in read(2). */
static unsigned uffd_poll(struct file *f, struct poll_table *pt)
{
    struct userfaultfd_ctx *ctx = f->data;

    pt->add(pt, &ctx->readers);
    if (!ctx->initialized || !(f->flags & O_NONBLOCK))
        return POLLERR;
    return userfaultfd_has_msg(ctx) ? POLLIN : 0;
}

/* ---- the descriptor ---- */

static void uffd_release(struct file *f)
{
    userfaultfd_release(f->data);
}

static const struct file_operations uffd_ops = {
    .read = uffd_read,
    .poll = uffd_poll,
    .ioctl = uffd_ioctl,
    .release = uffd_release,
};

long sys_userfaultfd(int flags)
{
    struct userfaultfd_ctx *ctx;
    struct file *f;

    if (flags & ~(O_CLOEXEC | O_NONBLOCK | (int)UFFD_USER_MODE_ONLY))
        return -EINVAL;
    ctx = userfaultfd_ctx_create(flags & UFFD_USER_MODE_ONLY);
    if (!ctx)
        return -ENOMEM;
    f = file_create(&uffd_ops, ctx, O_RDWR | (flags & O_NONBLOCK),
                    "userfaultfd");
    if (!f) {
        userfaultfd_ctx_put(ctx);
        return -ENOMEM;
    }
    return fd_install(f, flags & O_CLOEXEC, 0);
}
