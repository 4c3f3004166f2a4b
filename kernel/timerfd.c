/*
 * timerfd_create(2): a timer behind a descriptor. A read takes how often it
 * expired; a periodic one counts what it missed only when somebody asks, so
 * the fastest period costs nothing. task_lock guards it, as all ktimers.
 */
#include <arch/machine.h>
#include <kernel/file.h>
#include <kernel/sys_event.h>
#include <kernel/thread.h>
#include <mm/slab.h>

#define TFD_TIMER_ABSTIME       1
#define TFD_TIMER_CANCEL_ON_SET 2 /* nobody sets the clock */

struct timerfd {
    struct ktimer k;
    struct itimer timer;
    u64 ticks; /* expirations not read */
    bool realtime;
    struct wait_queue queue; /* readers, pollers */
};

static void timerfd_fire(struct ktimer *k, u64 now __maybe_unused)
{
    struct timerfd *t = container_of(k, struct timerfd, k);

    t->ticks++;
    wake_up_all(&t->queue);
}

/* A period that has ended lets the next begin. task_lock held. */
static void go_on(struct timerfd *t)
{
    u64 now = time_ns();

    if (t->k.deadline || !t->timer.deadline || t->timer.deadline > now)
        return;
    if (t->timer.interval)
        t->ticks += itimer_advance(&t->timer, now);
    else
        t->timer.deadline = 0;
    ktimer_set(&t->k, t->timer.deadline);
}

static u64 take(struct timerfd *t)
{
    u64 ticks;

    spin_lock(&task_lock);
    if (t->ticks)
        go_on(t);
    ticks = t->ticks;
    t->ticks = 0;
    spin_unlock(&task_lock);
    return ticks;
}

static ssize_t timerfd_read(struct file *f, void __user *buf, size_t n,
                            u64 *pos __maybe_unused)
{
    struct timerfd *t = f->data;

    return read_value(f, &t->queue, (wait_value_fn)take, t, buf, n);
}

static unsigned timerfd_poll(struct file *f, struct poll_table *pt)
{
    struct timerfd *t = f->data;

    pt->add(pt, &t->queue);
    return READ_ONCE(t->ticks) ? POLLIN : 0;
}

static void timerfd_release(struct file *f)
{
    struct timerfd *t = f->data;

    spin_lock(&task_lock);
    ktimer_set(&t->k, 0);
    spin_unlock(&task_lock);
    kfree(t);
}

static const struct file_operations timerfd_ops = {
    .read = timerfd_read,
    .poll = timerfd_poll,
    .release = timerfd_release,
};

long sys_timerfd_create(int clock, u32 flags)
{
    bool realtime = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_ALARM;
    struct timerfd *t;
    struct file *f;

    if (flags & ~(O_CLOEXEC | O_NONBLOCK))
        return -EINVAL;
    if (!realtime && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME &&
        clock != CLOCK_BOOTTIME_ALARM)
        return -EINVAL;
    t = kzalloc(sizeof(*t));
    if (!t)
        return -ENOMEM;
    t->realtime = realtime;
    t->k.fire = timerfd_fire;
    wait_queue_init(&t->queue);
    f = file_create(&timerfd_ops, t, O_RDWR | (flags & O_NONBLOCK),
                    "[timerfd]");
    if (!f) {
        kfree(t);
        return -ENOMEM;
    }
    return fd_install(f, flags & O_CLOEXEC, 0);
}

/* Sets it (NULL: leaves it); what was left of it. */
static struct itimer swap(struct timerfd *t, const struct itimer *new,
                          int flags)
{
    struct itimer was;

    spin_lock(&task_lock);
    go_on(t);
    was = itimer_remaining(t->timer, time_ns());
    if (new) {
        t->timer = *new;
        t->ticks = 0;
        if (new->deadline)
            t->timer.deadline = flags & TFD_TIMER_ABSTIME
                                    ? deadline_at(new->deadline, t->realtime)
                                    : deadline_after(new->deadline);
        ktimer_set(&t->k, t->timer.deadline);
    }
    spin_unlock(&task_lock);
    return was;
}

static long swap_fd(int fd, const struct itimer *new, int flags,
                    struct itimerspec_k __user *old)
{
    struct file *f = fd_get(fd);
    struct itimer was;
    bool ours;

    if (!f)
        return -EBADF;
    ours = f->ops == &timerfd_ops;
    if (ours)
        was = swap(f->data, new, flags);
    file_put(f);
    if (!ours)
        return -EINVAL;
    return old ? itimer_to_user(old, &was) : 0;
}

long sys_timerfd_settime(int fd, int flags,
                         const struct itimerspec_k __user *user,
                         struct itimerspec_k __user *old)
{
    struct itimer new;
    int r = itimer_from_user(&new, user);

    if (r)
        return r;
    if (flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET))
        return -EINVAL;
    return swap_fd(fd, &new, flags, old);
}

long sys_timerfd_gettime(int fd, struct itimerspec_k __user *now)
{
    long r = swap_fd(fd, NULL, 0, now);

    return r || now ? r : -EFAULT;
}
