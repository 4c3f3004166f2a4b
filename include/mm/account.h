/*
 * What an address space has and what it may have: pages by kind of mapping
 * and their high-water marks, the limits of getrlimit(2), and how much memory
 * all tasks together were promised (overcommit, proc_sys_vm(5)). Included by
 * mm.h.
 *
 * Whoever changes areas tells vm_stat_account(), having asked may_expand_vm()
 * before it added any, and vm_charge() for those with VM_ACCOUNT.
 */
#pragma once

#include <mm/mm.h>

/* ---- an address space's own numbers (mm/account.c) ---- */

/* Memory that counts as data, see RLIMIT_DATA in getrlimit(2). */
static inline bool is_data_mapping(u64 vm_flags)
{
    return (vm_flags & (VM_WRITE | VM_SHARED | VM_GROWSDOWN)) == VM_WRITE;
}

/* Pages of an area with these flags came (or, negative, went). mmap lock held
 * for write. */
static inline void vm_stat_account(struct mm_struct *mm, u64 vm_flags,
                                   s64 pages)
{
    mm->total_vm += (u64)pages;
    if (unlikely(vm_flags & VM_LOCKED))
        mm->locked_vm += (u64)pages;
    if (is_data_mapping(vm_flags))
        mm->data_vm += (u64)pages;
    else if (vm_flags & VM_GROWSDOWN)
        mm->stack_vm += (u64)pages;
    else if ((vm_flags & (VM_EXEC | VM_WRITE)) == VM_EXEC)
        mm->exec_vm += (u64)pages;
}

/* The slow half of may_expand_vm(). */
bool limits_allow(const struct mm_struct *mm, u64 vm_flags, u64 pages);

/* RLIMIT_AS and RLIMIT_DATA of the current task leave room for so many more
 * pages. mmap lock held. */
static inline bool may_expand_vm(const struct mm_struct *mm, u64 vm_flags,
                                 u64 pages)
{
    return likely(!mm->limited) || limits_allow(mm, vm_flags, pages);
}

/* The current task has this limit now: from here on mm is checked. */
void mm_note_limit(struct mm_struct *mm, unsigned resource, u64 value);

/* Pages resident, of all kinds. */
static inline u64 mm_rss(const struct mm_struct *mm)
{
    s64 sum = 0;

    for (unsigned kind = 0; kind < RSS_KINDS; kind++)
        sum += READ_ONCE(mm->rss[kind]);
    return (u64)sum;
}

/* The most that was ever resident / mapped, pages. */
static inline u64 mm_hiwater_rss(const struct mm_struct *mm)
{
    return max(READ_ONCE(mm->hiwater_rss), mm_rss(mm));
}
static inline u64 mm_hiwater_vm(const struct mm_struct *mm)
{
    return max(READ_ONCE(mm->hiwater_vm), READ_ONCE(mm->total_vm));
}

/* Before pages / areas go. */
static inline void update_hiwater_rss(struct mm_struct *mm)
{
    WRITE_ONCE(mm->hiwater_rss, mm_hiwater_rss(mm));
}
static inline void update_hiwater_vm(struct mm_struct *mm)
{
    if (unlikely(mm->hiwater_vm < mm->total_vm))
        mm->hiwater_vm = mm->total_vm;
}

/* ---- what all tasks were promised (mm/overcommit.c) ---- */

enum overcommit_mode {
    OVERCOMMIT_GUESS,  /* refuse only what can never be held */
    OVERCOMMIT_ALWAYS, /* refuse nothing */
    OVERCOMMIT_NEVER,  /* no more than overcommit_limit() in all */
};

/* The empty mm joins the group (NULL: none). */
static inline void mm_set_group(struct mm_struct *mm, struct mm_group *group)
{
    mm_group_get(group);
    mm->group = group;
}

/*
 * A new page (NULL: there was none) that mm, or the running task, is about to
 * have: counted in its group. NULL: the group's limit is reached, the page is
 * freed.
 */
static inline struct page *mm_charge_page(struct mm_struct *mm,
                                          struct page *page)
{
    if (likely(!mm->group) || !page)
        return page;
    return mm_group_take(mm->group, page);
}
struct page *current_charge_page(struct page *page);

/* Pages of the area that were promised. */
static inline u64 vma_accounted(const struct vm_area_struct *vma)
{
    return vma->vm_flags & VM_ACCOUNT ? vma_pages(vma) : 0;
}

/* Private memory that may be written is promised. */
static inline bool accountable_mapping(u64 vm_flags)
{
    return (vm_flags & (VM_NORESERVE | VM_SHARED | VM_WRITE)) == VM_WRITE;
}

/*
 * Promises so many pages to the current task / takes a promise of any size
 * back. mm: of whom a part is held back in mode NEVER, or NULL.
 * vm_charge() returns 0 or -ENOMEM; it never does for 0 pages.
 */
__must_check int vm_charge(const struct mm_struct *mm, u64 pages);
void vm_uncharge(u64 pages);

/* A promise that nobody refuses. */
void vm_charge_anyway(u64 pages);

/* Pages promised, and how many may be in mode NEVER. */
u64 vm_committed(void);
u64 overcommit_limit(void);

/*
 * The knobs of /proc/sys/vm: mode; percent of memory that may be promised, or
 * KiB if not 0. Setting one of the last two clears the other. -EINVAL.
 */
enum overcommit_knob {
    KNOB_OVERCOMMIT_MEMORY,
    KNOB_OVERCOMMIT_RATIO,
    KNOB_OVERCOMMIT_KBYTES,
    KNOB_COUNT
};
extern const char *const overcommit_knob_names[KNOB_COUNT];
extern u64 overcommit_knobs[KNOB_COUNT];
__must_check int overcommit_set(enum overcommit_knob knob, s64 value);
