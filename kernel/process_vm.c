/*
 * process_vm_readv(2), process_vm_writev(2) and /proc/PID/mem: bytes between
 * the caller's memory and another task's. The other's pages are made present
 * and held, a batch at a time; the caller's side is an ordinary user copy,
 * which may fault. Everybody is root: nobody is refused.
 */
#include <arch/uaccess.h>
#include <kernel/iov.h>
#include <kernel/procfs.h>
#include <kernel/sys_mm.h>
#include <kernel/task.h>
#include <mm/slab.h>

#define BATCH 512u /* pages held at a time, as far as a vector has them */

struct transfer {
    struct mm_struct *mm; /* the other's, a user of which is ours */
    unsigned how;         /* PIN_*: to it, or from it */
    struct iov_list ours; /* what is done is taken off its front */
    size_t index;         /* the first of it that is not done */
    size_t left;          /* bytes of it */
    struct page **pages;  /* of the other's, held */
};

/* Moves n bytes, or what there is of ours; how many before a fault. */
static size_t copy_ours(struct transfer *t, char *bytes, size_t n)
{
    size_t done = 0, missed = 0;

    while (done < n && t->left && !missed) {
        struct iovec_k *v = &t->ours.iov[t->index];
        size_t part = min(n - done, v->len);

        missed = t->how & PIN_WRITE
                     ? copy_from_user_partial(bytes + done, v->base, part)
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

/* Holds the pages from addr on, up to one that is no good: how many. */
static unsigned hold_pages(struct transfer *t, u64 addr, size_t len)
{
    u64 last = (addr + len - 1) & PAGE_MASK;
    unsigned held = 0;

    for (addr &= PAGE_MASK; addr <= last && held < BATCH; addr += PAGE_SIZE)
        if (mm_pin_page(t->mm, addr, t->how, &t->pages[held]))
            break;
        else
            held++;
    return held;
}

/* One vector of the other's. -EIO: that is no good; -EFAULT: ours. */
static int copy_vector(struct transfer *t, u64 addr, size_t len)
{
    unsigned held = 0, next = 0;
    int r = 0;

    while (!r && len && t->left) {
        u64 offset = addr % PAGE_SIZE;
        size_t n = min(len, PAGE_SIZE - offset), done;

        if (next == held) {
            held = hold_pages(t, addr, len);
            next = 0;
        }
        if (!held)
            return -EIO;
        done = copy_ours(t, (char *)page_address(t->pages[next]) + offset, n);
        put_page(t->pages[next++]);
        if (done < n && t->left)
            r = -EFAULT;
        addr += n;
        len -= n;
    }
    while (next < held)
        put_page(t->pages[next++]);
    return r;
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
    t->pages = kmalloc(BATCH * sizeof(t->pages[0]));
    if (!t->pages)
        return -ENOMEM;
    t->mm = task_mm_get(pid);
    if (!t->mm)
        r = -ESRCH;
    for (size_t i = 0; i < theirs->count && !r; i++)
        r = copy_vector(t, (u64)theirs->iov[i].base, theirs->iov[i].len);
    if (t->mm)
        mm_put(t->mm);
    kfree(t->pages);
    if (total != t->left)
        return (long)(total - t->left);
    return r == -EIO ? -EFAULT : r;
}

static long process_vm(int pid, const struct iovec_k __user *ours,
                       u64 our_count, const struct iovec_k __user *theirs,
                       u64 their_count, u64 flags, bool write)
{
    struct transfer t = {.how = write ? PIN_WRITE : 0};
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

/* ---- /proc/PID/mem: as a debugger would, whatever the mapping's rights ----
 */

static ssize_t mem_copy(struct file *f, void __user *buf, size_t n, u64 *pos,
                        unsigned how)
{
    struct iovec_k vec = {buf, n};
    struct transfer t = {.mm = proc_file_mm(f->data),
                         .how = how | PIN_FORCE,
                         .ours = {.iov = &vec},
                         .left = n};
    int r = -ENOMEM;

    if (!t.mm)
        return 0;
    t.pages = kmalloc(BATCH * sizeof(t.pages[0]));
    if (t.pages)
        r = copy_vector(&t, *pos, n);
    kfree(t.pages);
    mm_put(t.mm);
    n -= t.left;
    *pos += n;
    return n ? (ssize_t)n : r;
}

static ssize_t mem_read(struct file *f, void __user *buf, size_t n, u64 *pos)
{
    return mem_copy(f, buf, n, pos, 0);
}

static ssize_t mem_write(struct file *f, const void __user *buf, size_t n,
                         u64 *pos)
{
    return mem_copy(f, (void __user *)buf, n, pos, PIN_WRITE);
}

const struct file_operations mem_ops = {
    .read = mem_read,
    .write = mem_write,
    .stat = proc_stat,
    .release = proc_release,
    .seekable = true,
};
