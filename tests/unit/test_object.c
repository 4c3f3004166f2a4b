/* Memory objects: boot modules and shared anonymous memory. */
#include "fake.h"

#include <base/errno.h>
#include <base/string.h>

static const u8 *module_bytes(void)
{
    return phys_to_virt(FAKE_MODULE_START);
}

static struct mem_object *module(void)
{
    struct mem_object *object =
        object_create_module("data", FAKE_MODULE_START, FAKE_MODULE_SIZE);

    assert_non_null(object);
    return object;
}

static void module_pages(void **state __maybe_unused)
{
    struct mem_object *object = module();
    struct page *page;

    for (u64 i = 0; i < 4; i++) {
        assert_int_equal(object_get_page(object, i, &page), 0);
        assert_int_equal(page_to_pfn(page),
                         (FAKE_MODULE_START >> PAGE_SHIFT) + i);
        assert_int_equal(page->refcount, 2); /* its own and ours */
        put_page(page);
        assert_int_equal(page->flags, PG_RESERVED);
    }
    assert_int_equal(object_get_page(object, 4, &page), -ENXIO);
    assert_null(object_find_page(object, 4));
    assert_int_equal(object_add_page(object, 0, page), -EEXIST);
    assert_int_equal(object_seek(object, PAGE_SIZE, true), PAGE_SIZE);
    assert_int_equal(object_seek(object, 0, false), FAKE_MODULE_SIZE);
    object_put(object);
}

/* What a mapping of the last page shows after the end is zero. */
static void module_tail(void **state __maybe_unused)
{
    u8 *last = phys_to_virt(FAKE_MODULE_START + 3 * PAGE_SIZE);

    memset(last + 100, 0xcc, PAGE_SIZE - 100);
    object_put(module());
    for (unsigned i = 100; i < PAGE_SIZE; i++)
        assert_int_equal(last[i], 0);
}

static void module_read(void **state __maybe_unused)
{
    static u8 buf[FAKE_MODULE_SIZE + 10];
    struct mem_object *object = module();

    for (unsigned i = 0; i < 500; i++) {
        u64 offset = fake_rand(FAKE_MODULE_SIZE + 200);
        size_t n = fake_rand(2 * PAGE_SIZE), want = 0;

        if (offset < FAKE_MODULE_SIZE)
            want = min((u64)n, FAKE_MODULE_SIZE - offset);
        assert_int_equal(object_read(object, offset, buf, n), want);
        assert_memory_equal(buf, module_bytes() + offset, want);
    }
    assert_int_equal(object_read(object, ~0ul, buf, 10), 0);
    assert_int_equal(object_read(object, 0, buf, sizeof(buf)),
                     FAKE_MODULE_SIZE);
    object_put(object);
}

static void shmem_on_demand(void **state __maybe_unused)
{
    struct mem_object *object = object_create_shmem(10 * PAGE_SIZE + 1);
    struct page *page, *again;
    u8 *p;

    assert_non_null(object);
    assert_null(object_find_page(object, 3));
    assert_int_equal(object->page_count, 0);
    assert_int_equal(object_get_page(object, 3, &page), 0);
    assert_int_equal(page->refcount, 2); /* the object's and ours */
    assert_ptr_equal(page->object, object);
    assert_int_equal(page->index, 3);
    p = page_address(page);
    for (unsigned i = 0; i < PAGE_SIZE; i++)
        assert_int_equal(p[i], 0);
    assert_int_equal(object_get_page(object, 3, &again), 0);
    assert_ptr_equal(page, again);
    put_page(again);
    assert_int_equal(object->page_count, 1);
    assert_int_equal(object_get_page(object, 10, &again), 0); /* last, partly */
    put_page(again);
    assert_int_equal(object_get_page(object, 11, &again), -ENXIO);
    object_put(object);
    assert_int_equal(page->refcount, 1); /* ours outlives the object */
    assert_null(page->object);
    put_page(page);
}

static void shmem_read(void **state __maybe_unused)
{
    struct mem_object *object = object_create_shmem(3 * PAGE_SIZE);
    u8 buf[64];
    struct page *page;

    assert_int_equal(object_get_page(object, 1, &page), 0);
    memset(page_address(page), 0x77, PAGE_SIZE);
    put_page(page);
    memset(buf, 0xff, sizeof(buf));
    assert_int_equal(object_read(object, PAGE_SIZE - 32, buf, 64), 64);
    for (unsigned i = 0; i < 64; i++)
        assert_int_equal(buf[i], i < 32 ? 0 : 0x77);
    assert_null(object_find_page(object, 0)); /* reading made no page */
    object_put(object);
}

static void shmem_add(void **state __maybe_unused)
{
    struct mem_object *object = object_create_shmem(4 * PAGE_SIZE);
    struct page *page = alloc_page(), *other = alloc_page();

    assert_int_equal(object_add_page(object, 4, page), -ENXIO);
    assert_int_equal(object_add_page(object, 2, page), 0);
    assert_int_equal(object_add_page(object, 2, other), -EEXIST);
    assert_int_equal(page->refcount, 2);
    assert_int_equal(other->refcount, 1);
    put_page(page);
    put_page(other);
    object_put(object);
}

static void references(void **state __maybe_unused)
{
    struct mem_object *object = object_create_shmem(PAGE_SIZE);

    object_get(object);
    object_put(object);
    assert_int_equal(object->refcount, 1);
    object_put(object);
}

static void no_memory_left(void **state __maybe_unused)
{
    struct mem_object *object = object_create_shmem(1ul << 40);
    struct page *page;
    unsigned n = 0;
    int r;

    do {
        page_alloc_fail_nth(++n);
        r = object_get_page(object, 1ul << 25, &page);
        page_alloc_fail_nth(0);
    } while (r == -ENOMEM);
    assert_int_equal(r, 0);
    assert_int_equal(object->page_count, 1);
    put_page(page);
    object_put(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_TEST(module_pages), LEAK_TEST(module_tail),
        LEAK_TEST(module_read),  LEAK_TEST(shmem_on_demand),
        LEAK_TEST(shmem_read),   LEAK_TEST(shmem_add),
        LEAK_TEST(references),   LEAK_TEST(no_memory_left),
    };

    return cmocka_run_group_tests_name("object", tests, fake_boot, NULL);
}
