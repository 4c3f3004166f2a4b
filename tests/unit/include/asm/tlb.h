/* The fake machine's translation cache: fake_tlb.c. */
#pragma once

#include <base/types.h>

struct mm_struct;

void tlb_flush_page(struct mm_struct *mm, u64 va);
void tlb_flush_range(struct mm_struct *mm, u64 start, u64 end);
void tlb_flush_mm(struct mm_struct *mm);
void tlb_flush_local(u64 va);
void tlb_flush_kernel(void);
void mm_switch(struct mm_struct *next);
__must_check int arch_mm_init(struct mm_struct *mm);
void arch_mm_destroy(struct mm_struct *mm);
