/*
 * mmap(2): arguments to an area. Checks come in the order of the man page's
 * errors; nothing changes before all of them have passed.
 */
#include <mm/internal.h>
#include <uapi/faultline/mman.h>

/* VM_* bits for PROT_* bits: they are the same three. */
_Static_assert(VM_READ == PROT_READ && VM_WRITE == PROT_WRITE &&
                   VM_EXEC == PROT_EXEC,
               "prot bits are vm_flags");

struct map_request {
    u64 addr, len, prot, flags, vm_flags, pgoff;
    struct mem_object *object;
    struct vm_area_struct *spare; /* for MAP_FIXED: what is there may go */
};

/* Where the caller wants it, or -errno as u64. */
static __noinline u64 check_address(struct mm_struct *mm,
                                    const struct map_request *rq)
{
    if (rq->len > TASK_SIZE)
        return -ENOMEM;
    if (rq->addr > TASK_SIZE - rq->len)
        return -ENOMEM;
    if (!IS_ALIGNED(rq->addr, PAGE_SIZE))
        return -EINVAL;
    if ((rq->flags & MAP_FIXED_NOREPLACE) &&
        find_vma_intersection(mm, rq->addr, rq->addr + rq->len))
        return -EEXIST;
    return rq->addr;
}

/* Where the mapping goes, or -errno as u64. */
static u64 choose_address(struct mm_struct *mm, const struct map_request *rq)
{
    if (rq->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))
        return check_address(mm, rq);
    return get_unmapped_area(mm, rq->addr & PAGE_MASK, rq->len, rq->flags);
}

/* What MAP_SHARED_VALIDATE knows; MAP_HUGETLB's sizes in the upper bits. */
#define MAP_VALID                                                              \
    (MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | MAP_32BIT | MAP_GROWSDOWN |        \
     MAP_DENYWRITE | MAP_EXECUTABLE | MAP_LOCKED | MAP_NORESERVE |             \
     MAP_POPULATE | MAP_NONBLOCK | MAP_STACK | MAP_HUGETLB | 0x7c000000ull)

/* What a mapping of an object, whose bytes are counted in an s64, may ask. */
static __noinline long check_object(const struct map_request *rq)
{
    if (rq->pgoff > ((~0ull >> 1) - rq->len) >> PAGE_SHIFT)
        return -EOVERFLOW;
    if ((rq->flags & MAP_TYPE) == MAP_SHARED_VALIDATE &&
        (rq->flags & ~(u64)MAP_VALID))
        return -EOPNOTSUPP;
    return rq->flags & MAP_GROWSDOWN ? -EINVAL : 0;
}

#define MAP_WISHES                                                             \
    (MAP_GROWSDOWN | MAP_NORESERVE | MAP_LOCKED | MAP_STACK | MAP_SYNC)

/* What is asked for beside the kind of mapping: mostly nothing. */
static __noinline u64 wished_flags(u64 flags)
{
    u64 vm_flags = flags & MAP_GROWSDOWN ? VM_GROWSDOWN : 0;

    if ((flags & MAP_NORESERVE) &&
        overcommit_knobs[KNOB_OVERCOMMIT_MEMORY] != OVERCOMMIT_NEVER)
        vm_flags |= VM_NORESERVE;
    return vm_flags | (flags & MAP_LOCKED ? VM_LOCKED : 0) |
           (flags & MAP_STACK ? VM_NOHUGEPAGE : 0) |
           (flags & MAP_SYNC ? VM_SYNC : 0);
}

/* The kind of mapping, and what it may ever become. */
static long choose_flags(struct mm_struct *mm, struct map_request *rq,
                         bool maywrite)
{
    u64 type = rq->flags & MAP_TYPE;

    rq->vm_flags = (rq->prot & VM_ACCESS) | VM_MAYREAD | VM_MAYWRITE |
                   VM_MAYEXEC | VM_SOFTDIRTY;
    if (unlikely(rq->flags & MAP_WISHES))
        rq->vm_flags |= wished_flags(rq->flags);
    if (type == MAP_PRIVATE)
        return 0;
    if (type == MAP_DROPPABLE && !rq->object) {
        WRITE_ONCE(mm->lazy, true);
        rq->vm_flags |=
            VM_DROPPABLE | VM_NORESERVE | VM_WIPEONFORK | VM_DONTDUMP;
        return rq->flags & (MAP_LOCKED | MAP_GROWSDOWN) ? -EINVAL : 0;
    }
    /* MAP_SHARED_VALIDATE is for what has flags to validate: a file. */
    if (type != MAP_SHARED && (type != MAP_SHARED_VALIDATE || !rq->object))
        return -EINVAL;
    if (rq->flags & MAP_GROWSDOWN)
        return -EINVAL;
    rq->vm_flags |= VM_SHARED | VM_MAYSHARE;
    if (rq->object && !maywrite) {
        if (rq->prot & PROT_WRITE)
            return -EACCES;
        rq->vm_flags &= ~VM_MAYWRITE;
    }
    return 0;
}

/* What MAP_FIXED replaces makes room: the areas' pages in the request's range,
 * those promised alone if so asked. */
static __cold u64 replaced_pages(struct mm_struct *mm,
                                 const struct map_request *rq, u64 flags)
{
    u64 end = rq->addr + rq->len, pages = 0;
    struct vm_area_struct *vma;

    if (!(rq->flags & MAP_FIXED))
        return 0;
    vma = find_vma(mm, rq->addr);
    for (; vma && vma->vm_start < end; vma = vma->vm_next)
        if ((vma->vm_flags & flags) == flags)
            pages += (min(vma->vm_end, end) - max(vma->vm_start, rq->addr)) >>
                     PAGE_SHIFT;
    return pages;
}

/* The promise for new private memory; what is replaced gives back its own
 * afterwards. Returns 0 or -ENOMEM. */
static int charge_area(struct mm_struct *mm, struct map_request *rq)
{
    u64 pages = rq->len >> PAGE_SHIFT, back;
    int r;

    if (!accountable_mapping(rq->vm_flags))
        return 0;
    rq->vm_flags |= VM_ACCOUNT;
    r = vm_charge(mm, pages);
    if (likely(!r))
        return 0;
    back = replaced_pages(mm, rq, VM_ACCOUNT);
    r = back ? vm_charge(mm, pages - back) : r;
    if (!r)
        vm_charge_anyway(back);
    return r;
}

/* The task's limits and the machine's. Returns 0 or -ENOMEM. */
static int account_area(struct mm_struct *mm, struct map_request *rq)
{
    u64 pages = rq->len >> PAGE_SHIFT;

    if (unlikely(!may_expand_vm(mm, rq->vm_flags, pages)) &&
        !may_expand_vm(mm, rq->vm_flags, pages - replaced_pages(mm, rq, 0)))
        return -ENOMEM;
    return charge_area(mm, rq);
}

/* vma_find_place(), having looked where get_unmapped_area() looked last. */
static inline int find_hole(struct mm_struct *mm, u64 start, u64 end,
                            struct vma_place *place)
{
    struct vm_area_struct *vma = mm->hole_vma;

    if (unlikely(!vma_has_below(vma, start, end)))
        return vma_find_place(mm, start, end, place);
    *place = (struct vma_place){vma->vm_prev, vma};
    return 0;
}

/* A neighbour, of which prev is the lower one, takes the mapping in. */
static __noinline bool extend_area(struct mm_struct *mm,
                                   const struct map_request *rq,
                                   struct vm_area_struct *prev)
{
    struct vma_shape shape = {rq->vm_flags, rq->object, rq->pgoff, NULL, 0};

    return vma_merge(mm, prev, rq->addr, rq->addr + rq->len, &shape);
}

/* The new area itself; old mappings there are gone. */
static long map_new_area(struct mm_struct *mm, struct map_request *rq)
{
    u64 start = rq->addr, end = rq->addr + rq->len;
    struct vm_area_struct *vma;
    struct vma_place place;
    int r = find_hole(mm, start, end, &place);

    if (r)
        return r;
    if (!vma_may_merge(&place, start, end, rq->vm_flags) ||
        !extend_area(mm, rq, place.prev)) {
        vma = rq->spare ? rq->spare : vma_alloc(mm);
        if (!vma)
            return -ENOMEM;
        rq->spare = NULL;
        vma->vm_start = start;
        vma->vm_end = end;
        vma->vm_flags = rq->vm_flags;
        vma->vm_page_prot = vm_get_page_prot(rq->vm_flags);
        vma->vm_pgoff = rq->pgoff;
        if (rq->object)
            vma_set_object(vma, rq->object);
        vma_link(mm, vma, &place);
    }
    vm_stat_account(mm, rq->vm_flags, (s64)(rq->len >> PAGE_SHIFT));
    return start;
}

/* Ends what is there, once nothing can fail for want of memory any more. */
static __noinline int make_room(struct mm_struct *mm, struct map_request *rq)
{
    if (!find_vma_intersection(mm, rq->addr, rq->addr + rq->len))
        return 0;
    rq->spare = vma_alloc(mm);
    if (!rq->spare)
        return -ENOMEM;
    return munmap_range(mm, rq->addr, rq->addr + rq->len);
}

/* A limit forbids the mapping, error: Linux has met the seals of what is there
 * by then, it stays cut at the edges, and its pagers hear of an end that does
 * not come. */
static __cold int refuse_room(struct mm_struct *mm,
                              const struct map_request *rq, int error)
{
    int r = munmap_prepare(mm, rq->addr, rq->addr + rq->len);

    return r ? r : error;
}

/* mlockall(2) was here before. Droppable memory is never locked: its pages are
 * just brought. */
static __cold void lock_new_area(const struct mm_struct *mm,
                                 struct map_request *rq)
{
    if (rq->vm_flags & VM_DROPPABLE)
        rq->flags = (rq->flags | MAP_POPULATE) & ~(u64)MAP_NONBLOCK;
    else
        rq->vm_flags |= mm->def_flags;
}

/* mmap lock held for write; everything but the address is checked. */
static long mmap_region(struct mm_struct *mm, struct map_request *rq)
{
    u64 addr;
    long r;

    if (mm->map_count > MAX_MAP_COUNT) /* one more is Linux's limit, too */
        return -ENOMEM;
    if (unlikely(rq->prot == PROT_EXEC))
        rq->vm_flags |= pkey_for_mmap(mm, VM_EXEC);
    addr = choose_address(mm, rq);
    if (IS_ERR_VALUE(addr))
        return addr;
    rq->addr = addr;
    if (unlikely(mm->def_flags))
        lock_new_area(mm, rq);
    if (!rq->object)
        rq->pgoff = addr >> PAGE_SHIFT;
    /* PR_SET_MDWE: what is executable is never writable. */
    if (unlikely(mm->mdwe) && (rq->prot & PROT_EXEC) &&
        (rq->vm_flags & VM_WRITE))
        return -EACCES;
    r = account_area(mm, rq);
    if (unlikely(r))
        return rq->flags & MAP_FIXED ? refuse_room(mm, rq, r) : r;
    if (rq->flags & MAP_FIXED)
        r = make_room(mm, rq);
    if (!r)
        r = map_new_area(mm, rq);
    if (unlikely(rq->spare))
        vma_free(rq->spare);
    if (IS_ERR_VALUE(r) && (rq->vm_flags & VM_ACCOUNT))
        vm_uncharge(rq->len >> PAGE_SHIFT);
    return r;
}

/* Whoever asks for what cannot be, and where it cannot be, hears of the place
 * first; and the key for execute-only memory is taken by then, as on Linux. */
static __noinline __cold long refuse(struct mm_struct *mm,
                                     const struct map_request *rq, long error)
{
    u64 addr;

    mmap_write_lock(mm);
    if (rq->prot == PROT_EXEC)
        (void)pkey_for_mmap(mm, VM_EXEC);
    addr = choose_address(mm, rq);
    mmap_write_unlock(mm);
    return IS_ERR_VALUE(addr) ? (long)addr : error;
}

/* Shared anonymous memory is an object of its own. */
static __noinline long mmap_shared_anon(struct mm_struct *mm,
                                        struct map_request *rq)
{
    long r;

    rq->object = object_create_shmem(rq->len);
    if (!rq->object)
        return refuse(mm, rq, -ENOMEM);
    r = rq->vm_flags & VM_NORESERVE ? 0 : object_charge(rq->object, mm);
    if (r) {
        object_put(rq->object);
        return refuse(mm, rq, r);
    }
    rq->pgoff = 0;
    mmap_write_lock(mm);
    r = mmap_region(mm, rq);
    mmap_write_unlock(mm);
    object_put(rq->object);
    return r;
}

static bool wants_populate(const struct map_request *rq)
{
    return (rq->vm_flags & VM_LOCKED) ||
           (rq->flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE;
}

/* A hint below the lowest address means the lowest. */
static u64 round_hint(u64 addr, u64 flags)
{
    if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))
        return addr;
    addr &= PAGE_MASK;
    return addr && addr < MMAP_MIN_ADDR ? MMAP_MIN_ADDR : addr;
}

long do_mmap(struct mm_struct *mm, u64 addr, u64 len, u64 prot, u64 flags,
             struct mem_object *object, u64 pgoff, bool maywrite)
{
    struct map_request rq;
    long r;

    if (!len)
        return -EINVAL;
    rq = (struct map_request){
        .addr = round_hint(addr, flags),
        .len = ALIGN_UP(len, PAGE_SIZE),
        .prot = prot,
        .flags = flags,
        .vm_flags = 0,
        .pgoff = pgoff,
        .object = object,
        .spare = NULL,
    };
    if (!rq.len)
        return -ENOMEM;
    if (pgoff + (rq.len >> PAGE_SHIFT) < pgoff)
        return -EOVERFLOW;
    r = object ? check_object(&rq) : 0;
    if (!r)
        r = choose_flags(mm, &rq, maywrite);
    if (r)
        return refuse(mm, &rq, r);
    if (!object && (rq.vm_flags & VM_SHARED)) {
        r = mmap_shared_anon(mm, &rq);
    } else {
        mmap_write_lock(mm);
        r = mmap_region(mm, &rq);
        mmap_write_unlock(mm);
    }
    if (unlikely(wants_populate(&rq)) && !IS_ERR_VALUE((u64)r))
        (void)!mm_populate(mm, (u64)r, (u64)r + rq.len, POPULATE_LAX);
    return r;
}

long do_mmap_shared(struct mm_struct *mm, u64 addr, u64 len, u64 prot,
                    u64 flags, struct mem_object *object, u64 pgoff,
                    bool maywrite)
{
    bool allowed = maywrite && object_map_shared_begin(object);
    long r = do_mmap(mm, addr, len, prot, flags, object, pgoff, allowed);

    if (allowed)
        object_map_shared_end(object);
    else if (maywrite && r == -EACCES)
        r = -EPERM; /* it is the seals */
    return r;
}
