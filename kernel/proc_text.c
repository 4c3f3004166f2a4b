/*
 * Files of text: reading what an entry shows, storing numbers written. Reading
 * is without state but a hint: a file remembers at which record its last read
 * ended, so that reading on is cheap; from anywhere else the text is made
 * again from its start. So nothing is locked while bytes are copied to user
 * memory.
 */
#include <arch/uaccess.h>
#include <kernel/procfs.h>
#include <mm/slab.h>

#define NUMBER_SIZE 16

/* A page of text from *cursor on. Returns 0 or -errno. */
static int show_page(const struct proc_file *p, struct seq *s, u64 *cursor)
{
    const struct proc_entry *entry = p->entry;

    s->len = 0;
    if (entry->show)
        return entry->show(p, s, cursor);
    if (!*cursor)
        seq_printf(s, "%lu\n", READ_ONCE(*entry->setting));
    *cursor = 1;
    return 0;
}

/* Where to begin for a read at position: where the last one ended, or at the
 * start. */
static void place_find(struct proc_file *p, u64 position, u64 *at, u64 *cursor,
                       size_t *skip)
{
    *at = *cursor = *skip = 0;
    spin_lock(&p->lock);
    if (p->position == position) {
        *at = position - p->skip;
        *cursor = p->cursor;
        *skip = p->skip;
    }
    spin_unlock(&p->lock);
}

static void place_note(struct proc_file *p, u64 position, u64 cursor,
                       size_t skip)
{
    spin_lock(&p->lock);
    p->position = position;
    p->cursor = cursor;
    p->skip = skip;
    spin_unlock(&p->lock);
}

/* Reads what lies at *pos through the page s. */
static ssize_t read_through(struct proc_file *p, struct seq *s,
                            void __user *buf, size_t n, u64 *pos)
{
    u64 at, cursor, next;
    size_t skip, left;
    int r;

    place_find(p, *pos, &at, &next, &skip);
    do { /* the page that begins at `at`, until it holds *pos */
        at += s->len;
        cursor = next;
        r = show_page(p, s, &next);
        if (r || !s->len)
            return r;
    } while (*pos - at >= s->len);
    skip = *pos - at;
    n = min(n, s->len - skip);
    left = copy_to_user_partial(buf, s->buf + skip, n);
    if (left == n)
        return -EFAULT;
    n -= left;
    *pos += n;
    skip += n;
    if (skip < s->len)
        place_note(p, *pos, cursor, skip);
    else
        place_note(p, *pos, next, 0);
    return (ssize_t)n;
}

static ssize_t proc_read(struct file *f, void __user *buf, size_t n, u64 *pos)
{
    struct proc_file *p = f->data;
    struct seq s = {.size = PAGE_SIZE};
    ssize_t r;

    if (!p->entry->show && !p->entry->setting)
        return -EINVAL;
    if (!n)
        return 0;
    s.buf = kmalloc(s.size);
    if (!s.buf)
        return -ENOMEM;
    r = read_through(p, &s, buf, n, pos);
    kfree(s.buf);
    return r;
}

/* ---- numbers written ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || !c;
}

/* A decimal number with blanks around it. Returns 0 or -EINVAL. */
static int parse_number(const char *s, s64 *value)
{
    bool negative;
    u64 n = 0;

    while (*s && is_blank(*s))
        s++;
    negative = *s == '-';
    s += negative || *s == '+';
    if (*s < '0' || *s > '9')
        return -EINVAL;
    for (; *s >= '0' && *s <= '9'; s++)
        n = n * 10 + (u64)(*s - '0');
    *value = negative ? -(s64)n : (s64)n;
    while (*s && is_blank(*s))
        s++;
    return *s ? -EINVAL : 0;
}

static ssize_t proc_write(struct file *f, const void __user *buf, size_t n,
                          u64 *pos __maybe_unused)
{
    const struct proc_file *p = f->data;
    char text[NUMBER_SIZE] = "";
    s64 value;
    int r;

    if (!p->entry->store)
        return -EINVAL;
    if (copy_from_user(text, buf, min(n, sizeof(text) - 1)))
        return -EFAULT;
    r = parse_number(text, &value);
    if (!r)
        r = p->entry->store(p, value);
    return r ? r : (ssize_t)n;
}

static long proc_ioctl(struct file *f, unsigned cmd, u64 arg)
{
    const struct proc_file *p = f->data;

    return p->entry->ioctl ? p->entry->ioctl(p, cmd, arg) : -ENOTTY;
}

const struct file_operations proc_text_ops = {
    .read = proc_read,
    .write = proc_write,
    .ioctl = proc_ioctl,
    .stat = proc_stat,
    .release = proc_release,
    .seekable = true,
};
