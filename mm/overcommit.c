/*
 * Overcommit: how much memory all tasks together were promised, and whether
 * one more promise is given (proc_sys_vm(5), overcommit_memory). A promise is
 * made for private memory that may be written (VM_ACCOUNT) and for shared
 * memory that somebody made, unless MAP_NORESERVE.
 */
#include <mm/internal.h>

static s64 committed; /* atomic: pages */

u64 overcommit_knobs[KNOB_COUNT] = {[KNOB_OVERCOMMIT_RATIO] = 50};

const char *const overcommit_knob_names[KNOB_COUNT] = {
    "sysctl.vm.overcommit_memory",
    "sysctl.vm.overcommit_ratio",
    "sysctl.vm.overcommit_kbytes",
};

u64 overcommit_limit(void)
{
    u64 kbytes = overcommit_knobs[KNOB_OVERCOMMIT_KBYTES];

    if (kbytes)
        return kbytes >> (PAGE_SHIFT - 10);
    return frames_total() * overcommit_knobs[KNOB_OVERCOMMIT_RATIO] / 100;
}

/* Mode NEVER, the new promise counted already. Part of the space's size is
 * held back so that a way out is left, as Linux does. */
static __cold bool within_limit(const struct mm_struct *mm)
{
    s64 allowed = (s64)overcommit_limit();

    if (mm)
        allowed -= (s64)min(mm->total_vm, frames_total()) / 32;
    return __atomic_load_n(&committed, __ATOMIC_RELAXED) < allowed;
}

int vm_charge(const struct mm_struct *mm, u64 pages)
{
    u64 mode = READ_ONCE(overcommit_knobs[KNOB_OVERCOMMIT_MEMORY]);

    vm_charge_anyway(pages);
    if (likely(mode == OVERCOMMIT_GUESS)) {
        if (likely(pages <= frames_total()))
            return 0;
    } else if (!pages || mode == OVERCOMMIT_ALWAYS || within_limit(mm)) {
        return 0;
    }
    vm_uncharge(pages);
    return -ENOMEM;
}

void vm_charge_anyway(u64 pages)
{
    __atomic_fetch_add(&committed, (s64)pages, __ATOMIC_RELAXED);
}

void vm_uncharge(u64 pages)
{
    __atomic_fetch_sub(&committed, (s64)pages, __ATOMIC_RELAXED);
}

u64 vm_committed(void)
{
    return (u64)__atomic_load_n(&committed, __ATOMIC_RELAXED);
}

int overcommit_set(enum overcommit_knob knob, s64 value)
{
    static const s64 most[] = {OVERCOMMIT_NEVER, INT32_MAX, INT64_MAX};

    if (value < 0 || value > most[knob])
        return -EINVAL;
    WRITE_ONCE(overcommit_knobs[knob], (u64)value);
    if (knob == KNOB_OVERCOMMIT_RATIO)
        WRITE_ONCE(overcommit_knobs[KNOB_OVERCOMMIT_KBYTES], 0);
    else if (knob == KNOB_OVERCOMMIT_KBYTES)
        WRITE_ONCE(overcommit_knobs[KNOB_OVERCOMMIT_RATIO], 0);
    return 0;
}
