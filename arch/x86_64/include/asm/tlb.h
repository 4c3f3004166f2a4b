/* The translation cache and the root register; arch/x86_64/tlb.c. */
#pragma once

#include <base/types.h>

/* Above this many pages one full flush costs less than single ones. */
#define TLB_FLUSH_SINGLES 32

void tlb_flush_page(struct mm_struct *mm, u64 va);
void tlb_flush_range(struct mm_struct *mm, u64 start, u64 end);
void tlb_flush_mm(struct mm_struct *mm);
void tlb_flush_local(u64 va);
void tlb_flush_kernel(void);
void cpus_barrier(struct mm_struct *mm);

/* Loads next's root (NULL: the kernel's own) unless it is loaded already.
 * Interrupts off, or no switch possible. */
void mm_switch(struct mm_struct *next);

/* A root with the kernel's half filled in: 0 or -ENOMEM. */
__must_check int arch_mm_init(struct mm_struct *mm);

/* Frees the root; the user half must hold no tables any more. */
void arch_mm_destroy(struct mm_struct *mm);

static inline void invlpg(u64 va)
{
    __asm__ volatile("invlpg (%0)" ::"r"(va) : "memory");
}
