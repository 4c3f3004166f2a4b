/*
 * ioctl_userfaultfd(2), the decoding half: structures in user memory and
 * argument checks. The work is in mm/userfaultfd*.c.
 */
#include <arch/uaccess.h>
#include <kernel/file.h>
#include <kernel/thread.h>
#include <kernel/uffd.h>
#include <mm/userfaultfd.h>

#define OFFERED_FEATURES                                                       \
    (UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_EVENT_FORK |                \
     UFFD_FEATURE_EVENT_REMAP | UFFD_FEATURE_EVENT_REMOVE |                    \
     UFFD_FEATURE_EVENT_UNMAP | UFFD_FEATURE_SIGBUS | UFFD_FEATURE_THREAD_ID | \
     UFFD_FEATURE_EXACT_ADDRESS | UFFD_FEATURE_WP_UNPOPULATED |                \
     UFFD_FEATURE_POISON | UFFD_FEATURE_WP_ASYNC | UFFD_FEATURE_MOVE |         \
     UFFD_FEATURE_MISSING_SHMEM | UFFD_FEATURE_MINOR_SHMEM |                   \
     UFFD_FEATURE_WP_HUGETLBFS_SHMEM)

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
static long api_refused(void __user *arg, long why)
{
    struct uffdio_api zero = {0};

    return copy_to_user(arg, &zero, sizeof(zero)) ? -EFAULT : why;
}

static long uffd_api(struct userfaultfd_ctx *ctx, void __user *arg)
{
    struct uffdio_api api;
    u64 wanted;

    if (copy_from_user(&api, arg, sizeof(api)))
        return -EFAULT;
    wanted = api.features;
    if (wanted & UFFD_FEATURE_WP_ASYNC)
        wanted |= UFFD_FEATURE_WP_UNPOPULATED;
    if (api.api != UFFD_API || (wanted & ~OFFERED_FEATURES))
        return api_refused(arg, -EINVAL);
    api.features = OFFERED_FEATURES;
    api.ioctls = UFFD_API_IOCTLS;
    if (copy_to_user(arg, &api, sizeof(api)))
        return -EFAULT;
    if (__atomic_exchange_n(&ctx->initialized, true, __ATOMIC_ACQ_REL))
        return api_refused(arg, -EINVAL);
    ctx->features = wanted;
    return 0;
}

static u64 register_flags(u64 mode)
{
    return (mode & UFFDIO_REGISTER_MODE_MISSING ? VM_UFFD_MISSING : 0) |
           (mode & UFFDIO_REGISTER_MODE_WP ? VM_UFFD_WP : 0) |
           (mode & UFFDIO_REGISTER_MODE_MINOR ? VM_UFFD_MINOR : 0);
}

static long uffd_register(struct userfaultfd_ctx *ctx,
                          struct uffdio_register __user *arg)
{
    const u64 modes = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP |
                      UFFDIO_REGISTER_MODE_MINOR;
    struct uffdio_register reg;
    u64 ioctls = UFFD_RANGE_IOCTLS;
    int r;

    if (copy_from_user(&reg, arg, sizeof(reg) - sizeof(reg.ioctls)))
        return -EFAULT;
    if (!reg.mode || (reg.mode & ~modes))
        return -EINVAL;
    r = check_range(reg.range.start, reg.range.len);
    if (!r)
        r = userfaultfd_register(ctx, reg.range.start,
                                 reg.range.start + reg.range.len,
                                 register_flags(reg.mode));
    if (r)
        return r;
    if (!(reg.mode & UFFDIO_REGISTER_MODE_WP))
        ioctls &= ~UFFD_BIT(WRITEPROTECT);
    if (!(reg.mode & UFFDIO_REGISTER_MODE_MINOR))
        ioctls &= ~UFFD_BIT(CONTINUE);
    return put_user_64(ioctls, &arg->ioctls);
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

/* userfaultfd_wake() or its kin. */
typedef void (*wake_fn)(struct userfaultfd_ctx *ctx, u64 start, u64 len);

/* How a filling call ends: its count goes to *count_to, unless the address
 * space is gone; the faults of what was filled are woken, a short count is
 * EAGAIN. */
static long fill_done(struct userfaultfd_ctx *ctx, u64 start, u64 len,
                      s64 count, s64 __user *count_to, u64 mode, wake_fn wake)
{
    u64 __user *to = (u64 __user *)count_to;

    if (unlikely(count < 0))
        return count != -ESRCH && put_user_64((u64)count, to) ? -EFAULT : count;
    if (put_user_64((u64)count, to))
        return -EFAULT;
    if (likely(!(mode & UFFDIO_MODE_DONTWAKE)))
        wake(ctx, start, (u64)count);
    return (u64)count == len ? 0 : -EAGAIN;
}

/* A source that has to be brought is left alone for a bad target. */
static int check_target(struct userfaultfd_ctx *ctx,
                        const struct uffdio_copy *c)
{
    u32 word;
    int r;

    pagefault_disable();
    r = get_user_32(&word, (const u32 __user *)ALIGN_DOWN(c->src, 4));
    if (unlikely(!r && !IS_ALIGNED(c->src, PAGE_SIZE)))
        r = get_user_32(&word, (const u32 __user *)ALIGN_UP(c->src, PAGE_SIZE));
    pagefault_enable();
    if (likely(!r))
        return 0;
    return userfaultfd_copy_error(ctx, c->dst, c->len,
                                  c->mode & UFFDIO_COPY_MODE_WP);
}

static long uffd_copy(struct userfaultfd_ctx *ctx,
                      struct uffdio_copy __user *arg, wake_fn wake)
{
    struct uffdio_copy c;
    s64 n;

    if (copy_from_user(&c, arg, sizeof(c) - sizeof(c.copy)))
        return -EFAULT;
    if (check_unaligned_range(c.src, c.len) || check_range(c.dst, c.len))
        return -EINVAL;
    if (c.mode & ~(UFFDIO_MODE_DONTWAKE | UFFDIO_COPY_MODE_WP))
        return -EINVAL;
    n = check_target(ctx, &c);
    if (likely(!n))
        n = userfaultfd_fill(ctx, FILL_COPY, c.dst, c.src, c.len,
                             c.mode & UFFDIO_COPY_MODE_WP);
    return fill_done(ctx, c.dst, c.len, n, &arg->copy, c.mode, wake);
}

/* ZEROPAGE, CONTINUE, POISON: no source. */
static long uffd_fill(struct userfaultfd_ctx *ctx,
                      struct uffdio_fill __user *arg, enum uffd_fill kind)
{
    const u64 modes = UFFDIO_MODE_DONTWAKE |
                      (kind == FILL_CONTINUE ? UFFDIO_CONTINUE_MODE_WP : 0);
    struct uffdio_fill c;
    s64 n;

    if (copy_from_user(&c, arg, sizeof(c) - sizeof(c.done)))
        return -EFAULT;
    if (check_range(c.range.start, c.range.len) || (c.mode & ~modes))
        return -EINVAL;
    n = userfaultfd_fill(ctx, kind, c.range.start, 0, c.range.len,
                         c.mode & UFFDIO_CONTINUE_MODE_WP);
    return fill_done(ctx, c.range.start, c.range.len, n, &arg->done, c.mode,
                     userfaultfd_wake);
}

static long uffd_move(struct userfaultfd_ctx *ctx,
                      struct uffdio_move __user *arg)
{
    struct uffdio_move m;
    s64 n;

    if (copy_from_user(&m, arg, sizeof(m) - sizeof(m.move)))
        return -EFAULT;
    if (ctx->mm != mm_current())
        return -EINVAL;
    if (check_range(m.dst, m.len) || check_range(m.src, m.len) ||
        (m.mode & ~(UFFDIO_MODE_DONTWAKE | UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES)))
        return -EINVAL;
    n = userfaultfd_move(ctx, m.dst, m.src, m.len,
                         m.mode & UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES);
    return fill_done(ctx, m.dst, m.len, n, &arg->move, m.mode,
                     userfaultfd_wake);
}

static long uffd_writeprotect(struct userfaultfd_ctx *ctx,
                              const struct uffdio_writeprotect __user *arg)
{
    const u64 modes =
        UFFDIO_WRITEPROTECT_MODE_WP | UFFDIO_WRITEPROTECT_MODE_DONTWAKE;
    struct uffdio_writeprotect w;

    if (copy_from_user(&w, arg, sizeof(w)))
        return -EFAULT;
    if (check_range(w.range.start, w.range.len) || (w.mode & ~modes) ||
        w.mode == modes)
        return -EINVAL;
    return userfaultfd_writeprotect(ctx, w.range.start, w.range.len,
                                    w.mode & UFFDIO_WRITEPROTECT_MODE_WP,
                                    !w.mode);
}

bool uffd_will_sleep(const struct file *f)
{
    return !userfaultfd_has_msg(f->data) && !(f->flags & O_NONBLOCK);
}

/* A wait that ends without a message does not undo what came before. */
long uffd_next(struct file *f, void __user *to)
{
    struct uffd_msg msg;

    if (uffd_take(f, &msg, 1, true) <= 0)
        msg = (struct uffd_msg){0};
    return copy_to_user(to, &msg, sizeof(msg));
}

/* One kernel entry per fault: fills, wakes, and waits for the next message; if
 * it is going to sleep for that, the CPU is the woken thread's at once. */
static long uffd_copy_next(struct file *f,
                           struct uffdio_fl_copy_next __user *arg)
{
    long r = uffd_copy(f->data, &arg->copy,
                       uffd_will_sleep(f) ? userfaultfd_wake_next
                                          : userfaultfd_wake);

    return unlikely(r) ? r : uffd_next(f, &arg->msg);
}

static long uffd_guard(struct userfaultfd_ctx *ctx,
                       const struct uffdio_fl_guard __user *arg)
{
    struct uffdio_fl_guard g;
    struct uffd_guard guard;

    if (copy_from_user(&g, arg, sizeof(g)))
        return -EFAULT;
    if (check_range(g.range.start, g.range.len))
        return -EINVAL;
    guard = (struct uffd_guard){g.deadline_ns, g.action, g.flags};
    return userfaultfd_guard(ctx, g.range.start, g.range.start + g.range.len,
                             &guard);
}

/* What only those who serve a range ask for. */
static bool serves(unsigned cmd)
{
    return cmd == UFFDIO_WAKE || cmd == UFFDIO_COPY || cmd == UFFDIO_ZEROPAGE ||
           cmd == UFFDIO_CONTINUE || cmd == UFFDIO_WRITEPROTECT ||
           cmd == UFFDIO_MOVE;
}

long uffd_ioctl(struct file *f, unsigned cmd, u64 arg)
{
    struct userfaultfd_ctx *ctx = f->data;
    void __user *p = (void __user *)arg;

    if (cmd != UFFDIO_API && !ctx->initialized)
        return -EINVAL;
    if (unlikely(READ_ONCE(ctx->server) != current) && serves(cmd))
        userfaultfd_serve(ctx);
    switch (cmd) {
    case UFFDIO_COPY:
        return uffd_copy(ctx, p, userfaultfd_wake);
    case UFFDIO_ZEROPAGE:
        return uffd_fill(ctx, p, FILL_ZERO);
    case UFFDIO_CONTINUE:
        return uffd_fill(ctx, p, FILL_CONTINUE);
    case UFFDIO_POISON:
        return uffd_fill(ctx, p, FILL_POISON);
    case UFFDIO_WRITEPROTECT:
        return uffd_writeprotect(ctx, p);
    case UFFDIO_MOVE:
        return uffd_move(ctx, p);
    case UFFDIO_WAKE:
        return uffd_wake(ctx, p);
    case UFFDIO_REGISTER:
        return uffd_register(ctx, p);
    case UFFDIO_UNREGISTER:
        return uffd_unregister(ctx, p);
    case UFFDIO_FL_COPY_NEXT:
        return uffd_copy_next(f, p);
    case UFFDIO_FL_GUARD:
        return uffd_guard(ctx, p);
    case UFFDIO_API:
        return uffd_api(ctx, p);
    }
    return uffd_object_ioctl(f, cmd, p);
}
