/*
 * pidfd_open(2): a descriptor that names a task, ready to be polled when the
 * task has ended. And the calls that take one: process_madvise(2),
 * process_mrelease(2).
 */
#include <arch/uaccess.h>
#include <kernel/clone.h>
#include <kernel/file.h>
#include <kernel/iov.h>
#include <kernel/sys_mm.h>
#include <kernel/sys_proc.h>
#include <kernel/task.h>
#include <uapi/faultline/mman.h>

static unsigned pidfd_poll(struct file *f, struct poll_table *pt)
{
    struct task *task = f->data;
    unsigned events = 0;

    pt->add(pt, &task->end);
    spin_lock(&task_lock);
    if (task->zombie)
        events = POLLIN | POLLRDNORM;
    if (task->zombie && list_empty(&task->all_link))
        events |= POLLHUP; /* its parent knows */
    spin_unlock(&task_lock);
    return events;
}

static void pidfd_release(struct file *f)
{
    task_put(f->data);
}

static const struct file_operations pidfd_ops = {
    .poll = pidfd_poll,
    .release = pidfd_release,
};

/* The task that pid leads, with a reference. */
static int task_get_leader(int pid, struct task **out)
{
    struct task *task;
    int r = 0;

    spin_lock(&task_lock);
    task = task_find((u32)pid);
    if (task)
        task_get(task);
    else
        r = thread_find((u32)pid) ? -EINVAL : -ESRCH;
    spin_unlock(&task_lock);
    *out = task;
    return r;
}

/* A descriptor for task, whose reference is gone in any case. */
static int pidfd_install(struct task *task, u32 flags)
{
    struct file *f = file_create(&pidfd_ops, task, O_RDWR | flags, "[pidfd]");

    if (!f) {
        task_put(task);
        return -ENOMEM;
    }
    return fd_install(f, true, 0);
}

int pidfd_give(struct task *task, u32 __user *where)
{
    int fd;

    task_get(task);
    fd = pidfd_install(task, 0);
    if (fd >= 0 && put_user_32((u32)fd, where)) {
        pidfd_take_back(fd);
        fd = -EFAULT;
    }
    return fd;
}

void pidfd_take_back(int fd)
{
    struct file *f = fd_take(fd);

    if (f)
        file_put(f);
}

long sys_pidfd_open(int pid, u32 flags)
{
    struct task *task;
    int r;

    if ((flags & ~O_NONBLOCK) || pid <= 0)
        return -EINVAL;
    r = task_get_leader(pid, &task);
    return r ? r : pidfd_install(task, flags);
}

struct task *pidfd_task_get(int fd)
{
    struct file *f = fd_get(fd);
    struct task *task = NULL;

    if (f && f->ops == &pidfd_ops) {
        task = f->data;
        task_get(task);
    }
    if (f)
        file_put(f);
    return task;
}

int pidfd_pid(int fd)
{
    struct task *task = pidfd_task_get(fd);
    int pid = task ? (int)task->pid : -EBADF;

    if (task)
        task_put(task);
    return pid;
}

/* The address space of the task behind fd, a user of it ours. */
static int mm_get_by_fd(int fd, struct mm_struct **mm)
{
    struct task *task = pidfd_task_get(fd);
    int r = -ESRCH;

    if (!task)
        return -EBADF;
    spin_lock(&task_lock);
    if (task->mm && mm_try_get(task->mm)) {
        *mm = task->mm;
        r = 0;
    }
    spin_unlock(&task_lock);
    task_put(task);
    return r;
}

/* All that use mm are about to end. task_lock held. */
static bool mm_dying(const struct mm_struct *mm)
{
    struct task *task;

    list_for_each_entry (task, &all_tasks, all_link)
        if (task->mm == mm && !task->exiting)
            return false;
    return true;
}

/* Its private pages go at once. */
static void reap(struct mm_struct *mm)
{
    struct vm_area_struct *vma;

    mmap_read_lock(mm);
    for_each_vma (mm, vma)
        if (!(vma->vm_flags & VM_SHARED))
            zap_discard_range(vma, vma->vm_start, vma->vm_end, true);
    mmap_read_unlock(mm);
}

long sys_process_mrelease(int fd, u32 flags)
{
    struct mm_struct *mm;
    bool dying;
    int r;

    if (flags)
        return -EINVAL;
    r = mm_get_by_fd(fd, &mm);
    if (r)
        return r;
    spin_lock(&task_lock);
    dying = mm_dying(mm);
    spin_unlock(&task_lock);
    if (dying)
        reap(mm);
    mm_put(mm);
    return dying ? 0 : -EINVAL;
}

/* Up to the first range that fails; the bytes before it, or the error. */
static long advise_ranges(struct mm_struct *mm, const struct iov_list *ranges,
                          int advice)
{
    long done = 0, r = 0;

    for (size_t i = 0; i < ranges->count && !r; i++) {
        const struct iovec_k *v = &ranges->iov[i];

        r = do_madvise(mm, (u64)v->base, v->len, advice);
        if (!r)
            done += (long)v->len;
    }
    return done ? done : r;
}

/* What may be done to others: nothing that they would notice. */
static bool advice_for_others(int advice)
{
    return advice == MADV_COLD || advice == MADV_PAGEOUT ||
           advice == MADV_WILLNEED || advice == MADV_COLLAPSE;
}

long sys_process_madvise(int fd, const struct iovec_k __user *user, u64 count,
                         int advice, u32 flags)
{
    struct mm_struct *mm;
    struct iov_list ranges;
    long r;

    if (flags)
        return -EINVAL;
    r = iov_fetch(&ranges, user, count, true);
    if (r)
        return r;
    r = mm_get_by_fd(fd, &mm);
    if (!r) {
        r = advice_for_others(advice) ? advise_ranges(mm, &ranges, advice)
                                      : -EINVAL;
        mm_put(mm);
    }
    iov_release(&ranges);
    return r;
}
