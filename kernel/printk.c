/*
 * Formatted messages: to the console and to the log ring, which GDB and a
 * quiet run's panic can still read. No locks: a line goes out whole from a
 * buffer on the stack, and a panic must never wait for anybody.
 */
#include <base/printk.h>
#include <base/string.h>
#include <kernel/console.h>

#define LINE_MAX 512
#define LOG_SIZE 16384 /* a power of two */

char log_ring[LOG_SIZE];
u64 log_end; /* bytes ever written; the ring holds the last LOG_SIZE */

struct out {
    char *buf;
    size_t size, len; /* len counts what did not fit, too */
};

struct spec {
    unsigned width;
    char pad;
    unsigned longs; /* l's, or z */
};

static void put(struct out *o, char c)
{
    if (o->len + 1 < o->size)
        o->buf[o->len] = c;
    o->len++;
}

static void put_padded(struct out *o, const char *s, size_t n,
                       const struct spec *spec)
{
    size_t i;

    for (i = n; i < spec->width; i++)
        put(o, spec->pad);
    for (i = 0; i < n; i++)
        put(o, s[i]);
}

static void put_number(struct out *o, u64 v, unsigned base, bool negative,
                       struct spec *spec)
{
    char digits[24];
    size_t at = sizeof(digits);

    do {
        digits[--at] = "0123456789abcdef"[v % base];
        v /= base;
    } while (v);
    if (negative && spec->pad == '0') { /* the sign stands before the zeros */
        put(o, '-');
        spec->width -= spec->width > 0;
    } else if (negative) {
        digits[--at] = '-';
    }
    put_padded(o, digits + at, sizeof(digits) - at, spec);
}

static const char *parse_spec(const char *f, struct spec *spec)
{
    *spec = (struct spec){.pad = ' '};
    if (*f == '0')
        spec->pad = *f++;
    while (*f >= '0' && *f <= '9')
        spec->width = spec->width * 10 + (unsigned)(*f++ - '0');
    for (; *f == 'l' || *f == 'z'; f++)
        spec->longs++;
    return f;
}

static void put_signed(struct out *o, s64 v, struct spec *spec)
{
    put_number(o, v < 0 ? -(u64)v : (u64)v, 10, v < 0, spec);
}

/* Needs the address of a va_list; as a parameter it would be a pointer. */
struct args {
    va_list ap;
};

static void put_argument(struct out *o, char conversion, struct spec *spec,
                         struct args *a)
{
    const char *s;
    char c;

    switch (conversion) {
    case 'd':
    case 'i':
        put_signed(o, spec->longs ? va_arg(a->ap, long) : va_arg(a->ap, int),
                   spec);
        break;
    case 'p':
        put(o, '0');
        put(o, 'x');
        spec->longs = 1; /* fall through */
    case 'x':
    case 'u':
    case 'o':
        put_number(o,
                   spec->longs ? va_arg(a->ap, unsigned long)
                               : va_arg(a->ap, unsigned),
                   conversion == 'u'   ? 10
                   : conversion == 'o' ? 8
                                       : 16,
                   false, spec);
        break;
    case 's':
        s = va_arg(a->ap, const char *);
        s = s ? s : "(null)";
        put_padded(o, s, strlen(s), spec);
        break;
    case 'c':
        c = (char)va_arg(a->ap, int);
        put_padded(o, &c, 1, spec);
        break;
    default:
        put(o, conversion); /* %%, and anything we do not know */
    }
}

int vsnprintk(char *buf, size_t size, const char *fmt, va_list ap)
{
    struct out o = {buf, size, 0};
    struct spec spec;
    struct args a;

    va_copy(a.ap, ap);
    for (; *fmt; fmt++) {
        if (*fmt != '%') {
            put(&o, *fmt);
            continue;
        }
        fmt = parse_spec(fmt + 1, &spec);
        if (!*fmt)
            break;
        put_argument(&o, *fmt, &spec, &a);
    }
    va_end(a.ap);
    if (size)
        buf[min(o.len, size - 1)] = '\0';
    return (int)o.len;
}

int snprintk(char *buf, size_t size, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintk(buf, size, fmt, ap);
    va_end(ap);
    return n;
}

static void log_write(const char *s, size_t n)
{
    u64 at = __atomic_fetch_add(&log_end, n, __ATOMIC_RELAXED);

    for (; n; n--)
        log_ring[at++ % LOG_SIZE] = *s++;
}

void printk(const char *fmt, ...)
{
    char line[LINE_MAX];
    va_list ap;
    size_t n;

    va_start(ap, fmt);
    n = (size_t)vsnprintk(line, sizeof(line), fmt, ap);
    va_end(ap);
    n = min(n, sizeof(line) - 1);
    log_write(line, n);
    console_write(line, n);
}
