/*
 * Locks of single areas: who may read while who writes, and that nobody is
 * counted who has left. Waiting itself is with real threads: here the other
 * CPU is one of the host's.
 */
#include "fake.h"

#include <base/errno.h>
#include <mm/vma_lock.h>
#include <pthread.h>
#include <uapi/faultline/mman.h>

#define AREA 0x100000ul
#define SIZE (4 * PAGE_SIZE)

static struct mm_struct *mm;
static u64 first, second;

static u64 map_at(u64 addr)
{
    long r = do_mmap(mm, addr, SIZE, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0, true);

    assert_int_equal(r, addr);
    return addr;
}

static int setup(void **state __maybe_unused)
{
    mm = mm_create();
    assert_non_null(mm);
    first = map_at(AREA);
    second = map_at(AREA + 2 * SIZE);
    return 0;
}

static int teardown(void **state __maybe_unused)
{
    mm_put(mm);
    return 0;
}

static bool can_read(u64 addr)
{
    struct vm_area_struct *vma = vma_start_read(mm, addr);

    if (vma) {
        assert_true(vma->vm_start <= addr && addr < vma->vm_end);
        assert_int_equal(vma->vm_readers, 1);
        vma_end_read(vma);
        assert_int_equal(vma->vm_readers, 0);
    }
    assert_int_equal(mm->tree_users, 0);
    return vma;
}

static void readers_share(void **state __maybe_unused)
{
    struct vm_area_struct *a = vma_start_read(mm, first);
    struct vm_area_struct *b = vma_start_read(mm, first + PAGE_SIZE);

    assert_non_null(a);
    assert_ptr_equal(a, b);
    assert_int_equal(a->vm_readers, 2);
    vma_end_read(a);
    vma_end_read(b);
    assert_false(can_read(first - 1));
    assert_false(can_read(first + SIZE));
}

static void a_writer_locks_its_area_only(void **state __maybe_unused)
{
    mmap_write_lock(mm);
    vma_start_write(find_vma(mm, first));
    assert_false(can_read(first));
    assert_true(can_read(second));
    mmap_write_unlock(mm);
    assert_true(can_read(first));
}

/* What every call that changes an area comes down to. */
static void changes_lock(void **state __maybe_unused)
{
    struct vm_area_struct *vma;

    mmap_write_lock(mm);
    vma = find_vma(mm, first);
    assert_int_equal(split_vma(mm, vma, first + PAGE_SIZE, true), 0);
    assert_false(can_read(first));
    assert_false(can_read(first + PAGE_SIZE));
    vma_adjust(find_vma(mm, second), second, second + PAGE_SIZE);
    assert_false(can_read(second));
    mmap_write_unlock(mm);
    assert_true(can_read(first));
    assert_true(can_read(first + PAGE_SIZE));
    assert_true(can_read(second));
    assert_false(can_read(second + PAGE_SIZE));
}

static int writing; /* 0: not yet, 1: wants to, 2: does */

static void *writer(void *arg)
{
    __atomic_store_n(&writing, 1, __ATOMIC_SEQ_CST);
    vma_start_write(arg);
    __atomic_store_n(&writing, 2, __ATOMIC_SEQ_CST);
    return NULL;
}

static void a_writer_waits_for_readers(void **state __maybe_unused)
{
    struct vm_area_struct *vma = vma_start_read(mm, first);
    pthread_t thread;

    writing = 0;
    mmap_write_lock(mm);
    assert_int_equal(pthread_create(&thread, NULL, writer, vma), 0);
    while (vma->vm_lock_seq != mm->lock_seq)
        sched_yield();
    for (int i = 0; i < 1000; i++)
        assert_int_equal(__atomic_load_n(&writing, __ATOMIC_SEQ_CST), 1);
    assert_false(vma_try_read(vma)); /* newcomers do not get in meanwhile */
    vma_end_read(vma);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(writing, 2);
    mmap_write_unlock(mm);
}

static void *tree_writer(void *arg __maybe_unused)
{
    vma_tree_begin(mm);
    __atomic_store_n(&writing, 2, __ATOMIC_SEQ_CST);
    for (int i = 0; i < 100; i++)
        sched_yield();
    __atomic_store_n(&writing, 3, __ATOMIC_SEQ_CST);
    vma_tree_end(mm);
    return NULL;
}

/* A lookup that comes in the middle of a change waits, and does not keep the
 * change from ending. */
static void lookups_wait_for_the_tree(void **state __maybe_unused)
{
    pthread_t thread;

    writing = 0;
    __atomic_fetch_add(&mm->tree_users, 1, __ATOMIC_SEQ_CST);
    assert_int_equal(pthread_create(&thread, NULL, tree_writer, NULL), 0);
    while (__atomic_load_n(&mm->tree_users, __ATOMIC_SEQ_CST) > 0)
        sched_yield();
    assert_int_equal(writing, 0);
    __atomic_fetch_sub(&mm->tree_users, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&writing, __ATOMIC_SEQ_CST) < 2)
        sched_yield();
    assert_true(can_read(first));
    assert_true(__atomic_load_n(&writing, __ATOMIC_SEQ_CST) == 3);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(readers_share, setup, teardown),
        cmocka_unit_test_setup_teardown(a_writer_locks_its_area_only, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(changes_lock, setup, teardown),
        cmocka_unit_test_setup_teardown(a_writer_waits_for_readers, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(lookups_wait_for_the_tree, setup,
                                        teardown),
    };

    return cmocka_run_group_tests_name("vma_lock", tests, fake_boot, NULL);
}
