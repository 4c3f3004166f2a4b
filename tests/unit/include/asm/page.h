/* The fake machine's memory: physical addresses are offsets into an arena. */
#pragma once

#include <base/types.h>
#include <string.h>

#define PAGE_SHIFT 12
#define PAGE_SIZE  0x1000ul
#define PAGE_MASK  (~(PAGE_SIZE - 1))

#define TASK_SIZE     0x00007ffffffff000ul
#define MMAP_MIN_ADDR 0x10000ul
#define STACK_TOP     TASK_SIZE

/* Areas that grow up are only made by the tests that want one. */
#define ARCH_VM_GROWSUP

#define KERNEL_SPACE_START 0xffff800000000000ul
#define VMALLOC_START      0xffffc90000000000ul
#define VMALLOC_END        0xffffc98000000000ul

#define FAKE_PHYS_SIZE (96ul << 20)
#define FAKE_FRAMES    (FAKE_PHYS_SIZE >> PAGE_SHIFT)
#define FAKE_PAGE_DESC                                                         \
    64ul /* sizeof(struct page), checked in fake_machine.c                     \
          */

extern char *fake_arena;
extern char fake_descriptors[FAKE_FRAMES * FAKE_PAGE_DESC];

static inline void *phys_to_virt(phys_addr_t pa)
{
    return fake_arena + pa;
}

static inline phys_addr_t virt_to_phys(const void *v)
{
    return (phys_addr_t)((const char *)v - fake_arena);
}

static inline struct page *pfn_to_page(u64 pfn)
{
    return (struct page *)(fake_descriptors + pfn * FAKE_PAGE_DESC);
}

static inline u64 page_to_pfn(const struct page *page)
{
    return (u64)((const char *)page - fake_descriptors) / FAKE_PAGE_DESC;
}

/* Called once by the next page_clear(): lets a test be the other CPU that gets
 * in between an allocation and its use. */
extern void (*fake_on_page_clear)(void);

static inline void page_clear(void *page)
{
    void (*hook)(void) = fake_on_page_clear;

    fake_on_page_clear = NULL;
    if (hook)
        hook();
    memset(page, 0, PAGE_SIZE);
}

/* The same for page_copy(): after the copy. */
extern void (*fake_on_page_copy)(void);

static inline void page_copy(void *dst, const void *src)
{
    void (*hook)(void) = fake_on_page_copy;

    memcpy(dst, src, PAGE_SIZE);
    fake_on_page_copy = NULL;
    if (hook)
        hook();
}
