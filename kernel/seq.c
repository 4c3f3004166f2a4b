/* Text into a buffer of fixed size. */
#include <base/printk.h>
#include <kernel/seq.h>

void seq_printf(struct seq *s, const char *fmt, ...)
{
    size_t at = min(s->len, s->size);
    va_list ap;

    va_start(ap, fmt);
    s->len += (size_t)vsnprintk(s->buf + at, s->size - at, fmt, ap);
    va_end(ap);
}

void seq_pad(struct seq *s, size_t from, size_t width)
{
    while (s->len - from < width)
        seq_printf(s, " ");
}
