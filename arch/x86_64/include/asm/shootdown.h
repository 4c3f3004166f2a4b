/* Between tlb.c and shootdown.c. */
#pragma once

#include <base/types.h>

struct mm_struct;

/* Forgets user translations of [start, end) on this CPU. */
void tlb_flush_here(u64 start, u64 end);

/* The same for kernel pages, which are global. */
void tlb_flush_kernel_here(u64 start, u64 end);

/* Makes the CPUs in targets (this one is not) forget [start, end) of mm, or of
 * the kernel's half (mm NULL); returns when they have. */
void tlb_shootdown(struct mm_struct *mm, u64 start, u64 end, u64 targets);
