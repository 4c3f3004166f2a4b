/* eventfd, timerfd, signalfd and epoll. Each call returns what its manual page
 * says, or -errno. */
#pragma once

#include <kernel/time.h>

struct epoll_event_k;

/* eventfd(2): -EINVAL (flags), -ENOMEM, -EMFILE. */
long sys_eventfd(u32 count);
long sys_eventfd2(u32 count, u32 flags);
/* epoll_create(2): -EINVAL (size, flags), -ENOMEM, -EMFILE. */
long sys_epoll_create(int size);
long sys_epoll_create1(u32 flags);
/* epoll_ctl(2): -EBADF, -EINVAL, -EEXIST, -ENOENT, -ENOMEM, -EFAULT, -EPERM
 * (a file that is always ready), -ELOOP (a ring of sets, too deep). */
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

/* timerfd_create(2), timerfd_settime(2): -EINVAL (clock, flags, time, no
 * timerfd), -EBADF, -ENOMEM, -EMFILE. */
struct itimerspec_k;
long sys_timerfd_create(int clock, u32 flags);
long sys_timerfd_settime(int fd, int flags,
                         const struct itimerspec_k __user *new,
                         struct itimerspec_k __user *old);
long sys_timerfd_gettime(int fd, struct itimerspec_k __user *now);
/* signalfd(2): the descriptor; -EINVAL (size, flags, no signalfd), -EBADF,
 * -ENOMEM, -EMFILE. */
long sys_signalfd(int fd, const u64 __user *mask, size_t size);
long sys_signalfd4(int fd, const u64 __user *mask, size_t size, u32 flags);
