/*
 * Object caches. A slab is one block of frames cut into objects of one size;
 * its bookkeeping is in the descriptor of its first frame, its free objects
 * are linked through themselves. Relies on page_alloc.c; a cache's lock is
 * taken before the page allocator's.
 */
#include <base/printk.h>
#include <base/sanitize.h>
#include <base/string.h>
#include <mm/page.h>
#include <mm/slab.h>

#define OBJECT_ALIGN   16u
#define SLAB_MAX_ORDER 3u

static spinlock_t all_lock = SPINLOCK_INIT_CLASS(LOCK_SLAB_LIST);
static struct list_head all_caches = LIST_HEAD_INIT(all_caches);

/* The smallest order that holds an object and wastes at most an eighth. */
static unsigned slab_order(u32 size)
{
    unsigned order = 0;

    while ((PAGE_SIZE << order) < size)
        order++;
    while (order < SLAB_MAX_ORDER &&
           (PAGE_SIZE << order) % size > (PAGE_SIZE << order) / 8)
        order++;
    return order;
}

void kmem_cache_init(struct kmem_cache *cache, const char *name, size_t size)
{
    cache->name = name;
    cache->size = (u32)ALIGN_UP(size, (size_t)OBJECT_ALIGN);
    cache->order = slab_order(cache->size);
    cache->per_slab = (u32)((PAGE_SIZE << cache->order) / cache->size);
    spin_lock_init(&cache->lock);
    spin_lock_class(&cache->lock, LOCK_SLAB);
    list_init(&cache->partial);
    list_init(&cache->full);
    cache->empty = 0;
    cache->in_use = 0;
    spin_lock(&all_lock);
    list_add_tail(&cache->all, &all_caches);
    spin_unlock(&all_lock);
}

static struct page *slab_of(const struct kmem_cache *cache, const void *object)
{
    u64 block = PAGE_SIZE << cache->order;

    return virt_to_page((void *)ALIGN_DOWN((uintptr_t)object, block));
}

/* Marks every frame of the slab with its cache, so that kfree() can tell. */
static void slab_mark(struct kmem_cache *cache, struct page *slab, u32 flags)
{
    for (unsigned i = 0; i < 1u << cache->order; i++) {
        slab[i].flags = flags;
        slab[i].slab_cache = flags ? cache : NULL;
    }
}

/* Links the objects, first one first. */
static void slab_cut(struct kmem_cache *cache, struct page *slab)
{
    char *object = page_address(slab);

    slab->slab_free = object;
    slab->slab_used = 0;
    for (u32 i = 1; i < cache->per_slab; i++) {
        *(void **)object = object + cache->size;
        object += cache->size;
    }
    *(void **)object = NULL;
    mem_poison(page_address(slab), PAGE_SIZE << cache->order);
}

/* A fresh slab on the partial list; false: no memory. Cache locked. */
static bool slab_grow(struct kmem_cache *cache)
{
    struct page *slab = cache->order ? alloc_pages(cache->order) : alloc_page();

    if (!slab)
        return false;
    slab_mark(cache, slab, PG_SLAB);
    slab_cut(cache, slab);
    list_add(&slab->lru, &cache->partial);
    cache->empty++;
    return true;
}

static void slab_release(struct kmem_cache *cache, struct page *slab)
{
    mem_unpoison(page_address(slab), PAGE_SIZE << cache->order);
    slab_mark(cache, slab, 0);
    if (cache->order)
        free_pages(slab, cache->order);
    else
        free_page(slab);
}

/* The whole of allocation. */
static __cold void *alloc_slow(struct kmem_cache *cache)
{
    struct page *slab;
    void *object;

    spin_lock_hot(&cache->lock);
    if (list_empty(&cache->partial) && !slab_grow(cache)) {
        spin_unlock_hot(&cache->lock);
        return NULL;
    }
    slab = list_first_entry(&cache->partial, struct page, lru);
    object = slab->slab_free;
    mem_unpoison(object, cache->size);
    slab->slab_free = *(void **)object;
    if (slab->slab_used++ == 0)
        cache->empty--;
    if (!slab->slab_free)
        list_move_tail(&slab->lru, &cache->full);
    cache->in_use++;
    spin_unlock_hot(&cache->lock);
    return object;
}

/*
 * The usual case, which calls nothing and so saves no registers: the lock is
 * free, and the first slab stays partly used. (A slab on the partial list has
 * a free object; its last one moves it.)
 */
void *kmem_cache_alloc(struct kmem_cache *cache)
{
    struct page *slab;
    void *object, *next;

    if (object_alloc_should_fail())
        return NULL;
    if (unlikely(!spin_trylock_hot(&cache->lock)))
        return alloc_slow(cache);
    if (unlikely(list_empty(&cache->partial)))
        goto slow;
    slab = list_first_entry(&cache->partial, struct page, lru);
    object = slab->slab_free;
    mem_unpoison(object, cache->size);
    next = *(void **)object;
    if (unlikely(!next || !slab->slab_used))
        goto slow;
    slab->slab_free = next;
    slab->slab_used++;
    cache->in_use++;
    spin_unlock_hot(&cache->lock);
    return object;
slow:
    spin_unlock_hot(&cache->lock);
    return alloc_slow(cache);
}

void *kmem_cache_zalloc(struct kmem_cache *cache)
{
    void *object = kmem_cache_alloc(cache);

    if (likely(object))
        memset(object, 0, cache->size);
    return object;
}

/*
 * The slab was full, or its last object has come back. Of empty slabs one is
 * kept, last in the list so that others fill first. Unlocks the cache.
 */
static __cold void slab_moved(struct kmem_cache *cache, struct page *slab,
                              bool was_full)
{
    bool release = false;

    if (was_full) {
        list_del(&slab->lru);
        list_add(&slab->lru, &cache->partial);
    }
    if (!slab->slab_used) {
        list_del(&slab->lru);
        release = cache->empty;
        if (!release) {
            list_add_tail(&slab->lru, &cache->partial);
            cache->empty = 1;
        }
    }
    spin_unlock_hot(&cache->lock);
    if (release)
        slab_release(cache, slab);
}

/* Cache locked; unlocks it. */
static inline void free_locked(struct kmem_cache *cache, struct page *slab,
                               void *object)
{
    void *free = slab->slab_free;

    *(void **)object = free;
    mem_poison(object, cache->size);
    slab->slab_free = object;
    cache->in_use--;
    if (likely(--slab->slab_used && free))
        spin_unlock_hot(&cache->lock);
    else
        slab_moved(cache, slab, !free);
}

static __cold void free_slow(struct kmem_cache *cache, struct page *slab,
                             void *object)
{
    spin_lock_hot(&cache->lock);
    free_locked(cache, slab, object);
}

void kmem_cache_free(struct kmem_cache *cache, void *object)
{
    struct page *slab = slab_of(cache, object);

    BUG_ON(!(slab->flags & PG_SLAB) || slab->slab_cache != cache);
    if (likely(spin_trylock_hot(&cache->lock)))
        free_locked(cache, slab, object);
    else
        free_slow(cache, slab, object);
}

static void cache_shrink(struct kmem_cache *cache)
{
    struct page *slab, *next;

    spin_lock_hot(&cache->lock);
    list_for_each_entry_safe (slab, next, &cache->partial, lru) {
        if (slab->slab_used)
            continue;
        list_del(&slab->lru);
        cache->empty--;
        slab_release(cache, slab);
    }
    spin_unlock_hot(&cache->lock);
}

void kmem_cache_shrink_all(void)
{
    struct kmem_cache *cache;

    spin_lock(&all_lock);
    list_for_each_entry (cache, &all_caches, all)
        cache_shrink(cache);
    spin_unlock(&all_lock);
}

bool kmem_cache_lock_held(void)
{
    struct kmem_cache *cache;

    list_for_each_entry (cache, &all_caches, all)
        if (spin_is_held(&cache->lock))
            return true;
    return false;
}
