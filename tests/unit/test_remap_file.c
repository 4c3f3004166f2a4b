/* remap_file_pages: windows on an object, at random, against an array that
 * says which of its pages each page of the arena shows. */
#include "arena.h"

#define OBJECT_PAGES 16u

static struct mem_object *object;
static unsigned shows[PAGES]; /* the object's page, or NOTHING */
static u8 bytes[OBJECT_PAGES];
#define NOTHING ~0u

static int setup(void **state)
{
    int r = arena_setup(state);

    object = object_create_shmem(OBJECT_PAGES * PAGE_SIZE);
    return r || !object ? -1 : 0;
}

static int teardown(void **state)
{
    object_put(object);
    return arena_teardown(state);
}

static void op_map(struct range r)
{
    unsigned from;

    r.count = min(r.count, OBJECT_PAGES);
    from = (unsigned)fake_rand(OBJECT_PAGES - r.count + 1);
    map_object(r.first, r.count, RW, MAP_SHARED, object, from);
    for (unsigned i = 0; i < r.count; i++)
        shows[r.first + i] = from + i;
}

static void op_unmap(struct range r)
{
    assert_int_equal(do_munmap(mm, r.start, r.len), 0);
    for (unsigned i = 0; i < r.count; i++)
        shows[r.first + i] = NOTHING;
}

static void op_remap(struct range r)
{
    bool hole = false;
    unsigned from;

    r.count = min(r.count, OBJECT_PAGES);
    from = (unsigned)fake_rand(OBJECT_PAGES - r.count + 1);
    for (unsigned i = 0; i < r.count; i++)
        hole |= shows[r.first + i] == NOTHING;
    assert_int_equal(do_remap_file_pages(mm, r.start, r.count * PAGE_SIZE, 0,
                                         from, fake_rand(2) ? MAP_NONBLOCK : 0),
                     hole ? -EINVAL : 0);
    for (unsigned i = 0; !hole && i < r.count; i++)
        shows[r.first + i] = from + i;
}

static void op_touch(struct range r)
{
    unsigned index = shows[r.first];
    u8 byte = (u8)fake_rand(256);

    if (index == NOTHING) {
        assert_int_equal(fake_read(mm, r.start), -1);
        return;
    }
    assert_int_equal(fake_read(mm, r.start), bytes[index]);
    assert_true(fake_write(mm, r.start, (char)byte));
    bytes[index] = byte;
}

static void random_windows(void **state __maybe_unused)
{
    void (*const ops[])(struct range) = {op_map,   op_map,   op_unmap,
                                         op_remap, op_remap, op_remap,
                                         op_touch, op_touch};

    memset(shows, 0xff, sizeof(shows));
    memset(bytes, 0, sizeof(bytes));
    for (unsigned n = 0; fake_more(n, 20000); n++) {
        ops[fake_rand(ARRAY_SIZE(ops))](random_range());
        assert_int_equal(validate_mm(mm), 0);
        fake_tlb_check();
    }
}

static void what_it_refuses(void **state __maybe_unused)
{
    const u64 at = page_at(0), page = PAGE_SIZE;

    map_object(0, 2, RW, MAP_SHARED, object, 0);
    map_object(2, 2, PROT_READ, MAP_SHARED, object, 2);
    map_object(4, 2, RW, MAP_PRIVATE, object, 0);
    assert_int_equal(do_remap_file_pages(mm, at, page, PROT_READ, 0, 0),
                     -EINVAL);
    assert_int_equal(do_remap_file_pages(mm, at, 0, 0, 0, 0), -EINVAL);
    assert_int_equal(do_remap_file_pages(mm, at, -page, 0, 0, 0), -EINVAL);
    assert_int_equal(do_remap_file_pages(mm, at, page, 0, ~0ul, 0), -EINVAL);
    assert_int_equal(do_remap_file_pages(mm, at, 3 * page, 0, 0, 0), -EINVAL);
    assert_int_equal(do_remap_file_pages(mm, page_at(4), page, 0, 0, 0),
                     -EINVAL);
}

/* The pages of a locked window are there at once, and so it stays. */
static void locked_windows(void **state __maybe_unused)
{
    map_object(0, 4, RW, MAP_SHARED, object, 0);
    assert_int_equal(do_mlock(mm, page_at(0), 4 * PAGE_SIZE, 0), 0);
    assert_int_equal(
        do_remap_file_pages(mm, page_at(1), PAGE_SIZE, 0, 8, MAP_NONBLOCK), 0);
    assert_true(is_there(1));
    assert_int_equal(mm->locked_vm, 4);
}

#define FILE_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(random_windows),
        FILE_TEST(what_it_refuses),
        FILE_TEST(locked_windows),
    };

    return cmocka_run_group_tests_name("remap_file_pages", tests, fake_boot,
                                       NULL);
}
