/*
 * The ways our programs give up: one line on the standard error and an exit
 * status. The line is written with one write(2), so that lines of several
 * tasks do not mix.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sys.h"

const char *program_name = "?";

static _Noreturn void put_and_exit(int status, const char *text,
                                   const char *reason)
{
    char line[768];

    snprintf(line, sizeof(line), "%s: %s%s%s\n", program_name, text,
             reason ? ": " : "", reason ? reason : "");
    /* Nothing is left to do if the console is gone as well. */
    if (write(STDERR_FILENO, line, strlen(line)) < 0)
        exit(status);
    exit(status);
}

_Noreturn void die(int status, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    put_and_exit(status, text, NULL);
}

_Noreturn void die_errno(int status, const char *format, ...)
{
    const char *reason = strerror(errno);
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    put_and_exit(status, text, reason);
}

void *map_or_die(unsigned long size, int flags, int fd)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);

    if (memory == MAP_FAILED)
        die_errno(2, "mmap of %lu bytes", size);
    return memory;
}
