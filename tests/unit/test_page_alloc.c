/* The buddy allocator and the page cache against a map of frames: no frame is
 * given twice, blocks are aligned, everything merges back. */
#include "fake.h"

#include <base/errno.h>
#include <base/string.h>

#define MAX_BLOCKS 4096

/* What is allocated: block heads and, per frame, whether it is out. */
static struct {
    struct page *page;
    unsigned order;
} blocks[MAX_BLOCKS];
static unsigned block_count;
static bool out[FAKE_FRAMES], ram[FAKE_FRAMES];
static u64 out_count;

/* A machine with holes, odd edges and a reserved stretch. */
static void boot(void)
{
    phys_addr_t start, end;

    page_cache_drain();
    fake_machine_bare();
    memblock_add(0, 0x9f000);
    memblock_add(0x100000, 0x2345000);
    memblock_add(0x3001000, 0x1fff000);
    memblock_reserve(0, 0x1000);
    memblock_reserve(0x500000, 0x123000);
    fake_descriptors_init();
    page_alloc_init();
    memset(ram, 0, sizeof(ram));
    memset(out, 0, sizeof(out));
    block_count = 0;
    out_count = 0;
    for (unsigned i = 0; memblock_free_range(i, &start, &end); i++)
        for (u64 pfn = start >> PAGE_SHIFT; pfn < end >> PAGE_SHIFT; pfn++)
            ram[pfn] = true;
}

static int setup(void **state __maybe_unused)
{
    boot();
    return 0;
}

static void take(struct page *page, unsigned order)
{
    u64 pfn = page_to_pfn(page);

    assert_true(IS_ALIGNED(pfn, 1ul << order));
    assert_int_equal(page->refcount, 1);
    assert_int_equal(page->flags, 0);
    assert_int_equal(page->order, order);
    for (u64 i = pfn; i < pfn + (1ul << order); i++) {
        assert_true(ram[i] && !out[i]);
        out[i] = true;
    }
    memset(page_address(page), 0x5a, PAGE_SIZE << order);
    assert_true(block_count < MAX_BLOCKS);
    blocks[block_count].page = page;
    blocks[block_count++].order = order;
    out_count += 1ul << order;
}

static void give_back(unsigned i)
{
    struct page *page = blocks[i].page;
    unsigned order = blocks[i].order;
    u64 pfn = page_to_pfn(page);

    for (u64 f = pfn; f < pfn + (1ul << order); f++)
        out[f] = false;
    out_count -= 1ul << order;
    blocks[i] = blocks[--block_count];
    if (order)
        free_pages(page, order);
    else if (fake_rand(2))
        put_page(page);
    else
        free_page(page);
}

static void check(u64 all_free)
{
    assert_int_equal(fake_frames_check(), 0);
    assert_int_equal(frames_free(), all_free - out_count);
}

static u64 ram_frames(void)
{
    u64 n = 0;

    for (u64 i = 0; i < FAKE_FRAMES; i++)
        n += ram[i];
    return n;
}

static void counts_at_boot(void **state __maybe_unused)
{
    assert_int_equal(frames_free(), ram_frames());
    assert_int_equal(frames_total(), 0x9f + 0x2345 + 0x1fff);
    assert_int_equal(fake_frames_check(), 0);
    assert_int_equal(pfn_to_page(0x500)->flags, PG_RESERVED);
    assert_int_equal(pfn_to_page(0x622)->refcount, 1);
    assert_int_not_equal(pfn_to_page(0x623)->flags, PG_RESERVED);
}

static void random_ops(void **state __maybe_unused)
{
    u64 all = frames_free();

    for (unsigned op = 0; fake_more(op, 30000); op++) {
        if (block_count < MAX_BLOCKS && fake_rand(100) < 55) {
            /* Mostly small, sometimes any order. */
            unsigned order = (unsigned)fake_rand(fake_rand(4) ? 2 : 11);
            struct page *page = order ? alloc_pages(order) : alloc_page();

            if (page)
                take(page, order);
        } else if (block_count) {
            give_back((unsigned)fake_rand(block_count));
        }
        if (op % 500 == 0)
            check(all);
    }
    while (block_count)
        give_back(block_count - 1);
    page_cache_drain();
    check(all);
}

/* With everything free again the blocks are as large as at boot. */
static void merges_back(void **state __maybe_unused)
{
    unsigned large = 0, large_again = 0;
    struct page *page;

    while ((page = alloc_pages(MAX_ORDER))) {
        take(page, MAX_ORDER);
        large++;
    }
    while (block_count)
        give_back(0);
    while (block_count < MAX_BLOCKS && (page = alloc_page()))
        take(page, 0);
    while (block_count)
        give_back((unsigned)fake_rand(block_count));
    page_cache_drain();
    while ((page = alloc_pages(MAX_ORDER))) {
        take(page, MAX_ORDER);
        large_again++;
    }
    assert_true(large > 0);
    assert_int_equal(large, large_again);
}

/* Every order can be had until nothing is left, and all of it is counted. */
static void exhaustion(void **state __maybe_unused)
{
    u64 all = frames_free();

    for (int order = MAX_ORDER; order >= 0; order--) {
        struct page *page;

        while ((page = alloc_pages((unsigned)order)))
            take(page, (unsigned)order);
    }
    assert_int_equal(out_count, all);
    assert_int_equal(frames_free(), 0);
    assert_null(alloc_page());
    assert_null(alloc_zeroed_page());
    check(all);
    while (block_count)
        give_back((unsigned)fake_rand(block_count));
    page_cache_drain();
    check(all);
}

/* A large request may need the pages this CPU keeps at hand. */
static void cache_gives_way(void **state __maybe_unused)
{
    struct page *page, *last = NULL;

    while ((page = alloc_pages(MAX_ORDER)))
        ;
    for (unsigned order = MAX_ORDER; order-- > 1;)
        while ((page = alloc_pages(order)))
            last = page;
    while ((page = alloc_pages(0)))
        ;
    last->refcount = 0;
    free_pages(last, 1); /* two frames left ... */
    page = alloc_page(); /* ... both in the cache now, one taken */
    assert_non_null(page);
    put_page(page);
    assert_non_null(alloc_pages(1));
}

static void too_large(void **state __maybe_unused)
{
    assert_null(alloc_pages(MAX_ORDER + 1));
}

static void zeroed(void **state __maybe_unused)
{
    struct page *page = alloc_page();
    const char *p;

    memset(page_address(page), 0xff, PAGE_SIZE);
    put_page(page);
    page = alloc_zeroed_page();
    p = page_address(page);
    for (unsigned i = 0; i < PAGE_SIZE; i++)
        assert_int_equal(p[i], 0);
    put_page(page);
}

static void references(void **state __maybe_unused)
{
    u64 free = frames_free();
    struct page *page = alloc_page();

    get_page(page);
    put_page(page);
    assert_int_equal(frames_free(), free - 1);
    put_page(page);
    assert_int_equal(frames_free(), free);
}

static void nth_failure(void **state __maybe_unused)
{
    struct page *page;

    page_alloc_fail_nth(3);
    for (unsigned i = 1; i <= 5; i++) {
        page = i & 1 ? alloc_page() : alloc_pages(0);
        assert_int_equal(!page, i == 3);
    }
}

/* Each CPU has its own cache; all of them count as free. */
static void caches_of_cpus(void **state __maybe_unused)
{
    u64 free = frames_free();
    struct page *page;

    for (fake_cpu = 0; fake_cpu < 4; fake_cpu++) {
        page = alloc_page();
        assert_int_equal(frames_free(), free - 1);
        put_page(page);
    }
    for (fake_cpu = 0; fake_cpu < 4; fake_cpu++)
        page_cache_drain();
    fake_cpu = 0;
    assert_int_equal(frames_free(), free);
    assert_int_equal(fake_frames_check(), 0);
}

static void misuse_is_caught(void **state __maybe_unused)
{
    struct page *page = alloc_page(), *block = alloc_pages(3);

    EXPECT_PANIC(free_pages(block, 2));
    EXPECT_PANIC(free_page(pfn_to_page(0x500))); /* reserved */
    get_page(page);
    EXPECT_PANIC(free_page(page)); /* still referenced */
    put_page(page);
    free_page(page);
    EXPECT_PANIC(free_page(page)); /* twice, in the cache */
    free_pages(block, 3);
}

static void damage_is_seen(void **state __maybe_unused)
{
    struct page *page = alloc_pages(4);

    free_pages(page, 4);
    fake_quiet = true;
    page[1].flags = PG_ANON;
    assert_int_equal(fake_frames_check(), -EINVAL);
    page[1].flags = 0;
    assert_int_equal(fake_frames_check(), 0);
    fake_quiet = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(counts_at_boot, setup),
        cmocka_unit_test_setup(random_ops, setup),
        cmocka_unit_test_setup(merges_back, setup),
        cmocka_unit_test_setup(exhaustion, setup),
        cmocka_unit_test_setup(cache_gives_way, setup),
        cmocka_unit_test_setup(too_large, setup),
        cmocka_unit_test_setup(zeroed, setup),
        cmocka_unit_test_setup(references, setup),
        cmocka_unit_test_setup(nth_failure, setup),
        cmocka_unit_test_setup(caches_of_cpus, setup),
        cmocka_unit_test_setup(misuse_is_caught, setup),
        cmocka_unit_test_setup(damage_is_seen, setup),
    };

    fake_seed();
    return cmocka_run_group_tests_name("page_alloc", tests, NULL, NULL);
}
