/* eventfd and epoll. Each call returns what its manual page says, or -errno. */
#ifndef KERNEL_SYS_EVENT_H
#define KERNEL_SYS_EVENT_H

#include <kernel/time.h>

struct epoll_event_k;

/* eventfd(2): -EINVAL (flags), -ENOMEM, -EMFILE. */
long sys_eventfd(u32 count);
long sys_eventfd2(u32 count, u32 flags);
/* epoll_create(2): -EINVAL (size, flags), -ENOMEM, -EMFILE. */
long sys_epoll_create(int size);
long sys_epoll_create1(u32 flags);
/* epoll_ctl(2): -EBADF, -EINVAL, -EEXIST, -ENOENT, -ENOMEM, -EFAULT, -EPERM
 * (a file that is always ready), -ELOOP (an epoll file inside another). */
long sys_epoll_ctl(int epfd, int op, int fd,
                   struct epoll_event_k __user *event);
/* epoll_wait(2) and its kin: -EBADF, -EINVAL, -EFAULT, -EINTR. */
long sys_epoll_wait(int epfd, struct epoll_event_k __user *events, int max,
                    int timeout_ms);
long sys_epoll_pwait(int epfd, struct epoll_event_k __user *events, int max,
                     int timeout_ms, const u64 __user *mask, size_t size);
long sys_epoll_pwait2(int epfd, struct epoll_event_k __user *events, int max,
                      const struct timespec_k __user *timeout,
                      const u64 __user *mask, size_t size);

#endif
