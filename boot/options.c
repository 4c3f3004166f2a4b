/*
 * The command line: kernel options separated by spaces, then "--", then what
 * belongs to init. Relies on boot_info.cmdline being terminated.
 */
#include <base/errno.h>
#include <base/string.h>
#include <kernel/boot_info.h>

struct boot_info boot_info;

/* The next word at or after s, its length in *n; NULL at the end or "--". */
static const char *next_word(const char *s, size_t *n)
{
    while (*s == ' ')
        s++;
    for (*n = 0; s[*n] && s[*n] != ' ';)
        ++*n;
    if (!*n || (*n == 2 && s[0] == '-' && s[1] == '-'))
        return NULL;
    return s;
}

/* At most size - 1 bytes, terminated; returns how many. */
static int copy_word(char *buf, size_t size, const char *w, size_t n)
{
    n = min(n, size - 1);
    memcpy(buf, w, n);
    buf[n] = '\0';
    return (int)n;
}

bool boot_option(const char *name)
{
    size_t len = strlen(name), n;
    const char *w = boot_info.cmdline;

    for (; (w = next_word(w, &n)); w += n)
        if (n == len && !strncmp(w, name, n))
            return true;
    return false;
}

int boot_option_value(const char *name, char *buf, size_t size)
{
    size_t len = strlen(name), n;
    const char *w = boot_info.cmdline;

    for (; (w = next_word(w, &n)); w += n)
        if (n > len && w[len] == '=' && !strncmp(w, name, len))
            return copy_word(buf, size, w + len + 1, n - len - 1);
    return -ENOENT;
}

const char *boot_init_args(void)
{
    const char *w = boot_info.cmdline, *end = w;
    size_t n;

    while ((w = next_word(w, &n)))
        end = w += n;
    while (*end == ' ')
        end++;
    if (!*end) /* all were options */
        return "";
    end += 2;
    while (*end == ' ')
        end++;
    return end;
}
