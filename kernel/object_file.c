/*
 * A file over a memory object: how boot modules and memfds look to programs.
 * Bytes are copied between the user's memory and the object's frames through
 * the direct map, a page at a time.
 */
#include <arch/page.h>
#include <arch/uaccess.h>
#include <kernel/file.h>
#include <kernel/signal.h>
#include <kernel/thread.h>
#include <mm/hooks.h>
#include <mm/object.h>
#include <mm/page.h>
#include <uapi/faultline/resource.h>

/* The seals are asked about this much of a write at once, as on Linux. */
#define WRITE_SPAN (2ul << 20)

static u64 span_end(u64 pos)
{
    return ALIGN_DOWN(pos, WRITE_SPAN) + WRITE_SPAN;
}

/* Copies from one page of the object, a missing one being zeros unless a pager
 * brings it; returns how much, or -errno. A short count means the user's memory
 * ended. */
static ssize_t read_page(struct mem_object *object, u64 pos, void __user *buf,
                         size_t n)
{
    size_t offset = pos & (PAGE_SIZE - 1);
    struct page *page;
    size_t left;
    int r = object_page_in(object, pos >> PAGE_SHIFT, &page);

    if (unlikely(r))
        return r == -EINTR ? -ERESTARTSYS : r;

    n = min(n, (size_t)PAGE_SIZE - offset);
    if (page) {
        left = copy_to_user_partial(buf, page_address(page) + offset, n);
        put_page(page);
    } else {
        left = clear_user_partial(buf, n);
    }
    return left == n ? -EFAULT : (ssize_t)(n - left);
}

static ssize_t object_file_read(struct file *f, void __user *buf, size_t n,
                                u64 *pos)
{
    struct mem_object *object = f->data;
    u64 size = READ_ONCE(object->size);
    size_t done = 0;
    ssize_t r;

    if ((s64)(*pos + n) < 0)
        return -EINVAL;
    if (*pos >= size)
        return 0;
    n = min(n, (size_t)(size - *pos));
    while (done < n) {
        r = read_page(object, *pos + done, buf + done, n - done);
        if (r < 0) {
            if (!done)
                return r;
            break;
        }
        done += (size_t)r;
    }
    *pos += done;
    return (ssize_t)done;
}

/* A part of a page is written, which its pager may have to bring first. */
static int write_part(struct mem_object *object, u64 pos, size_t n, u64 end,
                      struct page **page)
{
    struct page *old;
    int r;

    while ((r = object_write(object, pos, n, end, page)) == -EAGAIN) {
        r = object_page_in(object, pos >> PAGE_SHIFT, &old);
        if (r)
            return r == -EINTR ? -ERESTARTSYS : r;
        if (old)
            put_page(old);
    }
    return r;
}

/* Linux brings all the bytes it is about to write, as many as a large page may
 * take, before it changes the object or seals forbid it. Returns how many are
 * there: the others may be once the object is larger. */
static u64 fault_in(const void __user *buf, size_t n)
{
    u64 at = (u64)buf, end = at + n;
    u32 word;

    while (at < end &&
           !get_user_32(&word, (const u32 __user *)ALIGN_DOWN(at, 4)))
        at = ALIGN_DOWN(at, PAGE_SIZE) + PAGE_SIZE;
    return min(at, end) - (u64)buf;
}

/*
 * Writes into one page what the user has for it, by way of *page: user memory
 * may fault, and that must not be waited for with the object locked. Returns
 * how much, or -errno. end: of the whole write.
 */
static ssize_t write_page(struct mem_object *object, u64 pos, u64 end,
                          const void __user *buf, struct page **page)
{
    size_t offset = pos & (PAGE_SIZE - 1), n, left;
    int r;

    if (!*page)
        *page = current_charge_page(alloc_page());
    if (!*page)
        return -ENOMEM;
    n = min(end - pos, PAGE_SIZE - offset);
    left = copy_from_user_partial(page_address(*page) + offset, buf, n);
    n -= left;
    if (!n)
        return -EFAULT;
    r = write_part(object, pos, n, min(end, span_end(pos)), page);
    return r ? r : (ssize_t)n;
}

int file_size_check(u64 size)
{
    struct siginfo info = {.si_signo = SIGXFSZ, .si_code = SI_USER};

    if (likely(size <= rlimit_current(RLIMIT_FSIZE).cur))
        return 0;
    info.si_pid = (s32)current->task->pid;
    signal_send_task(current->task, &info);
    return -EFBIG;
}

static ssize_t object_file_write(struct file *f, const void __user *buf,
                                 size_t n, u64 *pos)
{
    struct mem_object *object = f->data;
    u64 from = *pos, at, end, brought = from;
    struct page *page = NULL;
    unsigned tries = 0;
    ssize_t r = 0;

    if ((s64)(from + n) < 0 || object->huge_shift)
        return -EINVAL;
    if ((f->flags & O_APPEND) && n)
        from = READ_ONCE(object->size);
    if (n && file_size_check(from + 1))
        return -EFBIG;
    end = min(from + n, rlimit_current(RLIMIT_FSIZE).cur);
    for (at = from; at < end; at += (u64)r) {
        u64 stop = min(end, span_end(at));

        if (brought < stop)
            brought = at + fault_in(buf + (at - from), stop - at);
        r = write_page(object, at, end, buf + (at - from), &page);
        if (likely(r > 0))
            tries = 0;
        else if (r == -ENOMEM && out_of_memory(current->mm, tries++) &&
                 !thread_signal_pending(WAIT_KILLABLE))
            r = 0;
        else
            break;
    }
    if (page)
        put_page(page);
    if (r < 0 && at == from)
        return r;
    *pos = at;
    return (ssize_t)(at - from);
}

static struct mem_object *object_file_object(struct file *f)
{
    return f->data;
}

static int object_file_stat(struct file *f, struct stat_k *st)
{
    const struct mem_object *object = f->data;

    st->st_mode = S_IFREG | object->mode;
    st->st_nlink = !object->memfd;
    st->st_size = (s64)object->size;
    st->st_blocks = (s64)(object->page_count * (PAGE_SIZE / 512));
    st->st_blksize =
        object->huge_shift ? 1l << object->huge_shift : (s64)PAGE_SIZE;
    st->st_ino = object->ino;
    return 0;
}

static void object_file_release(struct file *f)
{
    object_put(f->data);
}

static const struct file_operations object_file_ops = {
    .read = object_file_read,
    .write = object_file_write,
    .object = object_file_object,
    .stat = object_file_stat,
    .release = object_file_release,
    .seekable = true,
};

struct file *object_file_create(struct mem_object *object, u32 flags)
{
    struct file *f = file_create(&object_file_ops, object, flags, object->name);

    if (f)
        object_get(object);
    return f;
}
