/*
 * What others see of an address space: pagemap entries, soft-dirty marks,
 * accessed bits, and the sums of smaps.
 */
#include "arena.h"

#include <mm/userfaultfd.h>
#include <mm/view.h>

static u64 entries[PAGES];

static u64 entry(unsigned n)
{
    mm_pagemap(mm, page_at(0), page_at(PAGES), entries);
    return entries[n];
}

static struct vma_usage usage_of(unsigned n)
{
    struct vma_usage u = {0};

    mmap_read_lock(mm);
    vma_usage_add(find_vma(mm, page_at(n)), &u);
    mmap_read_unlock(mm);
    return u;
}

/* ---- pagemap ---- */

static void an_entry_for_each_page(void **state __maybe_unused)
{
    map_pages(1, 4, RW, ANON);
    map_pages(33, 2, RW, SHARED);
    mm_clear_soft_dirty(mm);
    assert_int_equal(entry(0), 0);
    assert_int_equal(entry(1), 0);
    assert_true(fake_write(mm, page_at(1), 1));
    assert_int_equal(fake_read(mm, page_at(2)), 0);
    assert_true(fake_write(mm, page_at(33), 1));
    assert_int_equal(entry(1), PM_PRESENT | PM_SOFT_DIRTY | PM_EXCLUSIVE |
                                   page_to_pfn(frame_of(1)));
    assert_int_equal(entry(2), PM_PRESENT | page_to_pfn(zero_page));
    assert_int_equal(entry(33), PM_PRESENT | PM_FILE | PM_SOFT_DIRTY |
                                    PM_EXCLUSIVE | page_to_pfn(frame_of(33)));
    /* A part of it, from the middle of an area. */
    mm_pagemap(mm, page_at(2), page_at(4), entries);
    assert_int_equal(entries[0] & PM_PRESENT, PM_PRESENT);
    assert_int_equal(entries[1], 0);
}

static void markers_look_swapped_out(void **state __maybe_unused)
{
    struct userfaultfd_ctx *ctx = userfaultfd_ctx_create(mm, 0);

    map_pages(0, 4, RW, SHARED);
    mm_clear_soft_dirty(mm);
    assert_int_equal(
        userfaultfd_register(ctx, page_at(0), page_at(4), VM_UFFD_WP), 0);
    assert_int_equal(
        userfaultfd_writeprotect(ctx, page_at(0), PAGE_SIZE, true, false), 0);
    assert_int_equal(entry(0), PM_SWAP | PM_UFFD_WP);
    userfaultfd_release(ctx);
    assert_int_equal(entry(0), 0);
}

/* ---- soft-dirty ---- */

static void soft_dirty_says_what_was_written(void **state __maybe_unused)
{
    bool dirty[PAGES];

    map_pages(0, PAGES / 2, RW, ANON);
    map_pages(PAGES / 2, PAGES / 2, RW, SHARED);
    memset(dirty, true, sizeof(dirty));
    for (unsigned n = 0; fake_more(n, 4000); n++) {
        unsigned i = (unsigned)fake_rand(PAGES);
        u64 what = fake_rand(20);

        if (!what) {
            mm_clear_soft_dirty(mm);
            memset(dirty, false, sizeof(dirty));
        } else if (what == 1) {
            mm_put(mm_fork(mm)); /* write-protects, says nothing */
        } else if (what < 12) {
            assert_true(fake_write(mm, page_at(i), 1));
            dirty[i] = true;
        } else {
            assert_true(fake_read(mm, page_at(i)) >= 0);
        }
        (void)entry(0);
        for (i = 0; i < PAGES; i++)
            if (dirty[i] != !!(entries[i] & PM_SOFT_DIRTY))
                fail_msg("step %u, page %u: soft-dirty is not %d", n, i,
                         dirty[i]);
        fake_tlb_check();
    }
}

/* ---- accessed bits ---- */

static void clearing_by_kind(void **state __maybe_unused)
{
    const u64 anon = 3 * PAGE_SIZE, shared = 2 * PAGE_SIZE;

    map_pages(0, 3, RW, ANON);
    map_pages(40, 2, RW, SHARED);
    for (unsigned which = CLEAR_REFS_ALL; which <= CLEAR_REFS_OBJECT; which++) {
        bool keeps_anon = which == CLEAR_REFS_OBJECT;
        bool keeps_shared = which == CLEAR_REFS_ANON;

        for (unsigned i = 0; i < 42; i++)
            (void)fake_write(mm, page_at(i), 1);
        assert_int_equal(usage_of(0).referenced, anon);
        mm_clear_refs(mm, (enum clear_refs)which);
        assert_int_equal(usage_of(0).referenced, keeps_anon ? anon : 0);
        assert_int_equal(usage_of(40).referenced, keeps_shared ? shared : 0);
        fake_tlb_check();
    }
    assert_true(fake_write(mm, page_at(1), 2)); /* still as writable */
    assert_int_equal(usage_of(40).rss, shared);
}

/* ---- smaps ---- */

static void sums_of_private_memory(void **state __maybe_unused)
{
    const u64 page = PAGE_SIZE, pss = PAGE_SIZE << PSS_SHIFT;
    struct mm_struct *child;
    struct vma_usage u;

    map_pages(0, 4, RW, ANON);
    assert_int_equal(do_mlock(mm, page_at(0), 4 * PAGE_SIZE, MLOCK_ONFAULT), 0);
    assert_int_equal(fake_read(mm, page_at(0)), 0); /* zeros are nobody's */
    assert_true(fake_write(mm, page_at(1), 1));
    assert_true(fake_write(mm, page_at(2), 1));
    u = usage_of(0);
    assert_int_equal(u.rss, 2 * page);
    assert_int_equal(u.anonymous, 2 * page);
    assert_int_equal(u.private_dirty, 2 * page);
    assert_int_equal(u.pss, 2 * pss);
    assert_int_equal(u.pss_anon, 2 * pss);
    assert_int_equal(u.pss_locked, 2 * pss);
    child = mm_fork(mm);
    assert_true(fake_write(mm, page_at(2), 2));
    u = usage_of(0);
    assert_int_equal(u.shared_dirty, page);
    assert_int_equal(u.private_dirty, page);
    assert_int_equal(u.pss, pss + pss / 2);
    mm_put(child);
}

static void sums_of_objects(void **state __maybe_unused)
{
    const u64 pss = PAGE_SIZE << PSS_SHIFT;
    struct mem_object *module =
        object_create_module("m", FAKE_MODULE_START, FAKE_MODULE_SIZE);
    struct vma_usage u;

    map_object(0, 2, PROT_READ, MAP_PRIVATE, module, 0);
    map_pages(8, 2, RW, SHARED);
    object_put(module);
    assert_true(fake_read(mm, page_at(0)) >= 0);
    u = usage_of(0);
    assert_int_equal(u.pss_file, 2 * pss); /* the neighbour came along */
    assert_int_equal(u.private_clean, 2 * PAGE_SIZE);
    assert_int_equal(u.pss_dirty, 0);
    assert_true(fake_write(mm, page_at(9), 1));
    u = usage_of(8);
    assert_int_equal(u.pss_shmem, pss);
    assert_int_equal(u.pss_dirty, pss);
    assert_int_equal(u.anonymous, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ARENA_TEST(an_entry_for_each_page),
        ARENA_TEST(markers_look_swapped_out),
        ARENA_TEST(soft_dirty_says_what_was_written),
        ARENA_TEST(clearing_by_kind),
        ARENA_TEST(sums_of_private_memory),
        ARENA_TEST(sums_of_objects),
    };

    return cmocka_run_group_tests_name("view", tests, fake_boot, NULL);
}
