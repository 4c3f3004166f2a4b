/*
 * Pages and the address space's fixed points. <asm/page.h> provides:
 *
 *   PAGE_SHIFT PAGE_SIZE PAGE_MASK
 *   TASK_SIZE          first address user code cannot have
 *   MMAP_MIN_ADDR      lowest address user code can map
 *   STACK_TOP          highest stack address, exclusive
 *   VMALLOC_START VMALLOC_END
 *   KERNEL_SPACE_START first address of the kernel's half
 *   ARCH_VM_GROWSUP    defined where stacks grow up
 *   void *phys_to_virt(phys_addr_t)      through the direct map
 *   phys_addr_t virt_to_phys(const void *)  of a direct-map address
 *   struct page *pfn_to_page(u64), u64 page_to_pfn(const struct page *)
 *   void page_clear(void *), page_copy(void *dst, const void *src)
 *                      one whole aligned page, no fault possible
 */
#pragma once

#include <base/types.h>

#include <asm/page.h>

static inline void *page_address(const struct page *page)
{
    return phys_to_virt((phys_addr_t)page_to_pfn(page) << PAGE_SHIFT);
}

static inline struct page *virt_to_page(const void *v)
{
    return pfn_to_page(virt_to_phys(v) >> PAGE_SHIFT);
}
