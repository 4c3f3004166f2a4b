/* Between tlb.c and shootdown.c. */
#pragma once

#include <base/types.h>

struct mm_struct;

/* Forgets user translations of [start, end) on this CPU. */
void tlb_flush_here(u64 start, u64 end);

/* Forgets all translations on this CPU, the kernel's included. */
void tlb_flush_kernel_here(void);

/* Makes the CPUs in targets (this one is not) forget [start, end) of mm, or
 * all there is (mm NULL, end 0: nothing); returns when they have. */
void tlb_shootdown(struct mm_struct *mm, u64 start, u64 end, u64 targets);
