/* Structures of the ABI that grow from one kernel to the next. */
#include <arch/uaccess.h>
#include <base/string.h>
#include <kernel/copy_struct.h>

static int check_tail(const char __user *p, size_t n)
{
    u8 bytes[64];

    while (n) {
        size_t part = min(n, sizeof(bytes));

        if (copy_from_user(bytes, p, part))
            return -EFAULT;
        for (size_t i = 0; i < part; i++)
            if (bytes[i])
                return -E2BIG;
        p += part;
        n -= part;
    }
    return 0;
}

int copy_struct_from_user(void *dst, size_t have, const void __user *src,
                          size_t size)
{
    int r = 0;

    if (size > have)
        r = check_tail((const char __user *)src + have, size - have);
    else
        memset((char *)dst + size, 0, have - size);
    return r ? r : copy_from_user(dst, src, min(size, have));
}
