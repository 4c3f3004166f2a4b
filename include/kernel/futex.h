/* Fast user-space locks' slow half, see futex(2) and futex(7). */
#pragma once

#include <base/types.h>
#include <kernel/time.h>

/*
 * FUTEX_WAIT, WAKE, REQUEUE, CMP_REQUEUE, WAKE_OP, WAIT_BITSET and
 * WAKE_BITSET, private or shared. `timeout` is a timespec, or for the
 * requeueing calls and WAKE_OP a count. Returns a count or 0; -EAGAIN (the
 * word differs), -ETIMEDOUT, -EINTR, -EINVAL, -EFAULT, -ENOSYS.
 */
long sys_futex(u32 __user *addr, int op, u32 val,
               const struct timespec_k __user *timeout, u32 __user *addr2,
               u32 val3);

/*
 * Wakes up to n waiters of the word, as a shared FUTEX_WAKE does: for the
 * thread's end (CLONE_CHILD_CLEARTID, robust lists). May sleep. Returns how
 * many, or -EFAULT, -EINVAL.
 */
long futex_wake_addr(u32 __user *addr, int n);
