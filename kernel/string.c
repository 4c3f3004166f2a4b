/* Memory and string functions over the string instructions. */
#include <arch/string.h>
#include <base/string.h>

/* Or the compiler makes strlen() of the loop in strlen(). */
#pragma GCC optimize("no-tree-loop-distribute-patterns")

static void copy_up(void *dst, const void *src, size_t n)
{
    rep_movsq(&dst, &src, n / 8);
    rep_movsb(&dst, &src, n % 8);
}

void *memcpy(void *dst, const void *src, size_t n)
{
    copy_up(dst, src, n);
    return dst;
}

void *memmove(void *dst, const void *src, size_t n)
{
    if ((size_t)((char *)dst - (const char *)src) >= n)
        copy_up(dst, src, n); /* dst below src, or no overlap */
    else
        rep_movsb_down((char *)dst + n - 1, (const char *)src + n - 1, n);
    return dst;
}

void *memset(void *dst, int c, size_t n)
{
    void *p = dst;

    rep_stosq(&p, (u8)c * 0x0101010101010101ul, n / 8);
    rep_stosb(&p, (u8)c, n % 8);
    return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const u8 *p = a, *q = b;

    for (; n; n--, p++, q++)
        if (*p != *q)
            return *p - *q;
    return 0;
}

size_t strlen(const char *s)
{
    size_t n = 0;

    while (s[n])
        n++;
    return n;
}

int strcmp(const char *a, const char *b)
{
    for (; *a && *a == *b; a++, b++)
        ;
    return (u8)*a - (u8)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
    for (; n && *a && *a == *b; a++, b++, n--)
        ;
    return n ? (u8)*a - (u8)*b : 0;
}

char *strchr(const char *s, int c)
{
    for (; *s != (char)c; s++)
        if (!*s)
            return NULL;
    return (char *)s;
}

size_t str_copy(char *dst, const char *src, size_t size)
{
    size_t n = 0;

    for (; n + 1 < size && src[n]; n++)
        dst[n] = src[n];
    dst[n] = '\0';
    return n;
}
