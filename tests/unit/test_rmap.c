/*
 * Reverse mapping on the fake machine: every entry is found from its page, and
 * as many as the page counts, through fork, copies, split, merge, move and
 * the end of any member of a family.
 */
#include "fake.h"

#include <base/errno.h>
#include <mm/rmap.h>
#include <uapi/faultline/mman.h>

#define RW    (PROT_READ | PROT_WRITE)
#define ANON  (MAP_PRIVATE | MAP_ANONYMOUS)
#define BASE  0x10000000ul
#define PAGES 48u

static void valid(struct mm_struct *mm)
{
    mmap_read_lock(mm);
    assert_int_equal(validate_mm(mm), 0);
    assert_int_equal(validate_counts(mm), 0);
    assert_int_equal(validate_rmap(mm, ~0ull, true), 0);
    mmap_read_unlock(mm);
}

static u64 map_at(struct mm_struct *mm, u64 addr, u64 pages,
                  struct mem_object *object, u64 type)
{
    u64 flags = type | MAP_FIXED | (object ? 0 : MAP_ANONYMOUS);
    long r = do_mmap(mm, addr, pages * PAGE_SIZE, RW, flags, object, 0, true);

    assert_int_equal(r, addr);
    return addr;
}

static void count(struct vm_area_struct *vma __maybe_unused,
                  u64 va __maybe_unused, pte_t *pte __maybe_unused, void *arg)
{
    ++*(unsigned *)arg;
}

/* Entries found for the page at va. */
static unsigned entries(struct mm_struct *mm, u64 va)
{
    unsigned n = 0;

    rmap_walk(pfn_to_page(pte_pfn(*pte_lookup(mm, va))), count, &n);
    return n;
}

static struct mm_struct *fork_of(struct mm_struct *mm)
{
    struct mm_struct *child = mm_fork(mm);

    assert_non_null(child);
    return child;
}

static void family_shares(void **state __maybe_unused)
{
    struct mm_struct *mm = mm_create(), *child, *grandchild;
    u64 a = map_at(mm, BASE, 4, NULL, MAP_PRIVATE);

    assert_true(fake_write(mm, a, 'x'));
    assert_int_equal(entries(mm, a), 1);
    child = fork_of(mm);
    grandchild = fork_of(child);
    assert_int_equal(entries(mm, a), 3);
    assert_true(fake_write(child, a, 'y'));
    assert_int_equal(entries(mm, a), 2);
    assert_int_equal(entries(child, a), 1);
    /* The page outlives the space it was made in, and is still found. */
    mm_put(mm);
    assert_int_equal(entries(grandchild, a), 1);
    valid(child);
    mm_put(child);
    valid(grandchild);
    mm_put(grandchild);
}

static void moved_pages_are_found(void **state __maybe_unused)
{
    struct mm_struct *mm = mm_create(), *child;
    u64 a = map_at(mm, BASE, 4, NULL, MAP_PRIVATE), b = BASE + 64 * PAGE_SIZE;

    assert_true(fake_write(mm, a + PAGE_SIZE, 'x'));
    child = fork_of(mm);
    assert_int_equal(do_mremap(mm, a, 4 * PAGE_SIZE, 4 * PAGE_SIZE,
                               MREMAP_MAYMOVE | MREMAP_FIXED, b),
                     b);
    assert_int_equal(entries(mm, b + PAGE_SIZE), 2);
    /* Other pages at the old place have the same index. */
    map_at(mm, a, 4, NULL, MAP_PRIVATE);
    assert_true(fake_write(mm, a + PAGE_SIZE, 'y'));
    assert_int_equal(entries(mm, a + PAGE_SIZE), 1);
    assert_int_equal(entries(child, a + PAGE_SIZE), 2);
    assert_int_equal(do_munmap(mm, b, PAGE_SIZE), 0);
    assert_int_equal(do_mprotect(mm, b + PAGE_SIZE, PAGE_SIZE, PROT_READ), 0);
    assert_int_equal(entries(mm, b + PAGE_SIZE), 2);
    valid(mm);
    valid(child);
    mm_put(mm);
    mm_put(child);
}

static void objects_and_copies(void **state __maybe_unused)
{
    struct mm_struct *mm = mm_create(), *other = mm_create(), *child;
    struct mem_object *object = object_create_shmem(8 * PAGE_SIZE);
    u64 a, b;

    assert_non_null(object);
    a = map_at(mm, BASE, 8, object, MAP_SHARED);
    b = map_at(other, BASE + 16 * PAGE_SIZE, 8, object, MAP_PRIVATE);
    assert_true(fake_write(mm, a + 3 * PAGE_SIZE, 'x'));
    assert_int_equal(fake_read(other, b + 3 * PAGE_SIZE), 'x');
    assert_int_equal(entries(mm, a + 3 * PAGE_SIZE), 2);
    assert_true(fake_write(other, b + 3 * PAGE_SIZE, 'y'));
    assert_int_equal(entries(mm, a + 3 * PAGE_SIZE), 1);
    child = fork_of(other);
    assert_int_equal(entries(other, b + 3 * PAGE_SIZE), 2);
    valid(mm);
    valid(other);
    mm_put(other);
    valid(child);
    mm_put(child);
    mm_put(mm);
    object_put(object);
}

/* ---- random operations in three spaces ---- */

#define SPACES 3
static struct mm_struct *space[SPACES];
static struct mem_object *object;

static void random_place(u64 *addr, u64 *pages)
{
    *pages = 1 + fake_rand(8);
    *addr = BASE + fake_rand(PAGES) * PAGE_SIZE;
}

static void random_fork(unsigned from)
{
    unsigned to = fake_rand(SPACES);

    if (to == from)
        return;
    mm_put(space[to]);
    space[to] = fork_of(space[from]);
}

static void random_move(struct mm_struct *mm)
{
    u64 from, to, pages, ignored;

    random_place(&from, &pages);
    random_place(&to, &ignored);
    (void)do_mremap(mm, from, pages * PAGE_SIZE, pages * PAGE_SIZE,
                    MREMAP_MAYMOVE | MREMAP_FIXED, to);
}

static void random_step(void)
{
    unsigned which = fake_rand(SPACES);
    struct mm_struct *mm = space[which];
    u64 addr, pages;

    random_place(&addr, &pages);
    switch (fake_rand(12)) {
    case 0:
        map_at(mm, addr, pages, NULL, MAP_PRIVATE);
        break;
    case 1:
        map_at(mm, addr, pages, object,
               fake_rand(2) ? MAP_SHARED : MAP_PRIVATE);
        break;
    case 2:
        assert_int_equal(do_munmap(mm, addr, pages * PAGE_SIZE), 0);
        break;
    case 3:
        (void)do_mprotect(mm, addr, pages * PAGE_SIZE,
                          fake_rand(2) ? RW : PROT_READ);
        break;
    case 4:
        random_fork(which);
        break;
    case 5:
        random_move(mm);
        break;
    case 6:
        (void)do_madvise(mm, addr, pages * PAGE_SIZE, MADV_DONTNEED);
        break;
    case 7:
    case 8:
        (void)fake_read(mm, addr);
        break;
    default:
        (void)fake_write(mm, addr, 'w');
    }
}

static void random_operations(void **state __maybe_unused)
{
    object = object_create_shmem(8 * PAGE_SIZE);
    assert_non_null(object);
    for (unsigned i = 0; i < SPACES; i++)
        space[i] = mm_create();
    for (unsigned n = 0; fake_more(n, 6000); n++) {
        random_step();
        if (n % 4 == 0)
            for (unsigned i = 0; i < SPACES; i++)
                valid(space[i]);
    }
    for (unsigned i = 0; i < SPACES; i++)
        mm_put(space[i]);
    object_put(object);
}

/* The check itself: a page that says it is elsewhere is not found. */
static void lies_are_found_out(void **state __maybe_unused)
{
    struct mm_struct *mm = mm_create();
    u64 a = map_at(mm, BASE, 1, NULL, MAP_PRIVATE);
    struct page *page;

    assert_true(fake_write(mm, a, 'x'));
    page = pfn_to_page(pte_pfn(*pte_lookup(mm, a)));
    fake_quiet = true;
    page->index++;
    assert_int_equal(validate_rmap(mm, ~0ull, true), -EINVAL);
    page->index--;
    page->mapcount = 2;
    assert_int_equal(validate_rmap(mm, ~0ull, true), -EINVAL);
    assert_int_equal(validate_rmap(mm, ~0ull, false), 0);
    page->mapcount = 0;
    assert_int_equal(validate_rmap(mm, ~0ull, false), -EINVAL);
    page->mapcount = 1;
    fake_quiet = false;
    valid(mm);
    mm_put(mm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_TEST(family_shares),      LEAK_TEST(moved_pages_are_found),
        LEAK_TEST(objects_and_copies), LEAK_TEST(random_operations),
        LEAK_TEST(lies_are_found_out),
    };

    fake_seed();
    return cmocka_run_group_tests_name("rmap", tests, fake_boot, NULL);
}
