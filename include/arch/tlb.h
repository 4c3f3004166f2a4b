/*
 * Forgetting translations. <asm/tlb.h> provides, inline or not:
 *
 *   void tlb_flush_page(struct mm_struct *mm, u64 va)
 *   void tlb_flush_range(struct mm_struct *mm, u64 start, u64 end)
 *   void tlb_flush_mm(struct mm_struct *mm)
 *   void tlb_flush_local(u64 va)   this CPU's stale entry of the current mm,
 *                                  when the tables allow more than it knows
 *   void tlb_flush_kernel(void)   on every CPU
 *   void cpus_barrier(struct mm_struct *mm)   every other CPU that runs mm
 *                                  (NULL: every one) passes a memory barrier
 *   void mm_switch(struct mm_struct *next)   loads the root; NULL: kernel's own
 *   int arch_mm_init(struct mm_struct *mm)   root with the kernel's half
 *                                            filled in; -ENOMEM
 *   void arch_mm_destroy(struct mm_struct *mm)  frees the root
 *
 * A flush reaches every CPU that runs the mm. They are cheap when mm is not
 * loaded anywhere. Each of them also forgets whatever the CPU remembers of the
 * upper levels (INVLPG does: Intel SDM volume 3, section 4.10.4.1), so tables
 * unhooked before a flush may be freed after it.
 */
#pragma once

#include <base/types.h>

struct mm_struct;

#include <asm/tlb.h>
