/*
 * Names and small helpers for the tests of the mmap family: constants that the
 * C library may lack, mappings at places of one's own, marked pages. To be
 * included first.
 */
#pragma once

#define _GNU_SOURCE
#include "probe.h"

#define RW   (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif
#ifndef SYS_mseal
#define SYS_mseal 462
#endif

static inline char *remap(const void *old, size_t old_size, size_t size,
                          int flags, const void *place)
{
    return (char *)syscall(SYS_mremap, old, old_size, size, flags, place);
}

/* COUNT free pages in a row, the page on either side free as well. */
static inline char *hole(size_t count)
{
    char *at = map_pages(count + 2);

    must(!munmap(at, (count + 2) * PAGE));
    return at + PAGE;
}

/* COUNT anonymous pages at AT, whatever is there. */
static inline char *map_at(char *at, size_t count, int prot)
{
    must(mmap(at, count * PAGE, prot, ANON | MAP_FIXED, -1, 0) == at);
    return at;
}

/* Whether the COUNT pages at AT lie in one area: mremap(2) wants that before it
 * looks for room. */
static inline int one_area(const void *at, size_t count)
{
    char *got;

    errno = 0;
    got = remap(at, count * PAGE, (count + 1) * PAGE, 0, 0);
    if (got != MAP_FAILED)
        must(!munmap(got + count * PAGE, PAGE));
    return got != MAP_FAILED || errno == ENOMEM;
}

/* Page I of COUNT gets the byte FIRST + I everywhere. */
static inline void fill(char *at, size_t count, int first)
{
    for (size_t i = 0; i < count; i++)
        memset(at + i * PAGE, first + (int)i, PAGE);
}

static inline int filled(const char *at, size_t count, int first)
{
    for (size_t i = 0; i < count; i++)
        if (!all_bytes(at + i * PAGE, first + (int)i, PAGE))
            return 0;
    return 1;
}

/* How many of the pages, at most 16, are in memory. */
static inline int resident(void *at, size_t count)
{
    unsigned char vec[16];
    int n = 0;

    must(!mincore(at, count * PAGE, vec));
    for (size_t i = 0; i < count; i++)
        n += vec[i] & 1;
    return n;
}
