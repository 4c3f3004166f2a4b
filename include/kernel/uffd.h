/* Inside kernel/ only: the two halves of a userfaultfd's descriptor. */
#pragma once

#include <base/types.h>

struct file;
struct thread;
struct uffd_msg;
struct userfaultfd_ctx;

/* read(2)'s messages, at most max: how many; none (0, unless it is to wait),
 * -EAGAIN (O_NONBLOCK), -EINTR, or what a fork's descriptor failed with. */
int uffd_take(struct file *f, struct uffd_msg *msgs, unsigned max, bool wait);

/* The end of a request that waits for the next message: will it sleep / that
 * message, or one with event 0 if there is none to be had, goes to *to: 0 or
 * -EFAULT. */
bool uffd_will_sleep(const struct file *f);
long uffd_next(struct file *f, void __user *to);

/* ioctl_userfaultfd(2), see kernel/uffd_ioctl.c. */
long uffd_ioctl(struct file *f, unsigned cmd, u64 arg);

/* The thread, which is the current one and ends, has left its descriptors; last
 * of its task. / A table has let go of a userfaultfd's descriptor. Those who
 * wait may be alone now. */
void uffd_thread_gone(const struct thread *t, bool last);
void uffd_closed(struct file *f);

/* /dev/userfaultfd: one ioctl, that makes another. */
extern const struct file_operations uffd_dev_ops;

/* What is asked for an object's pager, see docs/object-pagers.md; -EINVAL: not
 * that either. */
long uffd_object_ioctl(struct file *f, unsigned cmd, void __user *arg);

/* The bits of what there is: requests on a descriptor, on any range. */
#define UFFD_BIT(name) (1ull << UFFD_BIT_##name)
#define UFFD_API_IOCTLS                                                        \
    (UFFD_BIT(REGISTER) | UFFD_BIT(UNREGISTER) | UFFD_BIT(API))
#define UFFD_RANGE_IOCTLS                                                      \
    (UFFD_BIT(WAKE) | UFFD_BIT(COPY) | UFFD_BIT(ZEROPAGE) |                    \
     UFFD_BIT(WRITEPROTECT) | UFFD_BIT(POISON) | UFFD_BIT(MOVE) |              \
     UFFD_BIT(CONTINUE))
