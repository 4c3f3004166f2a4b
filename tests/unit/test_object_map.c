/*
 * Objects that change under the areas that map them: truncation, holes, seals,
 * and every allocation failing in turn. Each test ends with all frames back
 * and no stale translation.
 */
#include "fake.h"

#include <base/errno.h>
#include <base/string.h>
#include <uapi/faultline/mman.h>

#define RW    (PROT_READ | PROT_WRITE)
#define PAGES 8

static struct mm_struct *mm;
static struct mem_object *object;

static int setup(void **state)
{
    fake_mark(state);
    mm = mm_create();
    fake_mm = mm;
    object = fake_object();
    if (!mm || !object)
        return -1;
    return object_resize(object, PAGES * PAGE_SIZE);
}

static int teardown(void **state)
{
    assert_int_equal(validate_mm(mm), 0);
    fake_tlb_check();
    mm_put(mm);
    fake_mm = NULL;
    object_put(object);
    return fake_check_leaks(state);
}

static u64 map(u64 pages, u64 flags, u64 pgoff)
{
    long r = do_mmap(mm, 0, pages * PAGE_SIZE, RW, flags, object, pgoff, true);

    assert_true(r > 0);
    return (u64)r;
}

static enum fake_result access_to(struct mm_struct *m, u64 va, bool write)
{
    char *p;

    return fake_access(m, va, write, &p);
}

/* Writes c to each page of the area. */
static void fill(u64 start, u64 pages, char c)
{
    for (u64 i = 0; i < pages; i++)
        assert_true(fake_write(mm, start + i * PAGE_SIZE, c));
}

static void truncate_unmaps(void **state __maybe_unused)
{
    u64 shared = map(PAGES, MAP_SHARED, 0), private = map(4, MAP_PRIVATE, 2);

    fill(shared, PAGES, 's');
    fill(private, 2, 'p'); /* pages 2 and 3; 4 and 5 are the object's */
    assert_int_equal(fake_read(mm, private + 2 * PAGE_SIZE), 's');
    assert_int_equal(object_resize(object, 3 * PAGE_SIZE), 0);
    fake_tlb_check();
    assert_int_equal(object->page_count, 3);
    assert_int_equal(mm->rss[RSS_SHMEM], 3);
    assert_int_equal(mm->rss[RSS_ANON], 1);
    assert_int_equal(fake_read(mm, shared + 2 * PAGE_SIZE), 's');
    assert_int_equal(access_to(mm, shared + 3 * PAGE_SIZE, false), FAKE_SIGBUS);
    assert_int_equal(fake_read(mm, private), 'p');
    for (u64 i = 1; i < 4; i++)
        assert_int_equal(access_to(mm, private + i * PAGE_SIZE, true),
                         FAKE_SIGBUS);
    assert_int_equal(object_resize(object, 0), 0);
    assert_int_equal(object->page_count, 0);
    assert_null(object->tree.root); /* its nodes as well */
}

static void hole_keeps_copies(void **state __maybe_unused)
{
    u64 shared = map(PAGES, MAP_SHARED, 0),
        private = map(PAGES, MAP_PRIVATE, 0);

    fill(shared, PAGES, 's');
    fill(private, 2, 'p');
    assert_int_equal(fake_read(mm, private + 2 * PAGE_SIZE), 's');
    assert_int_equal(object_punch_hole(object, PAGE_SIZE + 1, 2 * PAGE_SIZE),
                     0);
    fake_tlb_check();
    assert_int_equal(object->page_count, PAGES - 1);
    assert_int_equal(fake_read(mm, shared + PAGE_SIZE), 's');
    assert_int_equal(fake_read(mm, shared + 2 * PAGE_SIZE), 0);
    assert_int_equal(fake_read(mm, shared + 3 * PAGE_SIZE), 0); /* its start */
    assert_int_equal(fake_read(mm, private + PAGE_SIZE), 'p');
    assert_int_equal(fake_read(mm, private + 2 * PAGE_SIZE), 0);
    assert_int_equal(object_punch_hole(object, 0, PAGES * PAGE_SIZE), 0);
    fake_tlb_check();
    assert_int_equal(mm->rss[RSS_SHMEM], 0);
    assert_int_equal(mm->rss[RSS_ANON], 2);
    assert_int_equal(fake_read(mm, private), 'p');
}

static u64 race_size, race_at;

static void other_cpu_truncates(void)
{
    assert_int_equal(object_resize(object, race_size), 0);
}

static void other_cpu_punches(void)
{
    assert_int_equal(object_punch_hole(object, 0, PAGES * PAGE_SIZE), 0);
}

/* And another thread reads the hole, by the same entry. */
static void other_cpu_punches_and_reads(void)
{
    assert_int_equal(object_punch_hole(object, PAGE_SIZE, PAGE_SIZE), 0);
    assert_int_equal(fake_read(mm, race_at), 0);
}

/* The object shrinks while a fault makes, or copies, the page. */
static void truncate_races_with_faults(void **state __maybe_unused)
{
    u64 shared = map(PAGES, MAP_SHARED, 0),
        private = map(PAGES, MAP_PRIVATE, 0);

    race_size = PAGE_SIZE;
    fake_on_page_clear = other_cpu_truncates;
    assert_int_equal(access_to(mm, shared + PAGE_SIZE, true), FAKE_SIGBUS);
    assert_int_equal(object->page_count, 0);
    assert_int_equal(object_resize(object, PAGES * PAGE_SIZE), 0);
    fill(shared, PAGES, 's');
    fake_on_page_copy = other_cpu_truncates;
    assert_int_equal(access_to(mm, private + PAGE_SIZE, true), FAKE_SIGBUS);
    assert_int_equal(mm->rss[RSS_ANON], 0);
    /* A hole instead: the copy has what was there after it. */
    fake_on_page_copy = other_cpu_punches;
    assert_true(fake_write(mm, private + 1, 'p'));
    assert_int_equal(fake_read(mm, private), 0);
    assert_int_equal(mm->rss[RSS_ANON], 1);
    /* The page that is copied is not used anew meanwhile. */
    assert_int_equal(object_resize(object, PAGES * PAGE_SIZE), 0);
    fill(shared, PAGES, 's');
    race_at = private + PAGE_SIZE;
    assert_int_equal(fake_read(mm, race_at), 's');
    fake_on_page_copy = other_cpu_punches_and_reads;
    assert_true(fake_write(mm, race_at + 1, 'p'));
    assert_int_equal(fake_read(mm, race_at), 0);
}

static void fork_and_truncate(void **state __maybe_unused)
{
    u64 private = map(PAGES, MAP_PRIVATE, 0);
    struct mm_struct *child;

    fill(private, PAGES, 'p');
    child = mm_fork(mm);
    assert_non_null(child);
    assert_true(fake_write(child, private + 7 * PAGE_SIZE, 'c'));
    assert_int_equal(object_resize(object, PAGE_SIZE), 0);
    fake_tlb_check();
    assert_int_equal(mm->rss[RSS_ANON], 1);
    assert_int_equal(child->rss[RSS_ANON], 1);
    assert_int_equal(access_to(child, private + PAGE_SIZE, false), FAKE_SIGBUS);
    assert_int_equal(fake_read(child, private), 'p');
    mm_put(child);
    assert_int_equal(fake_read(mm, private), 'p');
}

/* More pages than are unmapped at a time, mapped here and there: all of them
 * go, and what lies beside them stays. */
static void long_ranges(void **state __maybe_unused)
{
    static const u64 at[] = {0, 1, 8191, 8192, 8193, 16385, 30000};
    const u64 pages = 40000, far = 20000;
    u64 whole, part;

    assert_int_equal(object_resize(object, pages * PAGE_SIZE), 0);
    whole = map(pages, MAP_SHARED, 0);
    part = map(pages - far, MAP_SHARED, far);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < ARRAY_SIZE(at); i++)
            fill(whole + at[i] * PAGE_SIZE, 1, 'w');
        assert_int_equal(fake_read(mm, part + (30000 - far) * PAGE_SIZE), 'w');
        assert_int_equal(mm->rss[RSS_SHMEM], ARRAY_SIZE(at) + 1);
        if (round == 0)
            assert_int_equal(
                object_punch_hole(object, PAGE_SIZE, (pages - 1) * PAGE_SIZE),
                0);
        else
            assert_int_equal(object_resize(object, PAGE_SIZE), 0);
        fake_tlb_check();
        assert_int_equal(mm->rss[RSS_SHMEM], 1);
        assert_int_equal(fake_read(mm, whole), 'w');
    }
    assert_int_equal(do_munmap(mm, whole, pages * PAGE_SIZE), 0);
    assert_int_equal(object_resize(object, 0), 0); /* only `part` is left */
    assert_int_equal(do_munmap(mm, part, (pages - far) * PAGE_SIZE), 0);
}

/* Random cuts, moves of rights and holes; then every page in the object's
 * range is unmapped, and nothing else. */
static void pieces(void **state __maybe_unused)
{
    const u64 pages = 64;

    assert_int_equal(object_resize(object, pages * PAGE_SIZE), 0);
    for (unsigned round = 0; fake_more(round, 50); round++) {
        u64 a = map(pages, MAP_SHARED, 0), cut = fake_rand(pages);

        fill(a, pages, 'a');
        for (unsigned i = 0; fake_more(i, 40); i++) {
            u64 at = fake_rand(pages), n = 1 + fake_rand(pages - at);

            assert_int_equal(do_mprotect(mm, a + at * PAGE_SIZE, n * PAGE_SIZE,
                                         fake_rand(2) ? RW : PROT_READ),
                             0);
            assert_int_equal(validate_mm(mm), 0);
        }
        assert_int_equal(object_resize(object, cut * PAGE_SIZE), 0);
        fake_tlb_check();
        assert_int_equal(mm->rss[RSS_SHMEM], cut);
        assert_int_equal(object_resize(object, pages * PAGE_SIZE), 0);
        assert_int_equal(do_munmap(mm, a, pages * PAGE_SIZE), 0);
    }
    assert_null(object->mappings.node);
}

static void seals(void **state __maybe_unused)
{
    u64 a = map(1, MAP_SHARED, 0);
    struct page *page = alloc_zeroed_page();

    assert_int_equal(object_add_seals(object, 0x40), -EINVAL);
    assert_int_equal(object_add_seals(object, F_SEAL_WRITE), -EBUSY);
    assert_int_equal(do_munmap(mm, a, PAGE_SIZE), 0);
    assert_true(object_map_shared_begin(object)); /* a call on its way */
    assert_int_equal(object_add_seals(object, F_SEAL_WRITE), -EBUSY);
    object_map_shared_end(object);
    assert_int_equal(object_add_seals(object, F_SEAL_WRITE), 0);
    assert_false(object_map_shared_begin(object));
    assert_int_equal(object_write(object, 0, 1, 1, &page), -EPERM);
    assert_int_equal(object_punch_hole(object, 0, PAGE_SIZE), -EPERM);
    assert_int_equal(object_resize(object, PAGE_SIZE), 0);
    put_page(page);
}

/* A page written goes in as it is, zeroed around what was written. */
static void writing(void **state __maybe_unused)
{
    struct page *page = alloc_page();
    char bytes[12];

    assert_non_null(page);
    memset(page_address(page), 0xee, PAGE_SIZE);
    assert_int_equal(object_write(object, PAGE_SIZE + 5, 3, ~0ull, &page), 0);
    assert_null(page); /* it is the object's now */
    assert_int_equal(object_read(object, PAGE_SIZE, bytes, 12), 12);
    assert_memory_equal(bytes, "\0\0\0\0\0\xee\xee\xee\0\0\0\0", 12);
    page = alloc_page();
    memset(page_address(page), 'w', PAGE_SIZE);
    assert_int_equal(object_write(object, PAGE_SIZE + 7, 3, ~0ull, &page), 0);
    assert_non_null(page); /* only copied */
    assert_int_equal(object_read(object, PAGE_SIZE, bytes, 12), 12);
    assert_memory_equal(bytes, "\0\0\0\0\0\xee\xeewww\0\0", 12);
    put_page(page);
}

static void data_and_holes(void **state __maybe_unused)
{
    u64 a = map(PAGES, MAP_SHARED, 0);

    fill(a + 2 * PAGE_SIZE, 2, 'x');
    assert_int_equal(object_reserve(object, 5 * PAGE_SIZE, 1, true), 0);
    assert_int_equal(object->page_count, 3);
    assert_int_equal(object_seek(object, 0, true), 2 * PAGE_SIZE);
    assert_int_equal(object_seek(object, 2 * PAGE_SIZE + 1, false),
                     4 * PAGE_SIZE);
    assert_int_equal(object_seek(object, 4 * PAGE_SIZE, true), -ENXIO);
    assert_int_equal(fake_read(mm, a + 5 * PAGE_SIZE), 0); /* used now */
    assert_int_equal(object_seek(object, 4 * PAGE_SIZE, true), 5 * PAGE_SIZE);
    assert_int_equal(object_resize(object, 1ull << 62), 0);
    assert_int_equal(object_seek(object, 6 * PAGE_SIZE, true), -ENXIO);
    assert_int_equal(object_seek(object, 0, false), 0);
    assert_int_equal(object_seek(object, 1ull << 62, false), -ENXIO);
}

/* What a call that could not go on has set aside goes, but nothing else. */
static void reserving_is_undone(void **state __maybe_unused)
{
    u64 a = map(PAGES, MAP_SHARED, 0);

    assert_true(fake_write(mm, a + PAGE_SIZE, 'u'));
    fake_signal = true;
    assert_int_equal(object_reserve(object, 0, 4 * PAGE_SIZE, true), -EINTR);
    fake_signal = false;
    assert_int_equal(object->page_count, 1);
    page_alloc_fail_nth(2);
    assert_int_equal(object_reserve(object, 0, 4 * PAGE_SIZE, true), -ENOMEM);
    page_alloc_fail_nth(0);
    assert_int_equal(object->page_count, 1);
    assert_int_equal(fake_read(mm, a + PAGE_SIZE), 'u');
}

/* What a call that failed for memory leaves is what was there before. */
static void every_allocation_may_fail(void **state __maybe_unused)
{
    unsigned n = 0;
    int r;

    do {
        page_alloc_fail_nth(++n);
        r = object_reserve(object, 0, 4 * PAGE_SIZE, true);
        page_alloc_fail_nth(0);
        assert_int_equal(object->page_count, r ? 0 : 4);
    } while (r == -ENOMEM);
    assert_int_equal(r, 0);
    assert_true(n > 4);
    n = 0;
    do {
        struct page *page = alloc_zeroed_page();

        assert_non_null(page);
        page_alloc_fail_nth(++n);
        r = object_write(object, 1ull << 40, 1, ~0ull, &page);
        page_alloc_fail_nth(0);
        assert_int_equal(object->page_count, r ? 4 : 5);
        assert_int_equal(object->size,
                         r ? PAGES * PAGE_SIZE : (1ull << 40) + 1);
        if (page)
            put_page(page);
    } while (r == -ENOMEM);
    assert_int_equal(r, 0);
    assert_true(n > 2);
}

/* The same for faults: OOM, and the next try goes well. */
static void every_fault_may_fail(void **state __maybe_unused)
{
    for (unsigned kind = 0; kind < 4; kind++) {
        u64 a = map(PAGES, kind & 1 ? MAP_SHARED : MAP_PRIVATE, 0);
        enum fake_result r;
        unsigned n = 0;

        do {
            page_alloc_fail_nth(++n);
            r = access_to(mm, a, kind & 2);
            page_alloc_fail_nth(0);
        } while (r == FAKE_OOM);
        assert_int_equal(r, FAKE_OK);
        assert_true(n > 1);
        assert_int_equal(do_munmap(mm, a, PAGES * PAGE_SIZE), 0);
        assert_int_equal(object_resize(object, 0), 0);
        assert_int_equal(object_resize(object, PAGES * PAGE_SIZE), 0);
    }
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(truncate_unmaps),
        TEST(hole_keeps_copies),
        TEST(truncate_races_with_faults),
        TEST(fork_and_truncate),
        TEST(pieces),
        TEST(long_ranges),
        TEST(seals),
        TEST(writing),
        TEST(data_and_holes),
        TEST(reserving_is_undone),
        TEST(every_allocation_may_fail),
        TEST(every_fault_may_fail),
    };

    return cmocka_run_group_tests_name("object_map", tests, fake_boot, NULL);
}
