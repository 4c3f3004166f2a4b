/*
 * Page-table entries as the portable rooms see them: one type for all levels.
 * Level 3 is the root (PML4), level 0 holds the entries of 4 KiB pages.
 * <asm/pte.h> provides, inline:
 *
 *   PT_LEVELS (4), PT_ENTRIES (512)
 *   pte_t, pgprot_t         structures holding one word `v`
 *   unsigned pt_index(u64 va, int level)
 *   u64 pt_span(int level)  bytes one entry of that level covers
 *   unsigned pt_user_entries(void)  root entries below TASK_SIZE
 *
 *   tests        pte_none pte_present pte_write pte_dirty pte_young pte_user
 *                pte_exec pte_leaf(pte, level) pte_uffd_wp pte_poisoned
 *                pte_soft_dirty
 *   fields       u64 pte_pfn(pte_t)
 *   make         pte_make(pfn, pgprot_t)  present leaf entry
 *                pte_table(pfn)           present entry naming a lower table
 *                PTE_NONE                 the empty entry
 *                PTE_MARK_WP, PTE_MARK_POISON  markers: neither none nor
 *                                         present; pte_uffd_wp, pte_poisoned
 *   change       pte_mkwrite pte_wrprotect pte_mkdirty pte_mkclean pte_mkyoung
 *                pte_mkold pte_modify(pte, pgprot_t) (keeps pfn, A, D, marks)
 *                pte_mk_uffd_wp pte_clear_uffd_wp pte_mksoft_dirty
 *                (pte_mkdirty sets both marks)
 *   access       pte_t pte_get(const pte_t *)   one atomic load
 *                void pte_set(pte_t *, pte_t)   one atomic store
 *                pte_t pte_xchg(pte_t *, pte_t) for entries the CPU may update
 *                void ptep_mkold(pte_t *), ptep_clear_soft_dirty(pte_t *)
 *                the same in place; the latter write-protects, too
 *
 *   pgprot_t vm_get_page_prot(u64 vm_flags)  never grants write to private
 *                mappings: write comes by fault
 *   PROT_KERNEL  read, write, no execute, kernel only, global
 *   pte_t *kernel_pgd  the reference root: its kernel half is everybody's
 */
#pragma once

#include <base/types.h>
#include <arch/page.h>
#include <asm/pte.h>

static inline pte_t *pte_table_of(pte_t e)
{
    return phys_to_virt((phys_addr_t)pte_pfn(e) << PAGE_SHIFT);
}
