/*
 * eventfd(2): a 64-bit count behind a descriptor. A write adds to it, a read
 * takes it (or, as a semaphore, one), and both wait when they cannot.
 */
#include <arch/uaccess.h>
#include <kernel/file.h>
#include <kernel/seq.h>
#include <kernel/sys_event.h>
#include <mm/slab.h>

#define EFD_SEMAPHORE 1u
#define COUNT_MAX     (~0ull - 1)

struct eventfd {
    u64 count; /* queue.lock */
    bool semaphore;
    struct wait_queue queue; /* readers, writers, pollers */
};

/* Takes the count, or one of it: 0 if there is none. */
static u64 take(void *arg)
{
    struct eventfd *e = arg;
    u64 flags = spin_lock_irqsave(&e->queue.lock), value;

    value = e->semaphore && e->count ? 1 : e->count;
    e->count -= value;
    spin_unlock_irqrestore(&e->queue.lock, flags);
    return value;
}

/* A write, which may have to wait until its value fits: 0 if it does not. */
struct addition {
    struct eventfd *e;
    u64 value;
};

static u64 add(void *arg)
{
    struct addition *a = arg;
    u64 flags = spin_lock_irqsave(&a->e->queue.lock);
    bool fits = a->value <= COUNT_MAX - a->e->count;

    if (fits)
        a->e->count += a->value;
    spin_unlock_irqrestore(&a->e->queue.lock, flags);
    return fits;
}

static ssize_t eventfd_read(struct file *f, void __user *buf, size_t n,
                            u64 *pos __maybe_unused)
{
    struct eventfd *e = f->data;
    ssize_t r = read_value(f, &e->queue, take, e, buf, n);

    if (r > 0 || r == -EFAULT) /* taken: there is room to write */
        wake_up_all(&e->queue);
    return r;
}

static ssize_t eventfd_write(struct file *f, const void __user *buf, size_t n,
                             u64 *pos __maybe_unused)
{
    struct addition a = {.e = f->data};
    u64 done;
    int r;

    if (n != sizeof(a.value))
        return -EINVAL;
    if (copy_from_user(&a.value, buf, sizeof(a.value)))
        return -EFAULT;
    if (a.value > COUNT_MAX)
        return -EINVAL;
    r = wait_for_value(f, &a.e->queue, add, &a, &done);
    if (r)
        return r;
    wake_up_all(&a.e->queue);
    return (ssize_t)sizeof(a.value);
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

static void eventfd_show_fdinfo(struct file *f, struct seq *s)
{
    const struct eventfd *e = f->data;

    seq_printf(s, "eventfd-count: %16lx\neventfd-semaphore: %d\n",
               READ_ONCE(e->count), e->semaphore);
}

static const struct file_operations eventfd_ops = {
    .read = eventfd_read,
    .write = eventfd_write,
    .poll = eventfd_poll,
    .show_fdinfo = eventfd_show_fdinfo,
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
