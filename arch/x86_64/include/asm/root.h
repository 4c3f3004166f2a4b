/* Loading an address space's root: for mm_switch() and the thread switch. */
#pragma once

#include <asm/msr.h>
#include <asm/setup.h>
#include <kernel/cpu.h>
#include <mm/mm.h>

/* next (NULL: the kernel's own root) is not loaded on cpu, which is this one.
 * Its bit is set before anything can be cached, and prev's cleared after. */
static __always_inline_ void root_load(struct cpu *cpu, struct mm_struct *next)
{
    struct mm_struct *prev = cpu->active_mm;
    u64 here = 1ul << cpu->id;

    if (next)
        __atomic_fetch_or(&next->cpu_mask, here, __ATOMIC_SEQ_CST);
    cr3_write(virt_to_phys(next ? next->pgd : kernel_pgd));
    if (prev)
        __atomic_fetch_and(&prev->cpu_mask, ~here, __ATOMIC_RELEASE);
    cpu->active_mm = next;
}
