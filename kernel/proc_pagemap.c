/*
 * /proc/PID/pagemap and clear_refs, see proc_pid_pagemap(5): a word for each
 * page of the address space, and what makes some of their bits count anew.
 */
#include <arch/uaccess.h>
#include <kernel/procfs.h>
#include <mm/view.h>

#define ENTRY   sizeof(u64)
#define ENTRIES (PAGE_SIZE / ENTRY) /* made at a time */

/* The entries of n pages from va on; false: the space is gone. */
static bool fill(const struct proc_file *p, u64 va, u64 n, u64 *entries)
{
    struct mm_struct *mm = proc_file_mm(p);

    if (!mm)
        return false;
    mm_pagemap(mm, va, va + n * PAGE_SIZE, entries);
    mm_put(mm);
    return true;
}

/* Copies n entries that begin with page `first`; how many, or -EFAULT. */
static ssize_t copy_entries(const struct proc_file *p, void __user *buf,
                            u64 first, u64 n)
{
    u64 *entries = kmalloc(PAGE_SIZE), done = 0;
    ssize_t r = entries ? 0 : -ENOMEM;

    while (!r && done < n) {
        u64 part = min(n - done, ENTRIES);

        if (!fill(p, (first + done) << PAGE_SHIFT, part, entries))
            break;
        r = copy_to_user(buf + done * ENTRY, entries, part * ENTRY);
        if (!r)
            done += part;
    }
    kfree(entries);
    return r ? r : (ssize_t)done;
}

static ssize_t pagemap_read(struct file *f, void __user *buf, size_t n,
                            u64 *pos)
{
    const u64 pages = TASK_SIZE >> PAGE_SHIFT;
    const struct proc_file *p = f->data;
    u64 first = *pos / ENTRY, count = n / ENTRY;
    struct mm_struct *mm = proc_file_mm(p);
    ssize_t r;

    if (!mm)
        return 0;
    mm_put(mm);
    if (*pos % ENTRY || n % ENTRY)
        return -EINVAL;
    if (first >= pages)
        return 0;
    r = copy_entries(p, buf, first, min(count, pages - first));
    if (r < 0)
        return r;
    *pos += (u64)r * ENTRY;
    return r * (ssize_t)ENTRY;
}

static long pagemap_ioctl(struct file *f, unsigned cmd, u64 arg)
{
    return pagemap_scan(f->data, cmd, arg);
}

const struct file_operations pagemap_ops = {
    .ioctl = pagemap_ioctl,
    .read = pagemap_read,
    .stat = proc_stat,
    .release = proc_release,
    .seekable = true,
};

#define CLEAR_SOFT_DIRTY 4
#define CLEAR_PEAK_RSS   5

int clear_refs_store(const struct proc_file *p, s64 value)
{
    struct mm_struct *mm;

    if (value < CLEAR_REFS_ALL || value > CLEAR_PEAK_RSS)
        return -EINVAL;
    if (proc_task_gone(p))
        return -ESRCH;
    mm = proc_task_mm(p);
    if (!mm)
        return 0;
    if (value == CLEAR_SOFT_DIRTY)
        mm_clear_soft_dirty(mm);
    else if (value == CLEAR_PEAK_RSS)
        WRITE_ONCE(mm->hiwater_rss, 0);
    else
        mm_clear_refs(mm, (enum clear_refs)value);
    mm_put(mm);
    return 0;
}
