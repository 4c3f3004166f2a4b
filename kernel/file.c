/* Open descriptions: what descriptors share after dup() and fork(). */
#include <arch/uaccess.h>
#include <kernel/epoll.h>
#include <kernel/file.h>
#include <kernel/thread.h>
#include <mm/slab.h>

struct file *file_create(const struct file_operations *ops, void *data,
                         u32 flags, const char *name)
{
    struct file *f = kmalloc(sizeof(*f));

    if (!f)
        return NULL;
    f->ops = ops;
    f->data = data;
    f->refcount = 1;
    f->flags = flags;
    f->pos = 0;
    f->name = name;
    list_init(&f->watchers);
    return f;
}

void file_put(struct file *f)
{
    if (__atomic_fetch_sub(&f->refcount, 1, __ATOMIC_ACQ_REL) != 1)
        return;
    if (unlikely(!list_empty(&f->watchers)))
        epoll_forget_file(f);
    if (f->ops->release)
        f->ops->release(f);
    kfree(f);
}

int wait_for_value(struct file *f, struct wait_queue *q, wait_value_fn fn,
                   void *object, u64 *value)
{
    struct waiter w;
    int r = 0;

    *value = fn(object);
    if (*value)
        return 0;
    if (f->flags & O_NONBLOCK)
        return -EAGAIN;
    wait_add(q, &w);
    current->waiting_for = f->name;
    for (;;) {
        thread_prepare_block(WAIT_INTERRUPTIBLE);
        *value = fn(object);
        if (*value || r)
            break;
        r = thread_block();
    }
    thread_cancel_block();
    current->waiting_for = NULL;
    wait_remove(q, &w);
    return *value ? 0 : -ERESTARTSYS;
}

ssize_t read_value(struct file *f, struct wait_queue *q, wait_value_fn fn,
                   void *object, void __user *buf, size_t n)
{
    u64 value;
    int r;

    if (n < sizeof(value))
        return -EINVAL;
    r = wait_for_value(f, q, fn, object, &value);
    if (!r)
        r = copy_to_user(buf, &value, sizeof(value));
    return r ? r : (ssize_t)sizeof(value);
}
