/* madvise: which advice changes what, and which is refused where. */
#include "arena.h"

static long advise(unsigned n, unsigned count, int advice)
{
    return do_madvise(mm, page_at(n), count * PAGE_SIZE, advice);
}

static u64 flags_of(unsigned n)
{
    return find_vma(mm, page_at(n))->vm_flags;
}

/* Each sets its flag, and its counterpart clears it, in the middle of an area
 * that is whole again afterwards. */
static void flags_come_and_go(void **state __maybe_unused)
{
    const struct {
        int on, off;
        u64 flag;
    } pairs[] = {
        {MADV_RANDOM, MADV_NORMAL, VM_RAND_READ},
        {MADV_SEQUENTIAL, MADV_NORMAL, VM_SEQ_READ},
        {MADV_DONTFORK, MADV_DOFORK, VM_DONTCOPY},
        {MADV_MERGEABLE, MADV_UNMERGEABLE, VM_MERGEABLE},
        {MADV_HUGEPAGE, MADV_NOHUGEPAGE, VM_HUGEPAGE},
        {MADV_DONTDUMP, MADV_DODUMP, VM_DONTDUMP},
        {MADV_WIPEONFORK, MADV_KEEPONFORK, VM_WIPEONFORK},
    };

    map_pages(0, 8, RW, ANON);
    for (unsigned i = 0; i < ARRAY_SIZE(pairs); i++) {
        assert_int_equal(advise(2, 3, pairs[i].on), 0);
        assert_int_equal(flags_of(3) & pairs[i].flag, pairs[i].flag);
        assert_int_equal(mm->map_count, 3);
        assert_int_equal(advise(2, 3, pairs[i].on), 0); /* nothing new */
        assert_int_equal(advise(2, 3, pairs[i].off), 0);
        assert_int_equal(flags_of(3) & pairs[i].flag, 0);
        if (pairs[i].off == MADV_NOHUGEPAGE)
            assert_int_equal(advise(0, 8, MADV_NOHUGEPAGE), 0);
        assert_int_equal(mm->map_count, 1);
    }
}

/* What fork makes of it. */
static void in_the_child(void **state __maybe_unused)
{
    struct mm_struct *child;

    map_pages(0, 6, RW, ANON);
    for (unsigned i = 0; i < 6; i++)
        assert_true(fake_write(mm, page_at(i), 1));
    assert_int_equal(advise(2, 2, MADV_DONTFORK), 0);
    assert_int_equal(advise(4, 2, MADV_WIPEONFORK), 0);
    child = mm_fork(mm);
    assert_int_equal(fake_read(child, page_at(0)), 1);
    assert_int_equal(fake_read(child, page_at(2)), -1);
    assert_int_equal(fake_read(child, page_at(4)), 0);
    assert_int_equal(validate_counts(child), 0);
    mm_put(child);
}

static void refused(void **state __maybe_unused)
{
    map_pages(0, 4, RW, SHARED);
    map_pages(8, 4, RW, MAP_DROPPABLE | MAP_ANONYMOUS);
    map_pages(16, 4, RW, ANON);
    assert_int_equal(advise(0, 1, MADV_WIPEONFORK), -EINVAL);
    assert_int_equal(advise(0, 1, MADV_MERGEABLE), 0);
    assert_int_equal(flags_of(0) & VM_MERGEABLE, 0);
    assert_int_equal(advise(8, 1, MADV_DODUMP), -EINVAL);
    assert_int_equal(advise(8, 1, MADV_KEEPONFORK), -EINVAL);
    assert_int_equal(advise(16, 1, MADV_REMOVE), -EINVAL);
    assert_int_equal(advise(16, 1, MADV_COLLAPSE), -EINVAL);
    assert_int_equal(advise(16, 1, 99), -EINVAL);
    assert_int_equal(do_madvise(mm, page_at(16) + 1, 1, MADV_COLD), -EINVAL);
    assert_int_equal(do_madvise(mm, page_at(16), ~0ul, MADV_COLD), -EINVAL);
    assert_int_equal(advise(16, 0, MADV_COLD), 0);
    assert_int_equal(advise(16, 4, MADV_COLD), 0);
    assert_int_equal(advise(16, 4, MADV_PAGEOUT), 0);
    assert_int_equal(advise(16, 4, MADV_WILLNEED), 0);
    assert_int_equal(advise(14, 8, MADV_WILLNEED), -ENOMEM);
    assert_int_equal(do_mlock(mm, page_at(17), PAGE_SIZE, 0), 0);
    assert_int_equal(advise(16, 4, MADV_COLD), -EINVAL);
}

/* A cut finds no memory: try again, says the man page. */
static void out_of_memory_is_again(void **state __maybe_unused)
{
    map_pages(0, 4, RW, ANON);
    mm_shrink_all();
    alloc_fail_nth(1);
    assert_int_equal(advise(1, 1, MADV_DONTFORK), -EAGAIN);
    alloc_fail_nth(0);
    assert_int_equal(mm->map_count, 1);
}

/* A hole in the object, for both who map it. */
static void removing(void **state __maybe_unused)
{
    struct mem_object *object = object_create_shmem(4 * PAGE_SIZE);

    map_object(0, 4, RW, MAP_SHARED, object, 0);
    map_object(8, 2, RW, MAP_SHARED, object, 1);
    map_object(16, 4, PROT_READ, MAP_PRIVATE, object, 0);
    for (unsigned i = 0; i < 4; i++)
        assert_true(fake_write(mm, page_at(i), 1));
    assert_int_equal(advise(16, 4, MADV_REMOVE), -EACCES);
    assert_int_equal(advise(9, 1, MADV_REMOVE), 0);
    assert_int_equal(fake_read(mm, page_at(2)), 0);
    assert_int_equal(fake_read(mm, page_at(1)), 1);
    assert_int_equal(object_add_seals(object, F_SEAL_SEAL), 0);
    assert_int_equal(do_mlock(mm, page_at(0), PAGE_SIZE, 0), 0);
    assert_int_equal(advise(0, 1, MADV_REMOVE), -EINVAL);
    object_put(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ARENA_TEST(flags_come_and_go), ARENA_TEST(in_the_child),
        ARENA_TEST(refused),           ARENA_TEST(out_of_memory_is_again),
        ARENA_TEST(removing),
    };

    return cmocka_run_group_tests_name("madvise", tests, fake_boot, NULL);
}
