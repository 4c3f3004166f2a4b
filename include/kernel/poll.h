/* Between sys_poll.c and sys_select.c only: waiting for several files. */
#pragma once

#include <kernel/file.h>
#include <kernel/time.h>

#define POLL_FOREVER 0ull
#define POLL_AT_ONCE 1ull /* a deadline long past */

struct poll_entry {
    int fd;
    unsigned events; /* wanted; POLLERR, POLLHUP come unasked */
    unsigned got;
    struct file *file;
    struct wait_queue *queue; /* where waiter is queued, or NULL */
    struct waiter waiter;
};

/* Waits until one of the entries has something, got says what. Returns how
 * many have; 0 at the deadline; -ERESTARTNOHAND. */
int poll_entries(struct poll_entry *e, size_t n, u64 deadline);

/* Deadline of a relative timespec, NULL: none. 0, -EFAULT, -EINVAL. */
__must_check int poll_deadline(const struct timespec_k __user *timeout,
                               u64 *deadline);

/* Writes the time left where the timeout came from; best effort, as Linux. */
void poll_time_left(struct timespec_k __user *timeout, u64 deadline);

/* The signal mask to wait with (NULL: as it is): 0, -EINVAL, -EFAULT; and the
 * old one back, unless the result lets signal delivery do that. */
__must_check int poll_mask_begin(const u64 __user *mask, size_t size);
void poll_mask_end(long result);
