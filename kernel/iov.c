/* Vectors of user memory, see iov.h. */
#include <arch/uaccess.h>
#include <kernel/iov.h>
#include <mm/slab.h>

#define IOV_MAX 1024

static int check(struct iov_list *list, bool ours)
{
    for (size_t i = 0; i < list->count; i++)
        if ((ssize_t)list->iov[i].len < 0)
            return -EINVAL;
    list->total = 0;
    for (size_t i = 0; i < list->count; i++) {
        struct iovec_k *v = &list->iov[i];

        if (ours && !access_ok(v->base, v->len))
            return -EFAULT;
        if (ours)
            v->len = min(v->len, RW_MAX - list->total);
        list->total += v->len;
    }
    return 0;
}

int iov_fetch(struct iov_list *list, const struct iovec_k __user *user,
              u64 count, bool ours)
{
    int r;

    if (count > IOV_MAX)
        return -EINVAL;
    list->count = count;
    list->iov = list->few;
    if (count > IOV_STACK)
        list->iov = kmalloc(count * sizeof(*user));
    if (!list->iov)
        return -ENOMEM;
    r = copy_from_user(list->iov, user, count * sizeof(*user));
    if (!r)
        r = check(list, ours);
    if (r)
        iov_release(list);
    return r;
}

void iov_release(struct iov_list *list)
{
    if (list->iov != list->few)
        kfree(list->iov);
}
