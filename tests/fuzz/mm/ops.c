/* The one list of the operations there are. */
#include "mmfuzz.h"
#include "ops.h"

#define CALL(name, argc, weight)                                               \
    {                                                                          \
#name, argc, weight, THEME_ANY, draw_##name, run_##name                \
    }
#define UFFD(name, argc, weight)                                               \
    {                                                                          \
#name, argc, weight, THEME_UFFD, draw_##name, run_##name               \
    }
#define MORE(name, argc, weight)                                               \
    {                                                                          \
#name, argc, weight, THEME_PAGERS, draw_##name, run_##name             \
    }

const struct call calls[] = {
    CALL(mmap, 6, 24),
    CALL(munmap, 2, 7),
    CALL(mprotect, 3, 12),
    CALL(mremap, 5, 10),
    CALL(remap_file_pages, 5, 1),
    CALL(brk, 1, 2),
    CALL(madvise, 3, 16),
    CALL(mincore, 2, 3),
    CALL(msync, 3, 2),
    CALL(mlock, 2, 2),
    CALL(mlock2, 3, 2),
    CALL(munlock, 2, 3),
    CALL(mlockall, 1, 1),
    CALL(munlockall, 0, 1),
    CALL(mseal, 3, 1),
    CALL(memfd, 2, 1),
    CALL(ftruncate, 2, 4),
    CALL(fallocate, 4, 4),
    CALL(pread, 4, 3),
    CALL(pwrite, 4, 5),
    CALL(lseek, 3, 1),
    CALL(fstat, 1, 1),
    CALL(seal, 2, 1),
    CALL(read, 1, 12),
    CALL(write, 2, 30),
    CALL(call, 1, 2),
    CALL(look, 0, 4),
    CALL(fork, 1, 3),
    CALL(vmreadv, 4, 2),
    CALL(vmwritev, 4, 2),
    CALL(process_madvise, 6, 2),
    CALL(pkey_alloc, 2, 2),
    CALL(pkey_free, 1, 1),
    CALL(pkey_mprotect, 4, 3),
    CALL(pkru, 1, 2),
    CALL(rlimit, 2, 2),
    CALL(status, 0, 3),
    UFFD(uffd, 3, 4),
    UFFD(uffdclose, 1, 2),
    UFFD(uffdreg, 4, 16),
    UFFD(uffdunreg, 3, 4),
    UFFD(uffdwake, 3, 1),
    UFFD(uffdcopy, 5, 12),
    UFFD(uffdzero, 4, 6),
    UFFD(uffdwp, 4, 12),
    UFFD(uffdcont, 4, 5),
    UFFD(uffdpoison, 4, 4),
    UFFD(uffdmove, 5, 8),
    MORE(pagemap, 0, 3),
    MORE(scan, 6, 8),
    MORE(clearrefs, 1, 2),
    MORE(uffdinfo, 1, 1),
    MORE(uffdserver, 1, 2),
    {0},
};
