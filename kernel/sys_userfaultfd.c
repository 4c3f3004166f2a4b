/*
 * userfaultfd(2) and ioctl_userfaultfd(2), the decoding half: descriptors,
 * structures in user memory, argument checks. The work is in
 * mm/userfaultfd*.c.
 */
#include <arch/uaccess.h>
#include <base/errno.h>
#include <kernel/file.h>
#include <kernel/sys_mm.h>
#include <kernel/thread.h>
#include <mm/userfaultfd.h>

#define OFFERED_FEATURES                                                       \
    (UFFD_FEATURE_SIGBUS | UFFD_FEATURE_THREAD_ID | UFFD_FEATURE_EXACT_ADDRESS)
#define BIT_OF(name) (1ull << UFFD_BIT_##name)
#define API_IOCTLS   (BIT_OF(REGISTER) | BIT_OF(UNREGISTER) | BIT_OF(API))
#define RANGE_IOCTLS (BIT_OF(WAKE) | BIT_OF(COPY) | BIT_OF(ZEROPAGE))

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

/* ---- the ioctls ---- */

/* Whole pages' worth of user addresses; they need not begin at a page. */
static int check_unaligned_range(u64 start, u64 len)
{
    if (!IS_ALIGNED(len, PAGE_SIZE) || !len)
        return -EINVAL;
    if (start < MMAP_MIN_ADDR || start >= TASK_SIZE || len > TASK_SIZE - start)
        return -EINVAL;
    return 0;
}

/* The checks every range to be filled goes through. */
static int check_range(u64 start, u64 len)
{
    return IS_ALIGNED(start, PAGE_SIZE) ? check_unaligned_range(start, len)
                                        : -EINVAL;
}

/* A refused handshake leaves zeros in the caller's structure. */
static long api_refused(void __user *arg)
{
    struct uffdio_api zero = {0};

    return copy_to_user(arg, &zero, sizeof(zero)) ? -EFAULT : -EINVAL;
}

static long uffd_api(struct userfaultfd_ctx *ctx, void __user *arg)
{
    struct uffdio_api api;
    u64 wanted;

    if (copy_from_user(&api, arg, sizeof(api)))
        return -EFAULT;
    wanted = api.features;
    if (api.api != UFFD_API || (wanted & ~OFFERED_FEATURES))
        return api_refused(arg);
    api.features = OFFERED_FEATURES;
    api.ioctls = API_IOCTLS;
    if (copy_to_user(arg, &api, sizeof(api)))
        return -EFAULT;
    if (__atomic_exchange_n(&ctx->initialized, true, __ATOMIC_ACQ_REL))
        return api_refused(arg);
    ctx->features = wanted;
    return 0;
}

static long uffd_register(struct userfaultfd_ctx *ctx, void __user *arg)
{
    struct uffdio_register reg;
    int r;

    if (copy_from_user(&reg, arg, sizeof(reg) - sizeof(reg.ioctls)))
        return -EFAULT;
    if (reg.mode != UFFDIO_REGISTER_MODE_MISSING)
        return -EINVAL;
    r = check_range(reg.range.start, reg.range.len);
    if (!r)
        r = userfaultfd_register(ctx, reg.range.start,
                                 reg.range.start + reg.range.len,
                                 VM_UFFD_MISSING);
    if (r)
        return r;
    reg.ioctls = RANGE_IOCTLS;
    return copy_to_user(arg, &reg, sizeof(reg));
}

/* The argument of UNREGISTER and WAKE, checked. */
static int get_range(struct uffdio_range *range, const void __user *arg)
{
    if (copy_from_user(range, arg, sizeof(*range)))
        return -EFAULT;
    return check_range(range->start, range->len);
}

static long uffd_unregister(struct userfaultfd_ctx *ctx, void __user *arg)
{
    struct uffdio_range range;
    int r = get_range(&range, arg);

    if (r)
        return r;
    return userfaultfd_unregister(ctx, range.start, range.start + range.len);
}

static long uffd_wake(struct userfaultfd_ctx *ctx, void __user *arg)
{
    struct uffdio_range range;
    int r = get_range(&range, arg);

    if (!r)
        userfaultfd_wake(ctx, range.start, range.len);
    return r;
}

/* How a filling call ends: its count goes to *count_to, the faults of what was
 * filled are woken, a short count is EAGAIN. */
static long fill_done(struct userfaultfd_ctx *ctx, u64 start, u64 len,
                      s64 count, s64 __user *count_to, bool wake)
{
    if (put_user_64((u64)count, (u64 __user *)count_to))
        return -EFAULT;
    if (count < 0)
        return count;
    if (likely(wake))
        userfaultfd_wake(ctx, start, count);
    return (u64)count == len ? 0 : -EAGAIN;
}

static long uffd_copy(struct userfaultfd_ctx *ctx,
                      struct uffdio_copy __user *arg)
{
    struct uffdio_copy c;
    s64 n;

    if (copy_from_user(&c, arg, sizeof(c) - sizeof(c.copy)))
        return -EFAULT;
    if (check_unaligned_range(c.src, c.len) || check_range(c.dst, c.len))
        return -EINVAL;
    if (c.mode & ~(UFFDIO_COPY_MODE_DONTWAKE | UFFDIO_COPY_MODE_WP))
        return -EINVAL;
    if (c.mode & UFFDIO_COPY_MODE_WP)
        n = -EINVAL; /* no area is registered for write-protection */
    else
        n = userfaultfd_copy(ctx, c.dst, c.src, c.len);
    return fill_done(ctx, c.dst, c.len, n, &arg->copy,
                     !(c.mode & UFFDIO_COPY_MODE_DONTWAKE));
}

static long uffd_zeropage(struct userfaultfd_ctx *ctx,
                          struct uffdio_zeropage __user *arg)
{
    struct uffdio_zeropage z;
    s64 n;

    if (copy_from_user(&z, arg, sizeof(z) - sizeof(z.zeropage)))
        return -EFAULT;
    if (check_range(z.range.start, z.range.len) ||
        (z.mode & ~UFFDIO_ZEROPAGE_MODE_DONTWAKE))
        return -EINVAL;
    n = userfaultfd_zeropage(ctx, z.range.start, z.range.len);
    return fill_done(ctx, z.range.start, z.range.len, n, &arg->zeropage,
                     !(z.mode & UFFDIO_ZEROPAGE_MODE_DONTWAKE));
}

static long uffd_ioctl(struct file *f, unsigned cmd, u64 arg)
{
    struct userfaultfd_ctx *ctx = f->data;

    if (cmd != UFFDIO_API && !ctx->initialized)
        return -EINVAL;
    switch (cmd) {
    case UFFDIO_COPY:
        return uffd_copy(ctx, (struct uffdio_copy __user *)arg);
    case UFFDIO_ZEROPAGE:
        return uffd_zeropage(ctx, (struct uffdio_zeropage __user *)arg);
    case UFFDIO_WAKE:
        return uffd_wake(ctx, (void __user *)arg);
    case UFFDIO_REGISTER:
        return uffd_register(ctx, (void __user *)arg);
    case UFFDIO_UNREGISTER:
        return uffd_unregister(ctx, (void __user *)arg);
    case UFFDIO_API:
        return uffd_api(ctx, (void __user *)arg);
    }
    return -EINVAL;
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
