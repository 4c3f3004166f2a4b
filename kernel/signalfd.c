/*
 * signalfd(2): a read takes the reader's own pending signals, as sigwaitinfo()
 * does. Whose they are is asked anew each time, so all signalfds there are hang
 * on one list, and a signal wakes those that want it. Relies on task_lock.
 */
#include <arch/uaccess.h>
#include <base/string.h>
#include <kernel/file.h>
#include <kernel/signal_queue.h>
#include <kernel/sys_event.h>
#include <mm/slab.h>

struct signalfd {
    struct list_head link; /* in signalfds */
    u64 mask;
    struct wait_queue queue; /* readers, pollers */
};

/* struct signalfd_siginfo of the ABI. */
struct signalfd_info {
    u32 signo;
    s32 error, code;
    u32 pid, uid;
    s32 fd;
    u32 tid, band, overrun, trapno;
    s32 status, value_int;
    u64 value, utime, stime, addr;
    u8 rest[48];
};
_Static_assert(sizeof(struct signalfd_info) == 128, "signalfd(2)");

struct list_head signalfds = LIST_HEAD_INIT(signalfds);

void signalfd_wake(int sig)
{
    struct signalfd *s;

    list_for_each_entry (s, &signalfds, link)
        if (s->mask & SIG_BIT(sig))
            wake_up_all(&s->queue);
}

/* The parts of siginfo that its code says are there. */
static void convert(struct signalfd_info *to, const struct siginfo *info)
{
    *to = (struct signalfd_info){
        .signo = (u32)info->si_signo,
        .error = info->si_errno,
        .code = info->si_code,
    };
    if (info->si_code > 0 && (SIG_BIT(info->si_signo) & SIG_SYNCHRONOUS)) {
        to->addr = info->si_addr;
        return;
    }
    if (info->si_code == SI_TIMER) {
        to->tid = (u32)info->si_pid;
        to->overrun = info->si_uid;
    } else {
        to->pid = (u32)info->si_pid;
        to->uid = info->si_uid;
    }
    if (info->si_signo == SIGCHLD && info->si_code > 0) {
        to->status = info->si_status;
        to->utime = (u64)info->si_utime;
        to->stime = (u64)info->si_stime;
    } else if (info->si_code < 0) {
        to->value_int = info->si_status;
        memcpy(&to->value, &info->si_status, sizeof(to->value));
    }
}

/* The next signal of the current thread's into *info: 1, or 0. */
struct taker {
    struct signalfd *s;
    struct siginfo info;
};

static u64 take(void *arg)
{
    struct taker *t = arg;
    int sig;

    spin_lock(&task_lock);
    sig = signal_take(current, t->s->mask, &t->info);
    spin_unlock(&task_lock);
    return (u64)sig;
}

static ssize_t signalfd_read(struct file *f, void __user *buf, size_t n,
                             u64 *pos __maybe_unused)
{
    struct taker t = {.s = f->data};
    struct signalfd_info info;
    size_t done = 0;
    u64 sig;
    int r = 0;

    if (n < sizeof(info))
        return -EINVAL;
    for (; n - done >= sizeof(info); done += sizeof(info)) {
        if (!done)
            r = wait_for_value(f, &t.s->queue, take, &t, &sig);
        else if (!take(&t))
            break;
        if (r)
            break;
        convert(&info, &t.info);
        r = copy_to_user(buf + done, &info, sizeof(info));
        if (r)
            break;
    }
    return done ? (ssize_t)done : r;
}

static unsigned signalfd_poll(struct file *f, struct poll_table *pt)
{
    struct signalfd *s = f->data;

    pt->add(pt, &s->queue);
    return signal_pending_set(current) & s->mask ? POLLIN : 0;
}

static void signalfd_release(struct file *f)
{
    struct signalfd *s = f->data;

    spin_lock(&task_lock);
    list_del(&s->link);
    spin_unlock(&task_lock);
    kfree(s);
}

static const struct file_operations signalfd_ops = {
    .read = signalfd_read,
    .poll = signalfd_poll,
    .release = signalfd_release,
};

static void set_mask(struct signalfd *s, u64 mask)
{
    spin_lock(&task_lock);
    s->mask = mask;
    wake_up_all(&s->queue);
    spin_unlock(&task_lock);
}

static long create(u64 mask, u32 flags)
{
    struct signalfd *s = kzalloc(sizeof(*s));
    struct file *f;

    if (!s)
        return -ENOMEM;
    s->mask = mask;
    wait_queue_init(&s->queue);
    f = file_create(&signalfd_ops, s, O_RDWR | (flags & O_NONBLOCK),
                    "[signalfd]");
    if (!f) {
        kfree(s);
        return -ENOMEM;
    }
    spin_lock(&task_lock);
    list_add_tail(&s->link, &signalfds);
    spin_unlock(&task_lock);
    return fd_install(f, flags & O_CLOEXEC, 0);
}

long sys_signalfd4(int fd, const u64 __user *user, size_t size, u32 flags)
{
    struct file *f;
    long r = -EINVAL;
    u64 mask;

    if (size != sizeof(mask))
        return -EINVAL;
    if (copy_from_user(&mask, user, sizeof(mask)))
        return -EFAULT;
    if (flags & ~(O_CLOEXEC | O_NONBLOCK))
        return -EINVAL;
    mask &= ~SIG_UNSTOPPABLE;
    if (fd == -1)
        return create(mask, flags);
    f = fd_get(fd);
    if (!f)
        return -EBADF;
    if (f->ops == &signalfd_ops) {
        set_mask(f->data, mask);
        r = fd;
    }
    file_put(f);
    return r;
}

long sys_signalfd(int fd, const u64 __user *mask, size_t size)
{
    return sys_signalfd4(fd, mask, size, 0);
}
