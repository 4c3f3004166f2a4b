/* Slab caches and kmalloc(): objects never overlap, frames come back. */
#include "fake.h"

#include <base/string.h>

#define MAX_OBJECTS 2000

static struct {
    u8 *p;
    size_t size;
    u8 fill;
} objects[MAX_OBJECTS];
static unsigned count;

/* Each object is filled with its own byte: an overlap would show. */
static void hold(void *p, size_t size)
{
    assert_non_null(p);
    assert_true(IS_ALIGNED((uintptr_t)p, 16));
    objects[count].p = p;
    objects[count].size = size;
    objects[count].fill = (u8)fake_rand(256);
    memset(p, objects[count].fill, size);
    count++;
}

static u8 *release(unsigned i)
{
    u8 *p = objects[i].p;

    for (size_t b = 0; b < objects[i].size; b++)
        assert_int_equal(p[b], objects[i].fill);
    objects[i] = objects[--count];
    return p;
}

static void cache_of_size(size_t size)
{
    struct kmem_cache cache;

    kmem_cache_init(&cache, "test", size);
    assert_true(cache.size >= size);
    assert_true(cache.per_slab * cache.size <= PAGE_SIZE << cache.order);
    for (unsigned op = 0; fake_more(op, 3000); op++) {
        if (count < 300 && fake_rand(100) < 52)
            hold(kmem_cache_alloc(&cache), size);
        else if (count)
            kmem_cache_free(&cache, release((unsigned)fake_rand(count)));
        assert_int_equal(cache.in_use, count);
        assert_true(cache.empty <= 1);
    }
    while (count)
        kmem_cache_free(&cache, release(count - 1));
    kmem_cache_shrink_all();
    assert_int_equal(cache.empty, 0);
    assert_true(list_empty(&cache.partial) && list_empty(&cache.full));
    list_del(&cache.all);
}

static void caches(void **state __maybe_unused)
{
    static const size_t sizes[] = {8,    16,   24,   64,   144,   208,
                                   1000, 2064, 4096, 5000, 12288, 32768};

    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++)
        cache_of_size(sizes[i]);
}

/* Not more than an eighth of a slab is wasted, as long as order 3 allows. */
static void little_waste(void **state __maybe_unused)
{
    for (size_t size = 16; size <= 4096; size += 16) {
        struct kmem_cache cache;
        size_t block;

        kmem_cache_init(&cache, "test", size);
        list_del(&cache.all);
        block = PAGE_SIZE << cache.order;
        assert_true(cache.order == 3 ||
                    block - cache.per_slab * cache.size <= block / 8);
    }
}

static void zalloc(void **state __maybe_unused)
{
    struct kmem_cache cache;
    u8 *p;

    kmem_cache_init(&cache, "test", 100);
    p = kmem_cache_alloc(&cache);
    memset(p, 0xee, 100);
    kmem_cache_free(&cache, p);
    p = kmem_cache_zalloc(&cache);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(p[i], 0);
    kmem_cache_free(&cache, p);
    kmem_cache_shrink_all();
    list_del(&cache.all);
}

static void kmalloc_sizes(void **state __maybe_unused)
{
    for (unsigned op = 0; fake_more(op, 6000); op++) {
        if (count < 200 && fake_rand(100) < 52) {
            size_t size = 1 + fake_rand(1ul << (1 + fake_rand(16)));

            hold(kmalloc(size), size);
        } else if (count) {
            kfree(release((unsigned)fake_rand(count)));
        }
    }
    while (count)
        kfree(release(0));
}

static void kmalloc_edges(void **state __maybe_unused)
{
    u8 *p;

    for (unsigned shift = 4; shift <= 16; shift++)
        for (size_t size = (1ul << shift) - 1; size <= (1ul << shift) + 1;
             size++) {
            hold(kmalloc(size), size);
            kfree(release(0));
        }
    kfree(NULL);
    assert_null(kmalloc((4ul << 20) + 1));
    hold(kmalloc(4ul << 20), 4ul << 20);
    kfree(release(0));
    p = kzalloc(5000);
    for (unsigned i = 0; fake_more(i, 5000); i++)
        assert_int_equal(p[i], 0);
    kfree(p);
}

static void no_memory_left(void **state __maybe_unused)
{
    struct kmem_cache cache;

    kmem_cache_init(&cache, "test", 2048);
    page_alloc_fail_nth(1);
    assert_null(kmem_cache_alloc(&cache));
    hold(kmem_cache_alloc(&cache), 2048);
    page_alloc_fail_nth(1);
    hold(kmem_cache_alloc(&cache), 2048); /* same slab: no frame needed */
    assert_null(kmem_cache_zalloc(&cache));
    page_alloc_fail_nth(1);
    assert_null(kmalloc(10000));
    page_alloc_fail_nth(1);
    assert_null(kzalloc(10000));
    while (count)
        kmem_cache_free(&cache, release(0));
    kmem_cache_shrink_all();
    list_del(&cache.all);
}

static void wrong_cache(void **state __maybe_unused)
{
    struct kmem_cache a, b;
    void *p;

    kmem_cache_init(&a, "a", 64);
    kmem_cache_init(&b, "b", 64);
    p = kmem_cache_alloc(&a);
    EXPECT_PANIC(kmem_cache_free(&b, p));
    kmem_cache_free(&a, p);
    kmem_cache_shrink_all();
    list_del(&a.all);
    list_del(&b.all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_TEST(caches),        cmocka_unit_test(little_waste),
        LEAK_TEST(zalloc),        LEAK_TEST(kmalloc_sizes),
        LEAK_TEST(kmalloc_edges), LEAK_TEST(no_memory_left),
        LEAK_TEST(wrong_cache),
    };

    return cmocka_run_group_tests_name("slab", tests, fake_boot, NULL);
}
