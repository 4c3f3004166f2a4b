/* brk(2): the heap's end, moved within one anonymous area. */
#include <mm/internal.h>
#include <uapi/faultline/mman.h>

/* Grows from old to new (page aligned); false when something is in the way. */
static bool brk_grow(struct mm_struct *mm, u64 old, u64 new)
{
    struct vm_area_struct *next = find_vma(mm, old);
    u64 limit = next ? vm_start_gap(next) : TASK_SIZE;
    long r;

    if (new > limit || new > TASK_SIZE)
        return false;
    mmap_write_unlock(mm);
    r = do_mmap(mm, old, new - old, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, NULL, 0,
                false);
    mmap_write_lock(mm);
    return !IS_ERR_VALUE(r);
}

/* RLIMIT_DATA: the heap and the program's initialised data. */
static bool within_data_limit(const struct mm_struct *mm, u64 brk)
{
    return !mm->limited ||
           brk - mm->start_brk + mm->end_data - mm->start_data <=
               rlimit_current(RLIMIT_DATA).cur;
}

/* mmap lock held for write. Changes mm->brk if it can. */
static void brk_move(struct mm_struct *mm, u64 brk)
{
    u64 old = ALIGN_UP(mm->brk, PAGE_SIZE), new = ALIGN_UP(brk, PAGE_SIZE);

    if (brk < mm->start_brk || new < brk || !within_data_limit(mm, brk))
        return;
    if (new > old && !brk_grow(mm, old, new))
        return;
    if (new < old && munmap_range(mm, new, old))
        return;
    mm->brk = brk;
}

long do_brk(struct mm_struct *mm, u64 brk)
{
    long r;

    mmap_write_lock(mm);
    brk_move(mm, brk);
    r = mm->brk;
    mmap_write_unlock(mm);
    return r;
}
