/* User copies: the range check before the copying in uaccess.S. */
#include <arch/uaccess.h>

size_t user_page_copy(void *dst, const void *src);
size_t user_copy(void *dst, const void *src, size_t n);
size_t user_clear(void *dst, size_t n);
ssize_t user_string_copy(char *dst, const char *src, size_t n);

size_t copy_from_user_partial(void *dst, const void __user *src, size_t n)
{
    return likely(access_ok(src, n)) ? user_copy(dst, src, n) : n;
}

size_t copy_to_user_partial(void __user *dst, const void *src, size_t n)
{
    return likely(access_ok(dst, n)) ? user_copy(dst, src, n) : n;
}

size_t clear_user_partial(void __user *dst, size_t n)
{
    return likely(access_ok(dst, n)) ? user_clear(dst, n) : n;
}

int copy_page_from_user(void *dst, const void __user *src)
{
    if (unlikely(!access_ok(src, PAGE_SIZE)))
        return -EFAULT;
    return unlikely(user_page_copy(dst, src)) ? -EFAULT : 0;
}

ssize_t strncpy_from_user(char *dst, const char __user *src, size_t size)
{
    size_t room = (u64)src < TASK_SIZE ? TASK_SIZE - (u64)src : 0;
    ssize_t n;

    n = user_string_copy(dst, src, min(size, room));
    if (n >= 0 && (size_t)n < min(size, room))
        return n;
    return n < 0 || room < size ? -EFAULT : -ENAMETOOLONG;
}

int cmpxchg_user_32(u32 __user *p, u32 expected, u32 new, u32 *old)
{
    if (unlikely(!access_ok(p, sizeof(*p))))
        return -EFAULT;
    __asm__ goto(STAC
                 "1: lock cmpxchgl %2, %1\n" CLAC EX_TABLE("1b", "%l[fault]")
                 : "+a"(expected), "+m"(*p)
                 : "r"(new)
                 : "memory"
                 : fault);
    *old = expected;
    return 0;
fault:
    user_access_end();
    return -EFAULT;
}
