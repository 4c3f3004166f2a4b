/*
 * epoll(7): a set of descriptors, and those of them something happened to. An
 * item of the set leaves a callback in its file's wait queue, which puts it on
 * the ready list; who waits asks the files on that list only. An item holds
 * no reference on its file: the file's last put takes it out of its sets.
 *
 * epoll_lock guards sets and lifetimes; a set's own lock its ready list. The
 * latter is taken in callbacks, inside a wait queue's lock.
 */
#include <arch/uaccess.h>
#include <kernel/epoll_set.h>
#include <kernel/sys_event.h>
#include <mm/slab.h>

#define EPOLL_CTL_ADD 1
#define EPOLL_CTL_DEL 2
#define EPOLL_CTL_MOD 3

#define EPOLLEXCLUSIVE (1u << 28)
#define EPOLLWAKEUP    (1u << 29)
#define EPOLLONESHOT   (1u << 30)
#define EPOLLET        (1u << 31)
/* Not events, but how to report them. An item left with these only is off. */
#define EPOLL_MODES (EPOLLEXCLUSIVE | EPOLLWAKEUP | EPOLLONESHOT | EPOLLET)
/* What may be asked for together with EPOLLEXCLUSIVE. */
#define EXCLUSIVE_OK                                                           \
    (EPOLLEXCLUSIVE | EPOLLWAKEUP | EPOLLET | POLLIN | POLLOUT | POLLERR |     \
     POLLHUP)

#define NEST_MAX 4 /* links of a chain of sets in sets */

static spinlock_t epoll_lock = SPINLOCK_INIT_CLASS(LOCK_EPOLL);

/* ---- the ready list ---- */

static void item_ready(struct epoll_item *item)
{
    struct epoll *ep = item->ep;
    u64 flags = spin_lock_irqsave(&ep->lock);

    if (list_empty(&item->ready))
        list_add_tail(&item->ready, &ep->ready);
    spin_unlock_irqrestore(&ep->lock, flags);
}

static void item_unready(struct epoll_item *item)
{
    u64 flags = spin_lock_irqsave(&item->ep->lock);

    list_del_init(&item->ready);
    spin_unlock_irqrestore(&item->ep->lock, flags);
}

static void item_wake(struct waiter *w)
{
    struct epoll_item *item = container_of(w, struct epoll_item, waiter);

    item_ready(item);
    wake_up_all(&item->ep->queue);
}

static void table_nothing(struct poll_table *pt __maybe_unused,
                          struct wait_queue *q __maybe_unused)
{
}

static void table_add(struct poll_table *pt, struct wait_queue *q)
{
    struct epoll_item *item = container_of(pt, struct epoll_item, table);

    if (item->queue)
        return;
    item->queue = q;
    wait_add_callback(q, &item->waiter, item_wake);
}

static unsigned set_poll(struct file *f, struct poll_table *pt);

/* What the item's file has of what is wanted. epoll_lock held. */
static u32 item_poll(struct epoll_item *item, struct poll_table *pt)
{
    u32 wanted = item->event.events & ~EPOLL_MODES;

    if (!wanted)
        return 0;
    return (item->file->ops == &epoll_ops
                ? set_poll(item->file, pt)
                : item->file->ops->poll(item->file, pt)) &
           (wanted | POLLERR | POLLHUP);
}

/* After a change: what is there already counts as having happened. */
static void item_look(struct epoll_item *item)
{
    if (!item_poll(item, &item->table))
        return;
    item_ready(item);
    wake_up_all(&item->ep->queue);
}

int epoll_collect(struct epoll *ep, struct epoll_event_k *out, int max)
{
    struct poll_table no_queue = {table_nothing};
    struct epoll_item *item, *next;
    struct list_head seen;
    int n = 0;

    list_init(&seen);
    spin_lock(&epoll_lock);
    while (n < max) {
        u64 flags = spin_lock_irqsave(&ep->lock);

        item = list_empty(&ep->ready)
                   ? NULL
                   : list_first_entry(&ep->ready, struct epoll_item, ready);
        if (item)
            list_del_init(&item->ready);
        spin_unlock_irqrestore(&ep->lock, flags);
        if (!item)
            break;
        out[n].events = item_poll(item, &no_queue);
        if (!out[n].events)
            continue;
        out[n++].data = item->event.data;
        if (item->event.events & EPOLLONESHOT)
            item->event.events &= EPOLL_MODES;
        else if (!(item->event.events & EPOLLET))
            list_move_tail(&item->in_set, &seen);
    }
    /* Level-triggered: to be asked again next time, after the others. */
    list_for_each_entry_safe (item, next, &seen, in_set) {
        list_move_tail(&item->in_set, &ep->items);
        item_ready(item);
    }
    spin_unlock(&epoll_lock);
    return n;
}

/* ---- the set ---- */

/* epoll_lock held. */
static void item_free(struct epoll_item *item)
{
    if (item->queue)
        wait_remove(item->queue, &item->waiter);
    item_unready(item);
    list_del(&item->in_set);
    list_del(&item->of_file);
    kfree(item);
}

void epoll_forget_file(struct file *f)
{
    struct epoll_item *item, *next;

    spin_lock(&epoll_lock);
    list_for_each_entry_safe (item, next, &f->watchers, of_file)
        item_free(item);
    spin_unlock(&epoll_lock);
}

static struct epoll_item *item_find(struct epoll *ep, struct file *f, int fd)
{
    struct epoll_item *item;

    list_for_each_entry (item, &ep->items, in_set)
        if (item->file == f && item->fd == fd)
            return item;
    return NULL;
}

/* Which is new, and not needed if there is one already. */
static int item_add(struct epoll *ep, struct epoll_item *item)
{
    if (item_find(ep, item->file, item->fd)) {
        kfree(item);
        return -EEXIST;
    }
    item->ep = ep;
    item->table.add = table_add;
    list_init(&item->ready);
    list_add_tail(&item->in_set, &ep->items);
    list_add_tail(&item->of_file, &item->file->watchers);
    item_look(item);
    return 0;
}

static int item_change(struct epoll_item *item, int op,
                       const struct epoll_event_k *event)
{
    if (!item)
        return -ENOENT;
    if (op == EPOLL_CTL_DEL) {
        item_free(item);
        return 0;
    }
    if (item->event.events & EPOLLEXCLUSIVE)
        return -EINVAL;
    item->event = *event;
    item_look(item);
    return 0;
}

/* How long a chain of sets hangs below ep, or ep is in. Each set is looked at
 * once: its answer is kept for this walk. */
static u32 last_walk;

static int chain_below(struct epoll *ep, u32 walk)
{
    struct epoll_item *item;

    if (ep->walk == walk)
        return ep->chain;
    ep->walk = walk;
    ep->chain = 0;
    list_for_each_entry (item, &ep->items, in_set)
        if (item->file->ops == &epoll_ops)
            ep->chain = max(ep->chain, 1 + chain_below(item->file->data, walk));
    return ep->chain;
}

static int chain_above(struct epoll *ep, u32 walk)
{
    struct epoll_item *item;

    if (ep->walk == walk)
        return ep->chain;
    ep->walk = walk;
    ep->chain = 0;
    list_for_each_entry (item, &ep->file->watchers, of_file)
        ep->chain = max(ep->chain, 1 + chain_above(item->ep, walk));
    return ep->chain;
}

/* The set `in` in ep would close a ring, or make too long a chain: wake-ups
 * walk along them. epoll_lock held. */
static bool too_deep(struct epoll *ep, struct epoll *in)
{
    u32 walk = ++last_walk;
    int below = chain_below(in, walk);

    return ep->walk == walk ||
           below + 1 + chain_above(ep, ++last_walk) > NEST_MAX;
}

static int set_change(struct epoll *ep, int op, struct file *f, int fd,
                      const struct epoll_event_k *event)
{
    struct epoll_item *item = NULL;
    int r;

    if (op != EPOLL_CTL_ADD && op != EPOLL_CTL_DEL && op != EPOLL_CTL_MOD)
        return -EINVAL;
    if (op == EPOLL_CTL_ADD) {
        item = kzalloc(sizeof(*item));
        if (!item)
            return -ENOMEM;
        item->file = f;
        item->fd = fd;
        item->event = *event;
    }
    spin_lock(&epoll_lock);
    if (item && f->ops == &epoll_ops && too_deep(ep, f->data)) {
        kfree(item);
        r = -ELOOP;
    } else {
        r = item ? item_add(ep, item)
                 : item_change(item_find(ep, f, fd), op, event);
    }
    spin_unlock(&epoll_lock);
    return r;
}

/* ---- the file ---- */

/* An item on the ready list may no longer be so: its file is asked. Sets in
 * sets are asked in turn. epoll_lock held. */
static unsigned set_poll(struct file *f, struct poll_table *pt)
{
    struct poll_table no_queue = {table_nothing};
    struct epoll *ep = f->data;
    struct epoll_item *item;
    unsigned got = 0;

    pt->add(pt, &ep->queue);
    list_for_each_entry (item, &ep->items, in_set)
        if (!list_empty(&item->ready) && item_poll(item, &no_queue)) {
            got = POLLIN | POLLRDNORM;
            break;
        }
    return got;
}

static unsigned epoll_poll(struct file *f, struct poll_table *pt)
{
    unsigned got;

    spin_lock(&epoll_lock);
    got = set_poll(f, pt);
    spin_unlock(&epoll_lock);
    return got;
}

static void epoll_release(struct file *f)
{
    struct epoll *ep = f->data;
    struct epoll_item *item, *next;

    spin_lock(&epoll_lock);
    list_for_each_entry_safe (item, next, &ep->items, in_set)
        item_free(item);
    spin_unlock(&epoll_lock);
    kfree(ep);
}

const struct file_operations epoll_ops = {
    .poll = epoll_poll,
    .release = epoll_release,
};

long sys_epoll_create1(u32 flags)
{
    struct epoll *ep;
    struct file *f;

    if (flags & ~(u32)O_CLOEXEC)
        return -EINVAL;
    ep = kzalloc(sizeof(*ep));
    if (!ep)
        return -ENOMEM;
    spin_lock_class(&ep->lock, LOCK_EPOLL_READY);
    list_init(&ep->items);
    list_init(&ep->ready);
    wait_queue_init(&ep->queue);
    f = file_create(&epoll_ops, ep, O_RDWR, "[eventpoll]");
    if (!f) {
        kfree(ep);
        return -ENOMEM;
    }
    ep->file = f;
    return fd_install(f, flags & O_CLOEXEC, 0);
}

long sys_epoll_create(int size)
{
    return size > 0 ? sys_epoll_create1(0) : -EINVAL;
}

/* Who may be in whose set, in Linux's order. */
static int ctl_check(const struct file *ep, const struct file *f, int op,
                     u32 events)
{
    if (!f->ops->poll)
        return -EPERM;
    if (ep == f || ep->ops != &epoll_ops)
        return -EINVAL;
    if (op != EPOLL_CTL_DEL && (events & EPOLLEXCLUSIVE) &&
        (op == EPOLL_CTL_MOD || f->ops == &epoll_ops ||
         (events & ~EXCLUSIVE_OK)))
        return -EINVAL;
    return 0;
}

long sys_epoll_ctl(int epfd, int op, int fd, struct epoll_event_k __user *user)
{
    struct epoll_event_k event = {0};
    struct file *ep, *f;
    long r = -EBADF;

    if (op != EPOLL_CTL_DEL && copy_from_user(&event, user, sizeof(event)))
        return -EFAULT;
    ep = fd_get(epfd);
    if (!ep)
        return -EBADF;
    f = fd_get(fd);
    if (f) {
        r = ctl_check(ep, f, op, event.events);
        if (!r)
            r = set_change(ep->data, op, f, fd, &event);
        file_put(f);
    }
    file_put(ep);
    return r;
}
