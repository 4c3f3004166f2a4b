/*
 * PROCMAP_QUERY on a maps file, as in Linux since 6.11: what a line of maps
 * says of the area at an address, or of the next that fits, as a structure.
 * The structure begins with its size; later fields may be missing.
 */
#include <arch/uaccess.h>
#include <base/string.h>
#include <kernel/copy_struct.h>
#include <kernel/proc_maps.h>

#define PROCMAP_QUERY 0xc0686611u

/* query_flags; the first four want rights. */
#define QUERY_READABLE   0x01
#define QUERY_WRITABLE   0x02
#define QUERY_EXECUTABLE 0x04
#define QUERY_SHARED     0x08
#define QUERY_OR_NEXT    0x10
#define QUERY_OBJECT     0x20 /* FILE_BACKED_VMA */
#define QUERY_RIGHTS     0x0f
#define QUERY_FLAGS      0x3f

struct procmap_query_k {
    u64 size, query_flags, query_addr;
    u64 vma_start, vma_end, vma_flags, vma_page_size, vma_offset, inode;
    u32 dev_major, dev_minor;
    u32 vma_name_size, build_id_size;
    u64 vma_name_addr, build_id_addr;
};

_Static_assert(sizeof(struct procmap_query_k) == 104, "the ABI's");

#define QUERY_SIZE_MIN __builtin_offsetof(struct procmap_query_k, vma_start)

static u64 rights_of(const struct vm_area_struct *vma)
{
    return (vma->vm_flags & VM_ACCESS) |
           (vma->vm_flags & VM_MAYSHARE ? QUERY_SHARED : 0);
}

_Static_assert(VM_READ == QUERY_READABLE && VM_WRITE == QUERY_WRITABLE &&
                   VM_EXEC == QUERY_EXECUTABLE,
               "rights are the query's");

/* The area asked for, or NULL. mmap lock held. */
static struct vm_area_struct *find(struct mm_struct *mm,
                                   const struct procmap_query_k *q)
{
    u64 want = q->query_flags & QUERY_RIGHTS, addr = q->query_addr;
    bool or_next = q->query_flags & QUERY_OR_NEXT;
    struct vm_area_struct *vma;

    for (vma = find_vma(mm, addr); vma; vma = or_next ? vma->vm_next : NULL)
        if ((or_next || vma->vm_start <= addr) &&
            (rights_of(vma) & want) == want &&
            (vma->vm_object || !(q->query_flags & QUERY_OBJECT)))
            return vma;
    return NULL;
}

static void fill(const struct vm_area_struct *vma, struct procmap_query_k *q,
                 struct maps_line *line)
{
    maps_line_of(vma, line);
    q->vma_start = line->start;
    q->vma_end = line->end;
    q->vma_flags = rights_of(vma);
    q->vma_page_size = PAGE_SIZE;
    q->vma_offset = line->offset;
    q->inode = line->inode;
    q->dev_major = 0;
    q->dev_minor = line->device;
    q->build_id_size = 0;
}

/* Looks the area up; no lock is held afterwards. */
static int query(const struct proc_file *p, struct procmap_query_k *q,
                 struct maps_line *line)
{
    struct mm_struct *mm = proc_file_mm(p);
    const struct vm_area_struct *vma;

    if (!mm)
        return -ESRCH;
    mmap_read_lock(mm);
    vma = find(mm, q);
    if (vma)
        fill(vma, q, line);
    mmap_read_unlock(mm);
    mm_put(mm);
    return vma ? 0 : -ENOENT;
}

/* The name with its NUL, if it was asked for and there is one. */
static int put_name(struct procmap_query_k *q, const char *name)
{
    u32 size = *name ? (u32)strlen(name) + 1 : 0;

    if (!q->vma_name_size)
        return 0;
    if (size > q->vma_name_size)
        return -ENAMETOOLONG;
    q->vma_name_size = size;
    return copy_to_user((void __user *)q->vma_name_addr, name, size);
}

long maps_ioctl(const struct proc_file *p, unsigned cmd, u64 arg)
{
    void __user *user = (void __user *)arg;
    struct procmap_query_k q;
    struct maps_line line;
    u64 size;
    int r;

    if (cmd != PROCMAP_QUERY)
        return -ENOTTY;
    if (copy_from_user(&size, user, sizeof(size)))
        return -EFAULT;
    if (size > PAGE_SIZE)
        return -E2BIG;
    if (size < QUERY_SIZE_MIN)
        return -EINVAL;
    r = copy_struct_from_user(&q, sizeof(q), user, size);
    if (r)
        return r;
    if ((q.query_flags & ~(u64)QUERY_FLAGS) ||
        !q.vma_name_size != !q.vma_name_addr ||
        !q.build_id_size != !q.build_id_addr)
        return -EINVAL;
    r = query(p, &q, &line);
    if (!r)
        r = put_name(&q, line.name);
    return r ? r : copy_to_user(user, &q, min(size, sizeof(q)));
}
