/*
 * Waiting for an epoll set's events: epoll_wait(2) and its kin. Which those
 * are is epoll.c's.
 */
#include <arch/uaccess.h>
#include <kernel/epoll_set.h>
#include <kernel/sys_event.h>
#include <kernel/thread.h>
#include <mm/slab.h>

#define EVENTS_MAX   (0x7fffffff / (int)sizeof(struct epoll_event_k))
#define EVENTS_STACK 16
#define EVENTS_BATCH 512 /* most that one call returns */

/* How many events are in out; 0 at the deadline; -EINTR. */
static int wait_events(struct epoll *ep, struct epoll_event_k *out, int max,
                       u64 deadline)
{
    struct waiter w;
    int n, r = 0;

    wait_add(&ep->queue, &w);
    for (;;) {
        thread_prepare_block(WAIT_INTERRUPTIBLE);
        n = epoll_collect(ep, out, max);
        if (n || r || deadline == POLL_AT_ONCE)
            break;
        current->waiting_for = "epoll";
        r = thread_block_until(deadline);
        current->waiting_for = NULL;
    }
    thread_cancel_block();
    wait_remove(&ep->queue, &w);
    return n || r != -EINTR ? n : r;
}

static long wait_copy(struct epoll *ep, struct epoll_event_k __user *user,
                      int max, u64 deadline)
{
    struct epoll_event_k few[EVENTS_STACK], *out = few;
    long n;

    max = min(max, EVENTS_BATCH);
    if (max > EVENTS_STACK) {
        out = kmalloc((size_t)max * sizeof(*out));
        if (!out)
            return -ENOMEM;
    }
    n = wait_events(ep, out, max, deadline);
    if (n > 0 && copy_to_user(user, out, (size_t)n * sizeof(*out)))
        n = -EFAULT;
    if (out != few)
        kfree(out);
    return n;
}

static long do_epoll_wait(int epfd, struct epoll_event_k __user *events,
                          int max, u64 deadline)
{
    struct file *f;
    long r = -EINVAL;

    if (max <= 0 || max > EVENTS_MAX)
        return -EINVAL;
    if (!access_ok(events, (size_t)max * sizeof(*events)))
        return -EFAULT;
    f = fd_get(epfd);
    if (!f)
        return -EBADF;
    if (f->ops == &epoll_ops)
        r = wait_copy(f->data, events, max, deadline);
    file_put(f);
    return r;
}

static u64 deadline_of_ms(int ms)
{
    if (ms < 0)
        return POLL_FOREVER;
    return ms ? deadline_after((u64)ms * 1000000) : POLL_AT_ONCE;
}

long sys_epoll_wait(int epfd, struct epoll_event_k __user *events, int max,
                    int timeout_ms)
{
    return do_epoll_wait(epfd, events, max, deadline_of_ms(timeout_ms));
}

static long wait_masked(int epfd, struct epoll_event_k __user *events, int max,
                        u64 deadline, const u64 __user *mask, size_t size)
{
    long r = poll_mask_begin(mask, size);

    if (r)
        return r;
    r = do_epoll_wait(epfd, events, max, deadline);
    poll_mask_end(r == -EINTR ? -ERESTARTNOHAND : r);
    return r;
}

long sys_epoll_pwait(int epfd, struct epoll_event_k __user *events, int max,
                     int timeout_ms, const u64 __user *mask, size_t size)
{
    return wait_masked(epfd, events, max, deadline_of_ms(timeout_ms), mask,
                       size);
}

long sys_epoll_pwait2(int epfd, struct epoll_event_k __user *events, int max,
                      const struct timespec_k __user *timeout,
                      const u64 __user *mask, size_t size)
{
    u64 deadline;
    long r = poll_deadline(timeout, &deadline);

    return r ? r : wait_masked(epfd, events, max, deadline, mask, size);
}
