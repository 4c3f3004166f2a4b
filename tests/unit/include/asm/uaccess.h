/* The fake machine's user memory: an access goes through mm_current()'s page
 * tables and faults as it must (fake_access.c). */
#pragma once

#include <base/types.h>
#include <asm/page.h>

size_t copy_from_user_partial(void *dst, const void __user *src, size_t n);
size_t copy_to_user_partial(void __user *dst, const void *src, size_t n);

static inline bool access_ok(const void __user *p, size_t n)
{
    return n <= TASK_SIZE && (u64)p <= TASK_SIZE - n;
}

static inline int get_user_32(u32 *v, const u32 __user *p)
{
    return copy_from_user_partial(v, p, sizeof(*v)) ? -14 : 0;
}

static inline int get_user_64(u64 *v, const u64 __user *p)
{
    return copy_from_user_partial(v, p, sizeof(*v)) ? -14 : 0;
}

static inline int put_user_32(u32 v, u32 __user *p)
{
    return copy_to_user_partial(p, &v, sizeof(v)) ? -14 : 0;
}

static inline int put_user_64(u64 v, u64 __user *p)
{
    return copy_to_user_partial(p, &v, sizeof(v)) ? -14 : 0;
}
