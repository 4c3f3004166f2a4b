/* What the tests of memory objects behind descriptors share. */
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include "probe.h"

#define RW (PROT_READ | PROT_WRITE)

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x08u
#endif
#ifndef MFD_EXEC
#define MFD_EXEC 0x10u
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x10
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x20
#endif
#ifndef FALLOC_FL_KEEP_SIZE
#define FALLOC_FL_KEEP_SIZE 1
#endif
#ifndef FALLOC_FL_PUNCH_HOLE
#define FALLOC_FL_PUNCH_HOLE 2
#endif
#define PUNCH (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)

/* The raw call: the C library need not know the flags. */
static inline int memfd(const char *name, unsigned flags)
{
    return syscall(SYS_memfd_create, name, flags);
}

/* A new object of SIZE bytes that can be sealed; never fails. */
static inline int object_of(off_t size)
{
    int fd = memfd("test", MFD_ALLOW_SEALING);

    must(fd >= 0 && ftruncate(fd, size) == 0);
    return fd;
}

/* A mapping of COUNT pages from page FIRST on; never fails. */
static inline char *map_object(int fd, size_t count, int prot, int flags,
                               size_t first)
{
    char *p = mmap(NULL, count * PAGE, prot, flags, fd, first * PAGE);

    must(p != MAP_FAILED);
    return p;
}

static inline struct stat stat_of(int fd)
{
    struct stat st;

    must(fstat(fd, &st) == 0);
    return st;
}

static inline off_t size_of(int fd)
{
    return stat_of(fd).st_size;
}

/* Pages the object has. */
static inline long pages_of(int fd)
{
    return stat_of(fd).st_blocks * 512 / PAGE;
}
