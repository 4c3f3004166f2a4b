/*
 * eventfd(2): a 64-bit count behind a descriptor. A write adds to it, a read
 * takes it (or, as a semaphore, one), and both wait when they cannot.
 */
#include <arch/uaccess.h>
#include <kernel/file.h>
#include <kernel/sys_event.h>
#include <kernel/thread.h>
#include <mm/slab.h>

#define EFD_SEMAPHORE 1u
#define COUNT_MAX     (~0ull - 1)

struct eventfd {
    u64 count; /* queue.lock */
    bool semaphore;
    struct wait_queue queue; /* readers, writers, pollers */
};

/* Takes the count, or one of it: false if there is none. */
static bool take(struct eventfd *e, u64 *value)
{
    u64 flags = spin_lock_irqsave(&e->queue.lock);

    *value = e->semaphore && e->count ? 1 : e->count;
    e->count -= *value;
    spin_unlock_irqrestore(&e->queue.lock, flags);
    return *value;
}

static bool add(struct eventfd *e, u64 *value)
{
    u64 flags = spin_lock_irqsave(&e->queue.lock);
    bool fits = *value <= COUNT_MAX - e->count;

    if (fits)
        e->count += *value;
    spin_unlock_irqrestore(&e->queue.lock, flags);
    return fits;
}

/* Does take() or add(), waiting for it unless the file says not to. */
static int act(struct file *f, bool (*fn)(struct eventfd *, u64 *), u64 *value)
{
    struct eventfd *e = f->data;
    struct waiter w;
    int r = 0;

    if (!fn(e, value)) {
        if (f->flags & O_NONBLOCK)
            return -EAGAIN;
        wait_add(&e->queue, &w);
        for (;;) {
            thread_prepare_block(WAIT_INTERRUPTIBLE);
            if (fn(e, value))
                break;
            r = thread_block();
            if (r)
                break;
        }
        thread_cancel_block();
        wait_remove(&e->queue, &w);
    }
    if (r)
        return -ERESTARTSYS;
    wake_up_all(&e->queue);
    return 0;
}

static ssize_t eventfd_read(struct file *f, void __user *buf, size_t n,
                            u64 *pos __maybe_unused)
{
    u64 value;
    int r;

    if (n < sizeof(value))
        return -EINVAL;
    r = act(f, take, &value);
    if (!r)
        r = copy_to_user(buf, &value, sizeof(value));
    return r ? r : (ssize_t)sizeof(value);
}

static ssize_t eventfd_write(struct file *f, const void __user *buf, size_t n,
                             u64 *pos __maybe_unused)
{
    u64 value;
    int r;

    if (n != sizeof(value))
        return -EINVAL;
    if (copy_from_user(&value, buf, sizeof(value)))
        return -EFAULT;
    if (value > COUNT_MAX)
        return -EINVAL;
    r = act(f, add, &value);
    return r ? r : (ssize_t)sizeof(value);
}

static unsigned eventfd_poll(struct file *f, struct poll_table *pt)
{
    struct eventfd *e = f->data;
    u64 count;

    pt->add(pt, &e->queue);
    count = READ_ONCE(e->count);
    return (count ? POLLIN : 0) | (count < COUNT_MAX ? POLLOUT : 0);
}

static void eventfd_release(struct file *f)
{
    kfree(f->data);
}

static const struct file_operations eventfd_ops = {
    .read = eventfd_read,
    .write = eventfd_write,
    .poll = eventfd_poll,
    .release = eventfd_release,
};

long sys_eventfd2(u32 count, u32 flags)
{
    struct eventfd *e;
    struct file *f;

    if (flags & ~(EFD_SEMAPHORE | O_CLOEXEC | O_NONBLOCK))
        return -EINVAL;
    e = kzalloc(sizeof(*e));
    if (!e)
        return -ENOMEM;
    e->count = count;
    e->semaphore = flags & EFD_SEMAPHORE;
    wait_queue_init(&e->queue);
    f = file_create(&eventfd_ops, e, O_RDWR | (flags & O_NONBLOCK),
                    "[eventfd]");
    if (!f) {
        kfree(e);
        return -ENOMEM;
    }
    return fd_install(f, flags & O_CLOEXEC, 0);
}

long sys_eventfd(u32 count)
{
    return sys_eventfd2(count, 0);
}
