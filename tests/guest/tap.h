/*
 * Test Anything Protocol for guest tests: `ok N - what` per check and the
 * plan at the end, so a program that dies half-way has no plan and fails.
 * Each line is one write(2): nothing is left in a buffer to be printed twice
 * after a fork. Only the process that prints the plan may call ok().
 */
#pragma once

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096UL

static int tap_count;
static int tap_failed;

static inline void tap_line(const char *prefix, const char *format,
                            va_list args)
{
    char line[256];
    size_t used = snprintf(line, sizeof(line), "%s", prefix);

    vsnprintf(line + used, sizeof(line) - used - 1, format, args);
    strcat(line, "\n");
    if (write(STDOUT_FILENO, line, strlen(line)) < 0)
        _exit(99);
}

/* A line for the human reader. */
__attribute__((format(printf, 1, 2))) static inline void diag(
    const char *format, ...)
{
    va_list args;

    va_start(args, format);
    tap_line("# ", format, args);
    va_end(args);
}

/* One check; returns whether it holds. */
__attribute__((format(printf, 2, 3))) static inline int ok(int holds,
                                                           const char *format,
                                                           ...)
{
    char prefix[32];
    va_list args;

    snprintf(prefix, sizeof(prefix), "%sok %d - ", holds ? "" : "not ",
             ++tap_count);
    tap_failed += !holds;
    va_start(args, format);
    tap_line(prefix, format, args);
    va_end(args);
    return holds;
}

/* Checks that GOT equals WANT and shows both if not. */
#define is(got, want, ...)                                                     \
    do {                                                                       \
        long is_got = (long)(got);                                             \
        long is_want = (long)(want);                                           \
        if (!ok(is_got == is_want, __VA_ARGS__))                               \
            diag("line %d: got %ld (%#lx), want %ld (%#lx)", __LINE__, is_got, \
                 is_got, is_want, is_want);                                    \
    } while (0)

/* Checks that CALL returns -1 with the errno WANT. */
#define fails(call, want, ...)                                                 \
    do {                                                                       \
        long fails_got;                                                        \
        errno = 0;                                                             \
        fails_got = (long)(call);                                              \
        if (!ok(fails_got == -1 && errno == (want), __VA_ARGS__))              \
            diag("line %d: returned %ld, errno %d (%s), want %d (%s)",         \
                 __LINE__, fails_got, errno, strerror(errno), (want), #want);  \
    } while (0)

/* Checks that CALL returns 0. */
#define works(call, ...)                                                       \
    do {                                                                       \
        long works_got;                                                        \
        errno = 0;                                                             \
        works_got = (long)(call);                                              \
        if (!ok(works_got == 0, __VA_ARGS__))                                  \
            diag("line %d: returned %ld, errno %d (%s)", __LINE__, works_got,  \
                 errno, strerror(errno));                                      \
    } while (0)

/* A step without which the rest makes no sense. */
#define must(holds)                                                            \
    do {                                                                       \
        if (!(holds)) {                                                        \
            diag("line %d: %s: %s", __LINE__, #holds, strerror(errno));        \
            tap_bail();                                                        \
        }                                                                      \
    } while (0)

static inline void tap_bail(void)
{
    static const char text[] = "Bail out!\n";

    if (write(STDOUT_FILENO, text, sizeof(text) - 1) < 0)
        _exit(99);
    _exit(98);
}

/* Prints the plan; returns the program's exit status. */
static inline int done_testing(void)
{
    char line[32];

    snprintf(line, sizeof(line), "1..%d\n", tap_count);
    if (write(STDOUT_FILENO, line, strlen(line)) < 0)
        return 99;
    return tap_failed ? 1 : 0;
}
