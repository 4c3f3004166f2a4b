/* mmap(2) and its family: descriptors and registers become mm/ calls. */
#include <arch/uaccess.h>
#include <kernel/file.h>
#include <kernel/sys_mm.h>
#include <kernel/thread.h>
#include <uapi/faultline/mman.h>

/* There are no huge pages; but wrong places for them are found first. */
static long refuse_huge(u64 addr, u64 flags, u64 offset, u64 size)
{
    if (!(flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)))
        addr = 0;
    return IS_ALIGNED(addr | offset, size) ? -ENOMEM : -EINVAL;
}

static long mmap_object(struct file *f, u64 addr, u64 len, u64 prot, u64 flags,
                        u64 pgoff)
{
    struct mem_object *object = file_object(f);

    if (!object)
        return -ENODEV;
    if (object->huge_shift)
        return refuse_huge(addr, flags, pgoff << PAGE_SHIFT,
                           1ull << object->huge_shift);
    if ((f->flags & O_ACCMODE) == O_WRONLY && len)
        return -EACCES; /* a mapping reads */
    if (flags & MAP_SHARED)
        return do_mmap_shared(current->mm, addr, len, prot, flags, object,
                              pgoff, (f->flags & O_ACCMODE) == O_RDWR);
    return do_mmap(current->mm, addr, len, prot, flags, object, pgoff, false);
}

/* A mapping of what descriptor fd names. Apart, so that anonymous mappings do
 * not pay for it. */
static __noinline long mmap_file(u64 addr, u64 len, u64 prot, u64 flags, int fd,
                                 u64 pgoff)
{
    struct file *f = fd_get(fd);
    long r;

    if (!f)
        return -EBADF;
    r = mmap_object(f, addr, len, prot, flags, pgoff);
    file_put(f);
    return r;
}

/* Huge pages by flag: there are sizes, but none of them is set aside. */
static __noinline long mmap_huge(u64 len, u64 flags, int fd)
{
    unsigned shift = flags >> MAP_HUGE_SHIFT & 63;

    if (!(flags & MAP_ANONYMOUS)) {
        struct file *f = fd_get(fd);
        struct mem_object *object = f ? file_object(f) : NULL;
        long r = object && object->huge_shift ? -ENOMEM : -EINVAL;

        if (f)
            file_put(f);
        return f ? r : -EBADF;
    }
    if (!shift)
        shift = 21;
    if ((shift != 21 && shift != 30) || !ALIGN_UP(len, 1ull << shift))
        return -EINVAL;
    return -ENOMEM;
}

long sys_mmap(u64 addr, u64 len, u64 prot, u64 flags, int fd, u64 offset)
{
    if (!IS_ALIGNED(offset, PAGE_SIZE))
        return -EINVAL;
    if (unlikely(flags & MAP_HUGETLB))
        return mmap_huge(len, flags, fd);
    if (flags & MAP_ANONYMOUS)
        return do_mmap(current->mm, addr, len, prot, flags, NULL,
                       offset >> PAGE_SHIFT, true);
    return mmap_file(addr, len, prot, flags, fd, offset >> PAGE_SHIFT);
}

long sys_munmap(u64 addr, u64 len)
{
    return do_munmap(current->mm, addr, len);
}

long sys_mremap(u64 addr, u64 old_len, u64 new_len, u64 flags, u64 new_addr)
{
    return do_mremap(current->mm, addr, old_len, new_len, flags, new_addr);
}

long sys_mprotect(u64 addr, u64 len, u64 prot)
{
    return do_mprotect(current->mm, addr, len, prot);
}

long sys_mlock(u64 addr, u64 len)
{
    return do_mlock(current->mm, addr, len, 0);
}

long sys_mlock2(u64 addr, u64 len, int flags)
{
    return do_mlock(current->mm, addr, len, (u32)flags);
}

long sys_munlock(u64 addr, u64 len)
{
    return do_munlock(current->mm, addr, len);
}

long sys_mlockall(int flags)
{
    return do_mlockall(current->mm, (u32)flags);
}

long sys_munlockall(void)
{
    return do_munlockall(current->mm);
}

long sys_mseal(u64 addr, u64 len, u64 flags)
{
    return do_mseal(current->mm, addr, len, flags);
}

long sys_mincore(u64 addr, u64 len, u8 __user *vec)
{
    u64 pages = ALIGN_UP(len, PAGE_SIZE) >> PAGE_SHIFT;
    u8 bytes[256];

    if (!IS_ALIGNED(addr, PAGE_SIZE))
        return -EINVAL;
    if (!access_ok((void __user *)addr, len))
        return -ENOMEM;
    if (!access_ok(vec, pages))
        return -EFAULT;
    while (pages) {
        u64 want = min(pages, sizeof(bytes));
        u64 got = do_mincore(current->mm, addr, want, bytes);

        if (got && copy_to_user(vec, bytes, got))
            return -EFAULT;
        if (got < want)
            return -ENOMEM;
        addr += got << PAGE_SHIFT;
        vec += got;
        pages -= got;
    }
    return 0;
}

long sys_brk(u64 brk)
{
    return do_brk(current->mm, brk);
}

long sys_msync(u64 addr, u64 len, int flags)
{
    return do_msync(current->mm, addr, len, (u32)flags);
}

long sys_remap_file_pages(u64 addr, u64 size, u64 prot, u64 pgoff, u64 flags)
{
    return do_remap_file_pages(current->mm, addr, size, prot, pgoff, flags);
}

long sys_madvise(u64 addr, u64 len, int advice)
{
    return do_madvise(current->mm, addr, len, advice);
}
