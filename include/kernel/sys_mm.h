/* The memory calls: decoding of registers and descriptors for mm/. */
#pragma once

#include <kernel/iov.h>

/* mmap(2): EBADF, EINVAL (offset), ENODEV, EACCES, and do_mmap()'s. */
long sys_mmap(u64 addr, u64 len, u64 prot, u64 flags, int fd, u64 offset);
long sys_munmap(u64 addr, u64 len);             /* munmap(2) */
long sys_mprotect(u64 addr, u64 len, u64 prot); /* mprotect(2) */
/* mremap(2): EINVAL, EFAULT, ENOMEM, EAGAIN, EPERM (sealed). */
long sys_mremap(u64 addr, u64 old_len, u64 new_len, u64 flags, u64 new_addr);
long sys_brk(u64 brk);                           /* brk(2): the new end */
long sys_madvise(u64 addr, u64 len, int advice); /* madvise(2) */

/* msync(2): EINVAL, ENOMEM (a hole), EBUSY (locked). */
long sys_msync(u64 addr, u64 len, int flags);
/* remap_file_pages(2): EINVAL, and mmap's. */
long sys_remap_file_pages(u64 addr, u64 size, u64 prot, u64 pgoff, u64 flags);

/* pkey_alloc(2): EINVAL, ENOSPC. pkey_free(2): EINVAL. pkey_mprotect(2): as
 * mprotect(2), EINVAL (no such key). */
long sys_pkey_alloc(u64 flags, u64 rights);
long sys_pkey_free(int key);
long sys_pkey_mprotect(u64 addr, u64 len, u64 prot, int key);

/* mlock(2): ENOMEM (hole, no right, areas), EAGAIN (pages), EINVAL (wraps,
 * flags). */
long sys_mlock(u64 addr, u64 len);
long sys_mlock2(u64 addr, u64 len, int flags);
long sys_munlock(u64 addr, u64 len);
long sys_mlockall(int flags);
long sys_munlockall(void);

/* mseal(2): EINVAL, ENOMEM (a hole, areas). */
long sys_mseal(u64 addr, u64 len, u64 flags);

/* process_vm_readv(2): the bytes moved, or EINVAL, EFAULT, ESRCH, ENOMEM. */
long sys_process_vm_readv(int pid, const struct iovec_k __user *ours,
                          u64 our_count, const struct iovec_k __user *theirs,
                          u64 their_count, u64 flags);
long sys_process_vm_writev(int pid, const struct iovec_k __user *ours,
                           u64 our_count, const struct iovec_k __user *theirs,
                           u64 their_count, u64 flags);

/* process_madvise(2): the bytes advised, or EBADF, ESRCH, EINVAL, ... */
long sys_process_madvise(int fd, const struct iovec_k __user *ranges, u64 count,
                         int advice, u32 flags);

/* process_mrelease(2): EBADF, EINVAL (flags; not dying), ESRCH (no memory). */
long sys_process_mrelease(int fd, u32 flags);

/* mincore(2): EINVAL, ENOMEM (a hole), EFAULT. */
long sys_mincore(u64 addr, u64 len, u8 __user *vec);

/* userfaultfd(2): EINVAL (flags), EMFILE, ENOMEM. */
long sys_userfaultfd(int flags);
