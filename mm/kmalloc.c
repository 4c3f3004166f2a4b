/*
 * Memory by size: powers of two from 16 bytes to 8 KiB out of slab caches,
 * whole blocks of frames above. Relies on slab.c and page_alloc.c.
 */
#include <base/printk.h>
#include <base/string.h>
#include <mm/page.h>
#include <mm/slab.h>

#define MIN_SHIFT 4
#define MAX_SHIFT 13

static struct kmem_cache sizes[MAX_SHIFT - MIN_SHIFT + 1];
static const char *const names[ARRAY_SIZE(sizes)] = {
    "kmalloc-16",   "kmalloc-32",  "kmalloc-64",   "kmalloc-128",
    "kmalloc-256",  "kmalloc-512", "kmalloc-1024", "kmalloc-2048",
    "kmalloc-4096", "kmalloc-8192"};

/* The smallest n with 2^n >= size, size > 1. */
static unsigned shift_for(size_t size)
{
    return 64u - (unsigned)__builtin_clzl(size - 1);
}

static void *alloc_block(size_t size)
{
    struct page *page;

    if (size > PAGE_SIZE << MAX_ORDER)
        return NULL;
    page = alloc_pages(shift_for(size) - PAGE_SHIFT);
    return page ? page_address(page) : NULL;
}

void *kmalloc(size_t size)
{
    if (unlikely(size > 1ul << MAX_SHIFT))
        return alloc_block(size);
    if (size <= 1ul << MIN_SHIFT)
        return kmem_cache_alloc(&sizes[0]);
    return kmem_cache_alloc(&sizes[shift_for(size) - MIN_SHIFT]);
}

void *kzalloc(size_t size)
{
    void *p = kmalloc(size);

    if (likely(p))
        memset(p, 0, size);
    return p;
}

void kfree(void *p)
{
    struct page *page;

    if (!p)
        return;
    page = virt_to_page(p);
    if (likely(page->flags & PG_SLAB)) {
        kmem_cache_free(page->slab_cache, p);
        return;
    }
    BUG_ON(!IS_ALIGNED((uintptr_t)p, PAGE_SIZE << page->order));
    free_pages(page, page->order);
}

void slab_init(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++)
        kmem_cache_init(&sizes[i], names[i], 1ul << (MIN_SHIFT + i));
}
