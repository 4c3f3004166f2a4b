/* Stacks: the first area of a new program, and growth by fault. */
#include <mm/internal.h>

int mmap_stack(struct mm_struct *mm, u64 top, u64 size)
{
    struct vm_area_struct *vma = vma_alloc(mm);
    u64 pages = size >> PAGE_SHIFT;
    int r = -ENOMEM;

    if (!vma || vm_charge(mm, pages))
        goto fail;
    vma->vm_start = top - size;
    vma->vm_end = top;
    vma->vm_flags = VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC |
                    VM_GROWSDOWN | VM_STACK | VM_ACCOUNT | VM_SOFTDIRTY;
    vma->vm_page_prot = vm_get_page_prot(vma->vm_flags);
    vma->vm_pgoff = vma->vm_start >> PAGE_SHIFT;
    mmap_write_lock(mm);
    r = vma_insert(mm, vma);
    if (!r)
        vm_stat_account(mm, vma->vm_flags, (s64)pages);
    mmap_write_unlock(mm);
    if (!r)
        return 0;
    vm_uncharge(pages);
fail:
    if (vma)
        vma_free(vma);
    return r;
}

/* The neighbour is another stack, or nobody can use it: no gap is kept. */
static bool needs_no_gap(const struct vm_area_struct *vma, u64 grows)
{
    return !vma || (vma->vm_flags & grows) || !(vma->vm_flags & VM_ACCESS);
}

/* The area becomes [start, end), larger than it is: within the limits, paid
 * for, counted. It keeps the id even if they forbid it, as on Linux: fork(2)
 * copies its pages from then on. mmap lock held for write. */
static int grow_area(struct vm_area_struct *vma, u64 start, u64 end)
{
    struct mm_struct *mm = vma->vm_mm;
    u64 grow = ((end - start) >> PAGE_SHIFT) - vma_pages(vma);

    vma_note_anon(vma);
    if (!may_expand_vm(mm, vma->vm_flags, grow) ||
        end - start > rlimit_current(RLIMIT_STACK).cur)
        return -ENOMEM;
    if ((vma->vm_flags & VM_ACCOUNT) && vm_charge(mm, grow))
        return -ENOMEM;
    vm_stat_account(mm, vma->vm_flags, (s64)grow);
    vma_adjust(vma, start, end);
    return 0;
}

/* To hold addr, below it: the next area down stays a gap away. */
static int grow_down(struct vm_area_struct *vma, u64 addr)
{
    u64 start = addr & PAGE_MASK;
    const struct vm_area_struct *prev = vma->vm_prev;

    if (start < MMAP_MIN_ADDR || (!needs_no_gap(prev, VM_GROWSDOWN) &&
                                  start - prev->vm_end < STACK_GUARD_GAP))
        return -ENOMEM;
    return grow_area(vma, start, vma->vm_end);
}

/* The same upwards, on machines whose stacks do that. */
static int grow_up(struct vm_area_struct *vma, u64 addr)
{
    u64 end = (addr & PAGE_MASK) + PAGE_SIZE;
    const struct vm_area_struct *next = vma->vm_next;

    if (!needs_no_gap(next, VM_GROWSUP) &&
        next->vm_start - end < STACK_GUARD_GAP)
        return -ENOMEM;
    return grow_area(vma, vma->vm_start, end);
}

/* The last area that begins at or below addr, given the one find_vma() has. */
static struct vm_area_struct *area_below(struct mm_struct *mm,
                                         struct vm_area_struct *vma)
{
    struct vm_area_struct *last = mm->mmap;

    if (vma)
        return vma->vm_prev;
    while (last && last->vm_next)
        last = last->vm_next;
    return last;
}

int expand_stack(struct mm_struct *mm, u64 addr)
{
    struct vm_area_struct *vma, *below;
    int r = -ENOMEM;

    mmap_read_unlock(mm);
    mmap_write_lock(mm);
    vma = find_vma(mm, addr);
    below = VM_GROWSUP ? area_below(mm, vma) : NULL;
    if (vma && vma->vm_start <= addr)
        r = 0; /* another thread was faster */
    else if (below && (below->vm_flags & VM_GROWSUP))
        r = grow_up(below, addr);
    if (r && vma && (vma->vm_flags & VM_GROWSDOWN))
        r = grow_down(vma, addr);
    mmap_write_unlock(mm);
    mmap_read_lock(mm);
    return r;
}
