/*
 * The only way to user memory. Bad addresses come back as -EFAULT (through
 * the exception table); a missing page is faulted in, so these may sleep and
 * must not be called with a spinlock or the mmap lock held.
 */
#pragma once

#include <base/types.h>
#include <base/errno.h>

/* <asm/uaccess.h>: bool access_ok(const void __user *p, size_t n), and inline
 * get_user_32/64(), put_user_32/64(): 0 or -EFAULT. */
#include <asm/uaccess.h>

/* Copies n bytes. Returns how many were NOT copied (0: all). */
size_t copy_from_user_partial(void *dst, const void __user *src, size_t n);
size_t copy_to_user_partial(void __user *dst, const void *src, size_t n);
size_t clear_user_partial(void __user *dst, size_t n);

/*
 * Copies a string with its NUL, at most size bytes.
 * Returns its length without the NUL, -EFAULT, or -ENAMETOOLONG.
 */
__must_check ssize_t strncpy_from_user(char *dst, const char __user *src,
                                       size_t size);

/* Copies n bytes whole. Returns 0 or -EFAULT. */
static inline __must_check int copy_from_user(void *dst, const void __user *src,
                                              size_t n)
{
    return unlikely(copy_from_user_partial(dst, src, n)) ? -EFAULT : 0;
}

static inline __must_check int copy_to_user(void __user *dst, const void *src,
                                            size_t n)
{
    return unlikely(copy_to_user_partial(dst, src, n)) ? -EFAULT : 0;
}

/* Copies a page's worth of user memory, aligned or not, to a whole page: all
 * of it, or -EFAULT. */
__must_check int copy_page_from_user(void *dst, const void __user *src);

/* Atomic compare-exchange of a user word, for robust futexes and the like.
 * Returns 0 with *old filled, or -EFAULT. */
__must_check int cmpxchg_user_32(u32 __user *p, u32 expected, u32 new,
                                 u32 *old);
