/*
 * A read-only file over a memory object: how boot modules look to programs.
 * Reads copy straight from the object's frames through the direct map.
 */
#include <arch/page.h>
#include <arch/uaccess.h>
#include <base/string.h>
#include <kernel/file.h>
#include <mm/object.h>
#include <mm/page.h>

/* Copies from one page of the object; returns how much, or -errno. A short
 * count means the user's memory ended. */
static ssize_t read_page(struct mem_object *object, u64 pos, void __user *buf,
                         size_t n)
{
    size_t offset = pos & (PAGE_SIZE - 1);
    struct page *page;
    size_t left;
    int r;

    n = min(n, (size_t)PAGE_SIZE - offset);
    r = object_get_page(object, pos >> PAGE_SHIFT, &page);
    if (r)
        return r;
    left = copy_to_user_partial(buf, page_address(page) + offset, n);
    put_page(page);
    return left == n ? -EFAULT : (ssize_t)(n - left);
}

static ssize_t object_file_read(struct file *f, void __user *buf, size_t n,
                                u64 *pos)
{
    struct mem_object *object = f->data;
    size_t done = 0;
    ssize_t r;

    if (*pos >= object->size)
        return 0;
    n = min(n, (size_t)(object->size - *pos));
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

static struct mem_object *object_file_object(struct file *f)
{
    return f->data;
}

static int object_file_stat(struct file *f, struct stat_k *st)
{
    const struct mem_object *object = f->data;

    st->st_mode = S_IFREG | 0555;
    st->st_size = (s64)object->size;
    st->st_blocks = (s64)(object->size + 511) / 512;
    st->st_blksize = PAGE_SIZE;
    st->st_ino = object->ino;
    return 0;
}

static void object_file_release(struct file *f)
{
    object_put(f->data);
}

static const struct file_operations object_file_ops = {
    .read = object_file_read,
    .object = object_file_object,
    .stat = object_file_stat,
    .release = object_file_release,
    .seekable = true,
};

struct file *object_file_create(struct mem_object *object)
{
    struct file *f =
        file_create(&object_file_ops, object, O_RDONLY, object->name);

    if (f)
        object_get(object);
    return f;
}
