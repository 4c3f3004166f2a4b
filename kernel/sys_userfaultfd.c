/*
 * userfaultfd(2): the descriptor, reading messages, polling. The ioctls are in
 * uffd_ioctl.c, the work in mm/userfaultfd*.c.
 */
#include <arch/uaccess.h>
#include <kernel/file.h>
#include <kernel/procfs.h>
#include <kernel/seq.h>
#include <kernel/sys_mm.h>
#include <kernel/thread.h>
#include <kernel/uffd.h>
#include <mm/userfaultfd.h>

/* Messages taken at a time. */
#define BATCH 16

static const struct file_operations uffd_ops;

/* ---- reading messages ---- */

/* A descriptor of a child's context, or -errno, with the context as it was. */
static int ctx_install(struct userfaultfd_ctx *ctx)
{
    struct file *f =
        file_create(&uffd_ops, ctx, ctx->flags & O_NONBLOCK, "[userfaultfd]");
    int fd;

    if (!f)
        return -ENOMEM;
    file_get(f);
    fd = fd_install(f, ctx->flags & O_CLOEXEC, 0);
    if (fd < 0)
        f->data = NULL; /* nothing ends with this file */
    file_put(f);
    return fd;
}

/* The message of a fork carries a descriptor, which is the reader's. */
static int read_fork(struct userfaultfd_ctx *ctx, struct uffd_msg *msg,
                     struct userfaultfd_event *fork)
{
    int fd = ctx_install(fork->child);

    msg->fork.ufd = (u32)fd;
    userfaultfd_fork_done(ctx, fork, fd >= 0);
    return fd < 0 ? fd : 1;
}

/* Faults first, then one event: how many messages, 0, or -errno. */
static __noinline int take_msgs(struct userfaultfd_ctx *ctx,
                                struct uffd_msg *msgs, unsigned max)
{
    struct userfaultfd_event *fork;
    unsigned n = userfaultfd_next_faults(ctx, msgs, max);

    if (n)
        return n;
    if (userfaultfd_next_event(ctx, msgs, &fork))
        return 0;
    return fork ? read_fork(ctx, msgs, fork) : 1;
}

/* The same, waiting for one: never 0, but perhaps -EINTR. Several threads may
 * do so. */
static __noinline int queue_for_msgs(struct userfaultfd_ctx *ctx,
                                     struct uffd_msg *msgs, unsigned max)
{
    struct waiter w;
    int r;

    wait_add(&ctx->readers, &w);
    for (;;) {
        thread_prepare_block(WAIT_INTERRUPTIBLE);
        r = take_msgs(ctx, msgs, max);
        if (r)
            break;
        r = thread_block();
        if (r)
            break;
    }
    thread_cancel_block();
    wait_remove(&ctx->readers, &w);
    return r;
}

/* The same; who comes first is spared the queue. */
static __always_inline_ int await_msgs(struct userfaultfd_ctx *ctx,
                                       struct uffd_msg *msgs, unsigned max)
{
    int r;

    do {
        msgs->event = 0;
        thread_prepare(current, WAIT_INTERRUPTIBLE);
        if (unlikely(!userfaultfd_reader_enter(ctx, msgs))) {
            thread_cancel_block();
            return queue_for_msgs(ctx, msgs, max);
        }
        r = thread_block();
        if (unlikely(READ_ONCE(ctx->reader) == current))
            userfaultfd_reader_leave(ctx);
        if (likely(msgs->event))
            return 1;
        if (!r)
            r = take_msgs(ctx, msgs, max);
    } while (!r);
    return r;
}

/* uffd_take(), without the call for who reads. */
static __always_inline_ int take(struct file *f, struct uffd_msg *msgs,
                                 unsigned max, bool wait)
{
    struct userfaultfd_ctx *ctx = f->data;
    int r = userfaultfd_has_msg(ctx) ? take_msgs(ctx, msgs, max) : 0;

    if (r || !wait)
        return r;
    return f->flags & O_NONBLOCK ? -EAGAIN : await_msgs(ctx, msgs, max);
}

int uffd_take(struct file *f, struct uffd_msg *msgs, unsigned max, bool wait)
{
    return take(f, msgs, max, wait);
}

static ssize_t uffd_read(struct file *f, void __user *buf, size_t n,
                         u64 *pos __maybe_unused)
{
    struct userfaultfd_ctx *ctx = f->data;
    struct uffd_msg msgs[BATCH];
    struct uffd_msg __user *out = buf, *end = out + n / sizeof(*out);
    int r;

    if (!ctx->initialized || out == end)
        return -EINVAL;
    do {
        r = take(f, msgs, (unsigned)min(end - out, (s64)BATCH), out == buf);
        if (r > 0 && copy_to_user(out, msgs, (size_t)r * sizeof(*out)))
            r = -EFAULT;
        if (unlikely(r <= 0))
            break;
        out += r;
    } while (out < end);
    if (likely(out != buf))
        return (char __user *)out - (char __user *)buf;
    return r == -EINTR ? -ERESTARTSYS : r;
}

/* Readiness is only promised to those who do not block in read(2). */
static unsigned uffd_poll(struct file *f, struct poll_table *pt)
{
    struct userfaultfd_ctx *ctx = f->data;

    pt->add(pt, &ctx->readers);
    if (READ_ONCE(ctx->server) != current)
        userfaultfd_serve(ctx);
    if (!ctx->initialized || !(f->flags & O_NONBLOCK))
        return POLLERR;
    return userfaultfd_has_msg(ctx) ? POLLIN : 0;
}

/* ---- the descriptor ---- */

static void uffd_release(struct file *f)
{
    if (f->data)
        userfaultfd_release(f->data);
}

/* The interface's version, its features in use and its calls last. */
static void uffd_show_fdinfo(struct file *f, struct seq *s)
{
    const u64 initialized = 1ull << 31; /* among the features, on Linux */
    struct userfaultfd_ctx *ctx = f->data;
    unsigned pending, total;

    userfaultfd_count(ctx, &pending, &total);
    seq_printf(s, "pending:\t%u\ntotal:\t%u\nAPI:\t%lx:%lx:%lx\n", pending,
               total, (u64)UFFD_API,
               ctx->features | (ctx->initialized ? initialized : 0),
               (u64)(UFFD_API_IOCTLS | UFFD_RANGE_IOCTLS));
}

static const struct file_operations uffd_ops = {
    .show_fdinfo = uffd_show_fdinfo,
    .read = uffd_read,
    .poll = uffd_poll,
    .ioctl = uffd_ioctl,
    .closed = uffd_closed,
    .release = uffd_release,
};

long sys_userfaultfd(int flags)
{
    struct userfaultfd_ctx *ctx;
    struct file *f;

    if (flags & ~(O_CLOEXEC | O_NONBLOCK | (int)UFFD_USER_MODE_ONLY))
        return -EINVAL;
    ctx = userfaultfd_ctx_create(current->mm, flags);
    if (!ctx)
        return -ENOMEM;
    f = file_create(&uffd_ops, ctx, flags & O_NONBLOCK, "[userfaultfd]");
    if (!f) {
        userfaultfd_ctx_put(ctx);
        return -ENOMEM;
    }
    return fd_install(f, flags & O_CLOEXEC, 0);
}

static long dev_ioctl(struct file *f __maybe_unused, unsigned cmd, u64 arg)
{
    return cmd == USERFAULTFD_IOC_NEW ? sys_userfaultfd((int)arg) : -EINVAL;
}

const struct file_operations uffd_dev_ops = {
    .ioctl = dev_ioctl,
    .stat = proc_stat,
    .release = proc_release,
};
