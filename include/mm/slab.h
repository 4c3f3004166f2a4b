/*
 * Object caches over whole frames, and kmalloc() for odd sizes. Objects come
 * uncleared. Callable from anywhere but interrupts.
 */
#pragma once

#include <base/list.h>
#include <base/spinlock.h>
#include <base/types.h>

struct kmem_cache {
    const char *name;
    u32 size;     /* of one object, rounded up to 16 */
    u32 order;    /* of one slab */
    u32 per_slab; /* objects in one slab */
    spinlock_t lock;
    struct list_head partial; /* slabs with a free object, fullest not first */
    struct list_head full;
    u32 empty; /* slabs on partial with no object in use; at most one is kept */
    u64 in_use;
    struct list_head all; /* every cache, for statistics and shrinking */
};

/* Makes cache ready; objects of size bytes (8..32768). Nothing allocated. */
void kmem_cache_init(struct kmem_cache *cache, const char *name, size_t size);

/* Returns an object or NULL. */
void *kmem_cache_alloc(struct kmem_cache *cache) __must_check;
void *kmem_cache_zalloc(struct kmem_cache *cache) __must_check;
void kmem_cache_free(struct kmem_cache *cache, void *object);

/* This CPU holds the lock of some cache. For when something went wrong. */
bool kmem_cache_lock_held(void);

/* Gives empty slabs of every cache back to the page allocator. */
void kmem_cache_shrink_all(void);

/* 16 bytes .. 4 MiB; over 8 KiB whole page blocks. kfree(NULL) is nothing. */
void *kmalloc(size_t size) __must_check;
void *kzalloc(size_t size) __must_check;
void kfree(void *p);

/* Readies the kmalloc caches; after page_alloc_init(). */
void slab_init(void);
