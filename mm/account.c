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

int protect_charge(struct mm_struct *mm, u64 old, u64 *flags, u64 pages,
                   bool populated)
{
    const u64 settled = VM_ACCOUNT | VM_WRITE | VM_SHARED | VM_NORESERVE;
    int r;

    if (!(*flags & VM_WRITE)) {
        if (!populated)
            *flags &= ~VM_ACCOUNT;
        return 0;
    }
    if (!may_expand_vm(mm, *flags, pages) && may_expand_vm(mm, old, pages))
        return -ENOMEM;
    if (old & settled)
        return 0;
    r = vm_charge(mm, pages);
    if (!r)
        *flags |= VM_ACCOUNT;
    return r;
}

void protect_uncharge(u64 old, u64 flags, u64 pages)
{
    if ((flags & ~old) & VM_ACCOUNT)
        vm_uncharge(pages);
}

void protect_account(struct mm_struct *mm, u64 old, u64 flags, u64 pages)
{
    if ((old & ~flags) & VM_ACCOUNT)
        vm_uncharge(pages);
    vm_stat_account(mm, old, -(s64)pages);
    vm_stat_account(mm, flags, (s64)pages);
}
