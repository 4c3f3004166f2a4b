/* What each operation draws and does, for the table in ops.c. */
#pragma once

#define OPERATION(name)                                                        \
    void draw_##name(long *args);                                              \
    long run_##name(const long *args)

/* ops_map.c */
OPERATION(mmap);
OPERATION(munmap);
OPERATION(mprotect);
OPERATION(mremap);
OPERATION(remap_file_pages);
OPERATION(brk);

/* ops_advice.c */
OPERATION(madvise);
OPERATION(mincore);
OPERATION(msync);
OPERATION(mlock);
OPERATION(mlock2);
OPERATION(munlock);
OPERATION(mlockall);
OPERATION(munlockall);
OPERATION(mseal);

/* ops_object.c */
OPERATION(memfd);
OPERATION(ftruncate);
OPERATION(fallocate);
OPERATION(pread);
OPERATION(pwrite);
OPERATION(lseek);
OPERATION(fstat);
OPERATION(seal);
void objects_begin(void);

/* ops_touch.c */
OPERATION(read);
OPERATION(write);
OPERATION(call);
OPERATION(look);
OPERATION(fork);
OPERATION(vmreadv);
OPERATION(vmwritev);

/* ops_keys.c */
OPERATION(process_madvise);
OPERATION(pkey_alloc);
OPERATION(pkey_free);
OPERATION(pkey_mprotect);
OPERATION(pkru);
OPERATION(rlimit);
OPERATION(status);
void limits_begin(void);

/* ops_uffd.c */
OPERATION(uffd);
OPERATION(uffdclose);
OPERATION(uffdreg);
OPERATION(uffdunreg);
OPERATION(uffdwake);
OPERATION(uffdcopy);
OPERATION(uffdzero);
OPERATION(uffdwp);
OPERATION(uffdcont);
OPERATION(uffdpoison);
OPERATION(uffdmove);

/* ops_pagers.c */
OPERATION(pagemap);
OPERATION(scan);
OPERATION(clearrefs);
OPERATION(uffdinfo);
OPERATION(uffdserver);
