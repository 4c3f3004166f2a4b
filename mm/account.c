/*
 * The size of an address space against its task's limits, RLIMIT_AS and
 * RLIMIT_DATA of getrlimit(2). Spaces of tasks that have none, nearly all,
 * are not `limited` and never get here.
 */
#include <mm/internal.h>
#include <uapi/faultline/resource.h>

bool limits_allow(const struct mm_struct *mm, u64 vm_flags, u64 pages)
{
    struct rlimit_k data;

    if (mm->total_vm + pages > rlimit_current(RLIMIT_AS).cur >> PAGE_SHIFT)
        return false;
    if (!is_data_mapping(vm_flags))
        return true;
    data = rlimit_current(RLIMIT_DATA);
    /* Linux takes a limit of 0 for one that was not meant for mmap(). */
    if (!data.cur)
        data.cur = data.max;
    return mm->data_vm + pages <= data.cur >> PAGE_SHIFT;
}

void mm_note_limit(struct mm_struct *mm, unsigned resource, u64 value)
{
    if ((resource == RLIMIT_AS || resource == RLIMIT_DATA) &&
        value != RLIM_INFINITY)
        WRITE_ONCE(mm->limited, true);
}
