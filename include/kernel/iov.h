/*
 * Vectors of user memory, as readv(2) and its kin take them: fetched whole and
 * checked before the first byte moves.
 */
#pragma once

#include <base/errno.h>
#include <base/types.h>

#define RW_MAX    0x7ffff000ul /* most bytes one call moves, see read(2) */
#define IOV_STACK 8

/* struct iovec of the ABI. */
struct iovec_k {
    void __user *base;
    size_t len;
};

struct iov_list {
    struct iovec_k *iov; /* few, or on the heap */
    size_t count;
    size_t total; /* bytes */
    struct iovec_k few[IOV_STACK];
};

/*
 * Fetches count vectors. ours: they are of the caller's own address space; the
 * addresses are checked, and the total is cut at RW_MAX. Returns 0 (then
 * iov_release() is due), -EINVAL (more than 1024, a negative length),
 * -EFAULT, -ENOMEM.
 */
__must_check int iov_fetch(struct iov_list *list,
                           const struct iovec_k __user *user, u64 count,
                           bool ours);
void iov_release(struct iov_list *list);
