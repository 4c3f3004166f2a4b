/*
 * Waiting for one of several descriptors: poll and ppoll, and the core that
 * select uses as well. A waiter per entry lies in the list while the thread
 * sleeps, and each file is held by a reference.
 */
#include <arch/machine.h>
#include <arch/uaccess.h>
#include <kernel/poll.h>
#include <kernel/signal_queue.h>
#include <kernel/sys_file.h>
#include <kernel/thread.h>
#include <mm/slab.h>

#define POLL_STACK 8

/* What a file's poll() is given: the entry to queue, or NULL not to. A file
 * has one queue. */
struct poll_call {
    struct poll_table table;
    struct poll_entry *entry;
};

static void poll_queue(struct poll_table *pt, struct wait_queue *q)
{
    struct poll_entry *e = container_of(pt, struct poll_call, table)->entry;

    if (!e || e->queue)
        return;
    e->queue = q;
    wait_add(q, &e->waiter);
}

/* Asks all files once; with `queue` leaves a waiter at those not ready.
 * Returns how many entries have something. */
static int poll_scan(struct poll_entry *e, size_t n, bool queue)
{
    struct poll_call call = {{poll_queue}, NULL};
    int ready = 0;

    for (; n; n--, e++) {
        if (e->file && e->file->ops->poll) {
            call.entry = queue ? e : NULL;
            e->got = e->file->ops->poll(e->file, &call.table);
            e->got &= e->events | POLLERR | POLLHUP;
        } else if (e->file) {
            e->got = e->events & (POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM);
        } else {
            e->got = e->fd >= 0 ? POLLNVAL : 0;
        }
        if (e->got) {
            ready++;
            queue = false; /* we shall not sleep */
        }
    }
    return ready;
}

static void poll_leave(struct poll_entry *e, size_t n)
{
    for (; n; n--, e++) {
        if (e->queue)
            wait_remove(e->queue, &e->waiter);
        if (e->file)
            file_put(e->file);
    }
}

/* Sleeps until an entry is ready. Returns how many are; 0 when time is over;
 * -ERESTARTNOHAND. Interrupted by the deadline it looks once more. */
static int poll_wait(struct poll_entry *e, size_t n, u64 deadline)
{
    bool queue = deadline != POLL_AT_ONCE;
    int ready, r;

    for (;;) {
        thread_prepare_block(WAIT_INTERRUPTIBLE);
        ready = poll_scan(e, n, queue);
        if (ready || deadline == POLL_AT_ONCE) {
            thread_cancel_block();
            return ready;
        }
        current->waiting_for = "poll";
        r = thread_block_until(deadline);
        current->waiting_for = NULL;
        if (r == -EINTR)
            return -ERESTARTNOHAND;
        if (r == -ETIMEDOUT)
            deadline = POLL_AT_ONCE;
        queue = false;
    }
}

int poll_entries(struct poll_entry *e, size_t n, u64 deadline)
{
    size_t i;
    int r;

    for (i = 0; i < n; i++) {
        e[i].file = e[i].fd >= 0 ? fd_get(e[i].fd) : NULL;
        e[i].queue = NULL;
    }
    r = poll_wait(e, n, deadline);
    poll_leave(e, n);
    return r;
}

static int poll_copy_in(struct poll_entry *e, const struct pollfd_k __user *fds,
                        u32 n)
{
    struct pollfd_k fd;
    u32 i;

    for (i = 0; i < n; i++) {
        if (copy_from_user(&fd, fds + i, sizeof(fd)))
            return -EFAULT;
        e[i].fd = fd.fd;
        e[i].events = (u16)fd.events;
    }
    return 0;
}

static int poll_copy_out(const struct poll_entry *e,
                         struct pollfd_k __user *fds, u32 n)
{
    s16 got;
    u32 i;

    for (i = 0; i < n; i++) {
        got = (s16)e[i].got;
        if (copy_to_user(&fds[i].revents, &got, sizeof(got)))
            return -EFAULT;
    }
    return 0;
}

static long do_poll(struct pollfd_k __user *fds, u32 n, u64 deadline)
{
    struct poll_entry few[POLL_STACK], *e = few;
    long r;

    if (n > FILES_MAX)
        return -EINVAL;
    if (n > POLL_STACK) {
        e = kmalloc(n * sizeof(*e));
        if (!e)
            return -ENOMEM;
    }
    r = poll_copy_in(e, fds, n);
    if (!r) {
        r = poll_entries(e, n, deadline);
        if (r >= 0 && poll_copy_out(e, fds, n))
            r = -EFAULT;
    }
    if (e != few)
        kfree(e);
    return r;
}

/* poll() broken off by a stop goes on to the same deadline. */
static long poll_until(struct pollfd_k __user *fds, u32 n, u64 deadline);

static long poll_on(const struct syscall_restart *restart)
{
    return poll_until((struct pollfd_k __user *)restart->arg[0],
                      (u32)restart->arg[1], restart->deadline);
}

static long poll_until(struct pollfd_k __user *fds, u32 n, u64 deadline)
{
    long r = do_poll(fds, n, deadline);

    if (r != -ERESTARTNOHAND)
        return r;
    current->restart = (struct syscall_restart){
        .again = poll_on, .deadline = deadline, .arg = {(u64)fds, n}};
    return -ERESTART_RESTARTBLOCK;
}

long sys_poll(struct pollfd_k __user *fds, u32 n, int timeout_ms)
{
    u64 deadline = POLL_FOREVER;

    if (timeout_ms == 0)
        deadline = POLL_AT_ONCE;
    else if (timeout_ms > 0)
        deadline = deadline_after((u64)timeout_ms * 1000000);
    return poll_until(fds, n, deadline);
}

int poll_deadline(const struct timespec_k __user *timeout, u64 *deadline)
{
    struct timespec_k ts;
    int r;

    *deadline = POLL_FOREVER;
    if (!timeout)
        return 0;
    r = timespec_from_user(&ts, timeout);
    if (r)
        return r;
    *deadline = ts.tv_sec || ts.tv_nsec ? deadline_after(timespec_to_ns(&ts))
                                        : POLL_AT_ONCE;
    return 0;
}

void poll_time_left(struct timespec_k __user *timeout, u64 deadline)
{
    struct timespec_k ts = {0, 0};
    u64 now = time_ns();

    if (!timeout)
        return;
    if (deadline > now)
        ts = ns_to_timespec(deadline - now);
    (void)copy_to_user_partial(timeout, &ts, sizeof(ts));
}

int poll_mask_begin(const u64 __user *user, size_t size)
{
    struct thread *t = current;
    u64 mask;

    if (!user)
        return 0;
    if (size != sizeof(mask))
        return -EINVAL;
    if (copy_from_user(&mask, user, sizeof(mask)))
        return -EFAULT;
    t->sig_saved_mask = t->sig_mask;
    t->sig_restore_mask = true;
    signal_set_mask(mask);
    return 0;
}

/* After an interruption the handler must still run under the caller's mask:
 * then delivery restores it. */
void poll_mask_end(long result)
{
    struct thread *t = current;

    if (!t->sig_restore_mask || result == -ERESTARTNOHAND)
        return;
    t->sig_restore_mask = false;
    signal_set_mask(t->sig_saved_mask);
}

long sys_ppoll(struct pollfd_k __user *fds, u32 n,
               struct timespec_k __user *timeout, const u64 __user *mask,
               size_t size)
{
    u64 deadline;
    long r = poll_deadline(timeout, &deadline);

    if (!r)
        r = poll_mask_begin(mask, size);
    if (r)
        return r;
    r = do_poll(fds, n, deadline);
    poll_mask_end(r);
    poll_time_left(timeout, deadline);
    return r;
}
