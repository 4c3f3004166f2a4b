/*
 * process_vm_readv(2), process_vm_writev(2): bytes between the caller's memory
 * and another task's, a page at a time. The other's page is made present and
 * held; the caller's side is an ordinary user copy, which may fault.
 * Everybody is root: nobody is refused.
 */
#include <arch/uaccess.h>
#include <kernel/iov.h>
#include <kernel/sys_mm.h>
#include <kernel/task.h>

struct transfer {
    struct mm_struct *mm; /* the other's, a user of which is ours */
    bool write;           /* to it */
    struct iov_list ours; /* what is done is taken off its front */
    size_t index;         /* the first of it that is not done */
    size_t left;          /* bytes of it */
};

/* Moves n bytes, or what there is of ours; how many before a fault. */
static size_t copy_ours(struct transfer *t, char *bytes, size_t n)
{
    size_t done = 0, missed = 0;

    while (done < n && t->left && !missed) {
        struct iovec_k *v = &t->ours.iov[t->index];
        size_t part = min(n - done, v->len);

        missed = t->write ? copy_from_user_partial(bytes + done, v->base, part)
                          : copy_to_user_partial(v->base, bytes + done, part);
        part -= missed;
        v->base = (char __user *)v->base + part;
        v->len -= part;
        done += part;
        t->left -= part;
        if (!v->len)
            t->index++;
    }
    return done;
}

/* One vector of the other's. */
static int copy_vector(struct transfer *t, u64 addr, size_t len)
{
    while (len && t->left) {
        u64 offset = addr % PAGE_SIZE;
        size_t n = min(len, PAGE_SIZE - offset), done;
        struct page *page;

        if (mm_pin_page(t->mm, addr, t->write, &page))
            return -EFAULT;
        done = copy_ours(t, (char *)page_address(page) + offset, n);
        put_page(page);
        if (done < n && t->left)
            return -EFAULT;
        addr += n;
        len -= n;
    }
    return 0;
}

/* The address space of pid's task, a user of it ours; NULL: there is none. */
static struct mm_struct *task_mm_get(int pid)
{
    struct mm_struct *mm = NULL;
    struct task *task;

    spin_lock(&task_lock);
    task = task_of_tid((u32)pid);
    if (task && task->mm && mm_try_get(task->mm))
        mm = task->mm;
    spin_unlock(&task_lock);
    return mm;
}

static long copy_all(struct transfer *t, int pid, const struct iov_list *theirs)
{
    size_t total = t->left;
    int r = 0;

    if (!theirs->total)
        return 0;
    t->mm = task_mm_get(pid);
    if (!t->mm)
        return -ESRCH;
    for (size_t i = 0; i < theirs->count && !r; i++)
        r = copy_vector(t, (u64)theirs->iov[i].base, theirs->iov[i].len);
    mm_put(t->mm);
    return total != t->left ? (long)(total - t->left) : r;
}

static long process_vm(int pid, const struct iovec_k __user *ours,
                       u64 our_count, const struct iovec_k __user *theirs,
                       u64 their_count, u64 flags, bool write)
{
    struct transfer t = {.write = write};
    struct iov_list other;
    long r;

    if (flags)
        return -EINVAL;
    r = iov_fetch(&t.ours, ours, our_count, true);
    if (r)
        return r;
    t.left = t.ours.total;
    if (t.left) {
        r = iov_fetch(&other, theirs, their_count, false);
        if (!r) {
            r = copy_all(&t, pid, &other);
            iov_release(&other);
        }
    }
    iov_release(&t.ours);
    return r;
}

long sys_process_vm_readv(int pid, const struct iovec_k __user *ours,
                          u64 our_count, const struct iovec_k __user *theirs,
                          u64 their_count, u64 flags)
{
    return process_vm(pid, ours, our_count, theirs, their_count, flags, false);
}

long sys_process_vm_writev(int pid, const struct iovec_k __user *ours,
                           u64 our_count, const struct iovec_k __user *theirs,
                           u64 their_count, u64 flags)
{
    return process_vm(pid, ours, our_count, theirs, their_count, flags, true);
}
