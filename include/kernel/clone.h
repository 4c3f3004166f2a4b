/* Between sys_clone.c, which decodes, and fork.c, which performs. */
#pragma once

#include <kernel/sys_proc.h>

/* What clone(2) and clone3(2) have in common. */
struct clone_request {
    u64 flags; /* CLONE_*, without the signal */
    u32 exit_signal;
    u64 stack; /* the new stack pointer, 0: as it is */
    u64 tls;
    u32 __user *ptid, *ctid, *pidfd;
    u32 set_tid; /* the tid to get, 0: any */
};

/* Makes the thread or task, its flags checked; the tid, or -ENOMEM, -EAGAIN,
 * -EEXIST (set_tid). May sleep. */
long do_clone(const struct clone_request *c);

/* kernel/pidfd.c. CLONE_PIDFD: a descriptor for task, its number also written
 * to user memory; or -EFAULT, -EMFILE, -ENOMEM. And closing it again. */
__must_check int pidfd_give(struct task *task, u32 __user *where);
void pidfd_take_back(int fd);
