/*
 * Names and small helpers for the tests of the mmap family: constants that the
 * C library may lack, mappings at places of one's own, marked pages. To be
 * included first.
 */
#ifndef TESTS_GUEST_MM_UTIL_H
#define TESTS_GUEST_MM_UTIL_H

#define _GNU_SOURCE
#include "probe.h"

#define RW   (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
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

#endif
