/*
 * Operations on protection keys, limits, and this task's own memory by way of
 * its pidfd.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "mmfuzz.h"
#include "ops.h"

#define KEYS 4 /* that the operations speak of */

static int have_keys(void)
{
    static int have = -1;
    unsigned a, b, c = 0, d;

    if (have < 0)
        have = __get_cpuid_count(7, 0, &a, &b, &c, &d) && c & 1u << 4;
    return have;
}

unsigned keys_rights(void)
{
    unsigned value = 0, high;

    if (have_keys())
        asm volatile("rdpkru" : "=a"(value), "=d"(high) : "c"(0));
    return value;
}

void keys_set_rights(unsigned value)
{
    /* The emulated CPU forgets its TLB at each of these. */
    if (have_keys() && value != keys_rights())
        asm volatile("wrpkru" ::"a"(value), "c"(0), "d"(0) : "memory");
}

void draw_pkey_alloc(long *args)
{
    args[0] = draw_below(16) ? 0 : 1;
    args[1] = draw_below(16) ? draw_below(3) : draw_below(8);
}

long run_pkey_alloc(const long *args)
{
    return SYS(pkey_alloc, args[0], args[1]);
}

static long draw_key(void)
{
    static const long odd[] = {-1, -1, 0, 15, 16, -2};

    return draw_below(4) ? 1 + (long)draw_below(KEYS) : odd[draw_below(6)];
}

/* Not 0: who had that again, without the right to write, would be stuck. */
void draw_pkey_free(long *args)
{
    args[0] = draw_key();
    args[0] += !args[0];
}

long run_pkey_free(const long *args)
{
    return SYS(pkey_free, args[0]);
}

void draw_pkey_mprotect(long *args)
{
    draw_mprotect(args);
    args[3] = draw_key();
}

long run_pkey_mprotect(const long *args)
{
    return SYS(pkey_mprotect, at(args[0]), args[1], args[2], args[3]);
}

void draw_pkru(long *args)
{
    args[0] = draw_below(1u << 2 * (KEYS + 1)) & -4;
}

long run_pkru(const long *args)
{
    keys_set_rights((keys_rights() & -(1u << 2 * (KEYS + 1))) | args[0]);
    return keys_rights();
}

/* A row of /proc/self/status, in bytes; -1: there is none. */
static long status_row(const char *name)
{
    static char text[4096];
    long fd = SYS(open, "/proc/self/status", O_RDONLY), size;
    const char *row;

    size = SYS(read, fd, text, sizeof(text) - 1);
    SYS(close, fd);
    if (size <= 0)
        return -1;
    text[size] = 0;
    row = strstr(text, name);
    return row ? strtol(row + strlen(name), NULL, 10) << 10 : -1;
}

static long first_size;

void limits_begin(void)
{
    first_size = status_row("VmSize:");
}

void draw_status(long *args)
{
    (void)args;
}

/* Sizes: but the whole's only against what it was, for a kernel has pages of
 * its own there. */
long run_status(const long *args)
{
    (void)args;
    log_text(" lock %#lx data %#lx", status_row("VmLck:"),
             status_row("VmData:"));
    return status_row("VmSize:") - first_size;
}

/* AS and DATA: so many pages more than there are now; -1: all. */
void draw_rlimit(long *args)
{
    static const long kinds[] = {RLIMIT_AS,   RLIMIT_AS,    RLIMIT_DATA,
                                 RLIMIT_DATA, RLIMIT_STACK, RLIMIT_MEMLOCK};

    args[0] = kinds[draw_below(sizeof(kinds) / sizeof(kinds[0]))];
    args[1] = draw_below(4) ? (long)draw_below(ARENA_PAGES) : -1;
}

long run_rlimit(const long *args)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    long now = args[0] == RLIMIT_AS     ? status_row("VmSize:")
               : args[0] == RLIMIT_DATA ? status_row("VmData:")
                                        : 0;

    if (args[1] >= 0)
        limit.rlim_cur = now + args[1] * PAGE;
    return SYS(prlimit64, 0, args[0], &limit, NULL);
}

/* This task, or what is none. */
void draw_process_madvise(long *args)
{
    static const long advice[] = {MADV_WILLNEED, MADV_WILLNEED, 20, 25};

    draw_mlock(args);
    draw_mlock(args + 2);
    args[4] = draw_below(8) ? advice[draw_below(4)] : (long)draw_below(20);
    args[5] = draw_below(16) ? 0 : 1;
}

long run_process_madvise(const long *args)
{
    struct iovec ranges[2] = {{at(args[0]), args[1]}, {at(args[2]), args[3]}};
    long pid = SYS(getpid), fd = SYS(pidfd_open, pid, 0), result;

    if (is_error(fd))
        return fd;
    result = SYS(process_madvise, fd, ranges, 2, args[4], args[5]);
    SYS(close, fd);
    return result;
}
