/*
 * mremap: growing where it is, at random against an array; moving whole
 * tables; what stays behind with MREMAP_DONTUNMAP; what it refuses. (Moves of
 * single pages are among test_mm.c's random calls.)
 */
#include "arena.h"

#define MAYMOVE MREMAP_MAYMOVE
#define FIXED   (MREMAP_MAYMOVE | MREMAP_FIXED)
#define STAY    (MREMAP_MAYMOVE | MREMAP_DONTUNMAP)
#define TABLE   (512 * PAGE_SIZE)
/* Tables of their own, far from the arena. */
#define FAR 0x7000000000ul

static long remap(unsigned n, u64 old_pages, u64 new_pages, u64 flags, u64 to)
{
    return do_mremap(mm, page_at(n), old_pages * PAGE_SIZE,
                     new_pages * PAGE_SIZE, flags, to);
}

static void map_at(u64 at, u64 len, u64 flags)
{
    assert_int_equal(
        do_mmap(mm, at, len, RW, flags | MAP_FIXED, NULL, 0, false), at);
}

/* ---- in place ---- */

static struct model {
    bool mapped;
    u8 byte;
} pages[PAGES + 1]; /* the last one: always a hole */

static void touch(unsigned n)
{
    struct model *m = &pages[n];

    assert_int_equal(fake_read(mm, page_at(n)), m->mapped ? m->byte : -1);
    if (m->mapped) {
        m->byte = (u8)fake_rand(256);
        assert_true(fake_write(mm, page_at(n), (char)m->byte));
    }
}

/* Without leave to move: it grows as far as there is room, or not at all. */
static void resize(struct range r)
{
    unsigned now = 1 + (unsigned)fake_rand(r.count), i;
    bool whole = true, room = true;
    long got = remap(r.first, now, r.count, 0, 0);

    for (i = r.first; i < r.first + now; i++)
        whole &= pages[i].mapped;
    for (i = r.first + now; i < r.first + r.count; i++)
        room &= !pages[i].mapped;
    if (now == r.count)
        whole = pages[r.first].mapped;
    if (!whole || !room) {
        assert_true(got == -EFAULT || got == -ENOMEM);
        return;
    }
    assert_int_equal(got, r.start);
    for (i = r.first + now; i < r.first + r.count; i++)
        pages[i] = (struct model){.mapped = true};
}

static void shrink(struct range r)
{
    unsigned keep = 1 + (unsigned)fake_rand(r.count);

    if (!pages[r.first].mapped) {
        assert_int_equal(remap(r.first, r.count, keep, 0, 0), -EFAULT);
        return;
    }
    assert_int_equal(remap(r.first, r.count, keep, 0, 0), r.start);
    memset(&pages[r.first + keep], 0, (r.count - keep) * sizeof(pages[0]));
}

static void random_sizes(void **state __maybe_unused)
{
    memset(pages, 0, sizeof(pages));
    for (unsigned n = 0; fake_more(n, 20000); n++) {
        struct range r = random_range();
        u64 what = fake_rand(10);

        if (what == 0) {
            map_pages(r.first, r.count, RW, ANON);
            for (unsigned i = 0; i < r.count; i++)
                pages[r.first + i] = (struct model){.mapped = true};
        } else if (what < 4) {
            resize(r);
        } else if (what < 6) {
            shrink(r);
        } else {
            touch(r.first);
        }
        assert_int_equal(validate_mm(mm), 0);
        assert_int_equal(validate_counts(mm), 0);
        fake_tlb_check();
    }
}

/* What is new of locked memory is there at once, wherever it is. */
static void locked_memory_grows(void **state __maybe_unused)
{
    long at;

    map_pages(0, 2, RW, ANON | MAP_LOCKED);
    assert_int_equal(remap(0, 2, 4, 0, 0), page_at(0));
    assert_true(is_there(3));
    map_pages(4, 1, PROT_READ, SHARED); /* in the way */
    at = remap(0, 4, 8, MAYMOVE, 0);
    assert_true(at > 0 && at != (long)page_at(0));
    assert_true(pte_present(pte_get(pte_lookup(mm, (u64)at + 7 * PAGE_SIZE))));
    assert_int_equal(mm->locked_vm, 8);
}

/* ---- moving ---- */

static void whole_tables(void **state __maybe_unused)
{
    const u64 to = FAR + 16 * TABLE;
    u64 tables;

    map_at(FAR, 3 * TABLE, ANON);
    for (u64 i = 0; i < 3 * 512; i += 37)
        assert_true(fake_write(mm, FAR + i * PAGE_SIZE, (char)i));
    tables = mm->table_pages;
    assert_int_equal(do_mremap(mm, FAR, 3 * TABLE, 3 * TABLE, FIXED, to), to);
    assert_int_equal(mm->table_pages, tables);
    for (u64 i = 0; i < 3 * 512; i += 37)
        assert_int_equal(fake_read(mm, to + i * PAGE_SIZE), (u8)i);
    assert_int_equal(fake_read(mm, FAR), -1);
    fake_tlb_check();
    assert_int_equal(do_munmap(mm, to, 3 * TABLE), 0);
}

static void what_stays_behind(void **state __maybe_unused)
{
    long at;

    map_pages(0, 6, RW, ANON | MAP_LOCKED);
    assert_true(fake_write(mm, page_at(2), 7));
    at = remap(2, 2, 2, STAY, 0);
    assert_true(at > 0);
    assert_int_equal(fake_read(mm, (u64)at), 7);
    assert_false(is_there(2));
    assert_int_equal(fake_read(mm, page_at(2)), 0);
    assert_int_equal(mm->locked_vm, 6); /* the lock went along */
    assert_int_equal(find_vma(mm, page_at(2))->vm_flags & VM_LOCKED, 0);
    /* Near where it is asked to be, and not only there. */
    assert_int_equal(remap(0, 1, 1, STAY, page_at(40)), page_at(40));
}

/* Of no length: a second mapping of what is shared. */
static void a_second_mapping(void **state __maybe_unused)
{
    long at;

    map_pages(0, 4, RW, SHARED);
    map_pages(8, 4, RW, ANON);
    assert_true(fake_write(mm, page_at(1), 5));
    at = remap(0, 0, 4, MAYMOVE, 0);
    assert_true(at > 0);
    assert_int_equal(fake_read(mm, (u64)at + PAGE_SIZE), 5);
    assert_int_equal(fake_read(mm, page_at(1)), 5);
    assert_int_equal(remap(8, 0, 4, MAYMOVE, 0), -EINVAL);
    assert_int_equal(do_munmap(mm, (u64)at, 4 * PAGE_SIZE), 0);
}

static void shrinking_on_the_way(void **state __maybe_unused)
{
    map_pages(0, 4, RW, ANON);
    assert_true(fake_write(mm, page_at(1), 5));
    assert_int_equal(remap(0, 4, 2, FIXED, page_at(20)), page_at(20));
    assert_int_equal(fake_read(mm, page_at(21)), 5);
    assert_int_equal(fake_read(mm, page_at(3)), -1);
}

/* ---- what it refuses ---- */

static void bad_arguments(void **state __maybe_unused)
{
    map_pages(0, 4, RW, ANON);
    assert_int_equal(remap(0, 4, 4, 8, 0), -EINVAL);
    assert_int_equal(remap(0, 4, 4, MREMAP_FIXED, page_at(9)), -EINVAL);
    assert_int_equal(remap(0, 4, 2, STAY, 0), -EINVAL);
    assert_int_equal(remap(0, 4, 0, 0, 0), -EINVAL);
    assert_int_equal(do_mremap(mm, page_at(0) + 1, 1, 1, 0, 0), -EINVAL);
    assert_int_equal(remap(0, 4, 4, FIXED, page_at(9) + 1), -EINVAL);
    assert_int_equal(remap(0, 4, 4, FIXED, TASK_SIZE), -EINVAL);
    assert_int_equal(remap(0, 4, 4, FIXED, page_at(2)), -EINVAL);
    assert_int_equal(remap(9, 1, 1, 0, 0), -EFAULT);
    assert_int_equal(remap(2, 4, 8, MAYMOVE, 0), -EFAULT);
    assert_int_equal(remap(2, 4, 4, FIXED, page_at(9)), -EFAULT);
    assert_int_equal(remap(0, 4, 1, 0, 0), page_at(0));
    assert_int_equal(remap(0, 1, TASK_SIZE / PAGE_SIZE, MAYMOVE, 0), -ENOMEM);
    assert_int_equal(do_mremap(mm, page_at(0), TASK_SIZE * 2, PAGE_SIZE, 0, 0),
                     -EINVAL);
}

/* More areas than Linux allows: two cuts and a new one need room. */
static void too_many_areas(void **state __maybe_unused)
{
    map_pages(0, 4, RW, ANON);
    mm->map_count += MAX_MAP_COUNT - 4;
    assert_int_equal(remap(0, 4, 4, FIXED, page_at(9)), -ENOMEM);
    mm->map_count += 2;
    map_pages(4, 1, PROT_READ, SHARED);
    assert_int_equal(remap(0, 4, 8, MAYMOVE, 0), -ENOMEM);
    mm->map_count -= MAX_MAP_COUNT - 2;
}

static void limits(void **state __maybe_unused)
{
    map_pages(0, 4, RW, ANON);
    map_pages(8, 4, RW, ANON);
    mm->limited = true;
    fake_limits[RLIMIT_AS].cur = 9 * PAGE_SIZE;
    assert_int_equal(remap(8, 4, 6, 0, 0), -ENOMEM);
    assert_int_equal(remap(8, 4, 5, 0, 0), page_at(8));
    fake_limits[RLIMIT_AS].cur = RLIM_INFINITY;
    overcommit_knobs[KNOB_OVERCOMMIT_MEMORY] = OVERCOMMIT_NEVER;
    assert_int_equal(remap(8, 5, 1ul << 20, 0, 0), -ENOMEM);
    assert_int_equal(remap(0, 4, 1ul << 20, MAYMOVE, 0), -ENOMEM);
    overcommit_knobs[KNOB_OVERCOMMIT_MEMORY] = 0;
    /* No place for so much. */
    map_at(FAR, PAGE_SIZE, SHARED);
    assert_int_equal(do_mremap(mm, FAR, PAGE_SIZE, ~0ul << 13, 0, 0), -ENOMEM);
    assert_int_equal(
        do_mremap(mm, FAR, PAGE_SIZE, TASK_SIZE - PAGE_SIZE, MAYMOVE, 0),
        -ENOMEM);
    assert_int_equal(do_mremap(mm, FAR, PAGE_SIZE, PAGE_SIZE, STAY, FAR),
                     -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ARENA_TEST(random_sizes),     ARENA_TEST(locked_memory_grows),
        ARENA_TEST(whole_tables),     ARENA_TEST(what_stays_behind),
        ARENA_TEST(a_second_mapping), ARENA_TEST(shrinking_on_the_way),
        ARENA_TEST(bad_arguments),    ARENA_TEST(too_many_areas),
        ARENA_TEST(limits),
    };

    return cmocka_run_group_tests_name("mremap", tests, fake_boot, NULL);
}
