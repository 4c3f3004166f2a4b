/*
 * errc(3), which the example of userfaultfd(2) calls: err(3) with the error
 * number as an argument. BSD's C libraries and libbsd have it; glibc and musl
 * do not, so the unmodified example needs it from here to link.
 */
#include <err.h>
#include <errno.h>
#include <stdarg.h>

void errc(int status, int code, const char *format, ...)
{
    va_list args;

    errno = code;
    va_start(args, format);
    verr(status, format, args);
}
