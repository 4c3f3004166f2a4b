/*
 * Pages and the fixed points of the address space (docs/memory-map.md). Four
 * levels of tables translate 48 bits:
 *
 *    63    48 47    39 38    30 29    21 20    12 11        0
 *   +--------+--------+--------+--------+--------+-----------+
 *   | sign   | PML4   | PDPT   | PD     | PT     | offset    |
 *   +--------+--------+--------+--------+--------+-----------+
 */
#pragma once

#define PAGE_SHIFT 12
#define PAGE_SIZE  0x1000ul
#define PAGE_MASK  (~(PAGE_SIZE - 1))

#define TASK_SIZE     0x00007ffffffff000ul
#define MMAP_MIN_ADDR 0x10000ul
#define STACK_TOP     TASK_SIZE

#define KERNEL_SPACE_START 0xffff800000000000ul
#define DIRECT_MAP_START   0xffff888000000000ul
#define VMALLOC_START      0xffffc90000000000ul
#define VMALLOC_END        0xffffe90000000000ul /* 64 root entries */
#define VMEMMAP_START      0xffffea0000000000ul
#define KERNEL_IMAGE_START 0xffffffff80000000ul /* physical 0 */
#define MMIO_START         0xffffffffc0000000ul /* device registers */

#define LARGE_PAGE_SIZE 0x200000ul

#ifndef __ASSEMBLER__
#include <base/types.h>

/* sizeof(struct page), which this header cannot see (mm/page.h). */
#define PAGE_DESCRIPTOR_SIZE 64ul

static inline void *phys_to_virt(phys_addr_t pa)
{
    return (void *)(pa + DIRECT_MAP_START);
}

static inline phys_addr_t virt_to_phys(const void *v)
{
    return (u64)v - DIRECT_MAP_START;
}

static inline struct page *pfn_to_page(u64 pfn)
{
    return (struct page *)(VMEMMAP_START + pfn * PAGE_DESCRIPTOR_SIZE);
}

static inline u64 page_to_pfn(const struct page *page)
{
    return ((u64)page - VMEMMAP_START) / PAGE_DESCRIPTOR_SIZE;
}

/* arch/x86_64/pages.S */
void page_clear(void *page);
void page_copy(void *dst, const void *src);

#endif
