/* Structures of the ABI that grow from one kernel to the next. */
#pragma once

#include <base/types.h>

/*
 * Copies a structure that has `have` bytes here and `size` in the caller's
 * program: what the program does not know is 0, what we do not know must be.
 * Returns 0, -EFAULT or -E2BIG.
 */
__must_check int copy_struct_from_user(void *dst, size_t have,
                                       const void __user *src, size_t size);
