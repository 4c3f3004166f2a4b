/*
 * mlock and its kin, populating, mincore and msync, at random against an array
 * with one entry per page: what is mapped, locked and there.
 */
#include "arena.h"

static struct model {
    u64 prot;
    bool mapped, locked, onfault, there;
} pages[PAGES];
static bool future, future_onfault;

/* What populating brings of the pages of a range. */
static void bring(struct range r)
{
    for (unsigned i = r.first; i < r.first + r.count; i++)
        pages[i].there |= pages[i].mapped && pages[i].prot && !pages[i].onfault;
}

static void op_map(struct range r)
{
    bool lock = !fake_rand(3), populate = !fake_rand(4);
    u64 prot = fake_rand(4), flags = ANON;

    flags |= (lock ? MAP_LOCKED : 0) | (populate ? MAP_POPULATE : 0);
    map_pages(r.first, r.count, prot, flags);
    for (unsigned i = r.first; i < r.first + r.count; i++)
        pages[i] = (struct model){.mapped = true,
                                  .prot = prot,
                                  .locked = lock || future,
                                  .onfault = future && future_onfault};
    if (lock || future || populate)
        bring(r);
}

static void op_unmap(struct range r)
{
    assert_int_equal(do_munmap(mm, r.start, r.len), 0);
    memset(&pages[r.first], 0, r.count * sizeof(pages[0]));
}

/* The part of the range before its first hole. */
static struct range mapped_part(struct range r)
{
    unsigned n = 0;

    while (n < r.count && pages[r.first + n].mapped)
        n++;
    r.count = n;
    return r;
}

static void set_lock(struct range r, bool locked, bool onfault)
{
    for (unsigned i = r.first; i < r.first + r.count; i++) {
        pages[i].locked = locked && pages[i].mapped;
        pages[i].onfault = onfault && pages[i].mapped;
    }
}

/* Page by page, up to one that allows nothing. */
static void op_lock(struct range r)
{
    struct range whole = mapped_part(r);
    bool onfault = fake_rand(2);
    long want = whole.count < r.count ? -ENOMEM : 0;
    long got = do_mlock(mm, r.start + fake_rand(PAGE_SIZE),
                        r.len - PAGE_SIZE + 1, onfault ? MLOCK_ONFAULT : 0);

    set_lock(whole, true, onfault);
    for (unsigned i = r.first; !want && i < r.first + r.count; i++) {
        if (onfault)
            break;
        if (!pages[i].prot)
            want = -ENOMEM;
        pages[i].there |= !want;
    }
    assert_int_equal(got, want);
}

static void op_unlock(struct range r)
{
    struct range whole = mapped_part(r);

    assert_int_equal(do_munlock(mm, r.start, r.len),
                     whole.count < r.count ? -ENOMEM : 0);
    set_lock(whole, false, false);
}

static void op_all(void)
{
    const struct range all = {.first = 0, .count = PAGES};
    u64 flags = fake_rand(8);
    bool bad = !(flags & (MCL_CURRENT | MCL_FUTURE));

    if (fake_rand(2)) {
        assert_int_equal(do_munlockall(mm), 0);
        set_lock(all, false, false);
        future = false;
        return;
    }
    assert_int_equal(do_mlockall(mm, flags), bad ? -EINVAL : 0);
    if (bad)
        return;
    future = flags & MCL_FUTURE;
    future_onfault = flags & MCL_ONFAULT;
    if (flags & MCL_CURRENT) {
        set_lock(all, true, flags & MCL_ONFAULT);
        bring(all);
    }
}

/* Up to the first locked page. */
static void op_discard(struct range r)
{
    bool even_locked = fake_rand(2), hole = false;
    long want = 0;
    long got = do_madvise(mm, r.start, r.len,
                          even_locked ? MADV_DONTNEED_LOCKED : MADV_DONTNEED);

    for (unsigned i = r.first; i < r.first + r.count; i++) {
        hole |= !pages[i].mapped;
        if (pages[i].locked && !even_locked) {
            want = -EINVAL;
            break;
        }
        pages[i].there = false;
    }
    assert_int_equal(got, want ? want : hole ? -ENOMEM : 0);
}

static void op_populate(struct range r)
{
    bool write = fake_rand(2);
    u64 right = write ? PROT_WRITE : PROT_READ;
    long want = 0;
    long got = do_madvise(mm, r.start, r.len,
                          write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);

    for (unsigned i = r.first; !want && i < r.first + r.count; i++) {
        want = !pages[i].mapped ? -ENOMEM : pages[i].prot & right ? 0 : -EINVAL;
        pages[i].there |= !want;
    }
    assert_int_equal(got, want);
}

static void op_msync(struct range r)
{
    u64 flags = fake_rand(8), both = MS_ASYNC | MS_SYNC;
    struct range whole = mapped_part(r);
    bool hole = whole.count < r.count, busy = false, ends = false;

    for (unsigned i = 0; i < r.count; i++)
        busy |= pages[r.first + i].locked && (flags & MS_INVALIDATE);
    ends = flags == MS_ASYNC;
    assert_int_equal(do_msync(mm, r.start, r.len, flags),
                     (flags & both) == both ? -EINVAL
                     : busy && !ends        ? -EBUSY
                     : hole                 ? -ENOMEM
                                            : 0);
}

static void op_touch(struct range r)
{
    bool write = fake_rand(2);
    bool may = pages[r.first].prot & (write ? PROT_WRITE : 7);
    char *p;

    if (fake_access(mm, r.start, write, &p) == FAKE_OK) {
        assert_true(may);
        pages[r.first].there = true;
    } else {
        assert_false(may);
    }
}

/* Both ways to ask agree with the model. */
static void check(void)
{
    u8 vec[PAGES];
    u64 locked = 0;

    for (unsigned i = 0; i < PAGES;) {
        u64 n = do_mincore(mm, page_at(i), PAGES - i, vec);

        for (unsigned k = 0; k < n; k++, i++) {
            assert_true(pages[i].mapped);
            assert_int_equal(vec[k], pages[i].there);
        }
        if (i < PAGES)
            assert_false(pages[i++].mapped);
    }
    for (unsigned i = 0; i < PAGES; i++) {
        assert_int_equal(is_there(i), pages[i].there);
        locked += pages[i].locked;
    }
    assert_int_equal(mm->locked_vm, locked);
    assert_int_equal(validate_mm(mm), 0);
    assert_int_equal(validate_counts(mm), 0);
}

static void random_calls(void **state __maybe_unused)
{
    void (*const ops[])(struct range) = {
        op_map,     op_map,      op_unmap,    op_lock,  op_lock,  op_unlock,
        op_discard, op_populate, op_populate, op_msync, op_touch, op_touch};

    memset(pages, 0, sizeof(pages));
    future = false;
    for (unsigned n = 0; fake_more(n, 20000); n++) {
        u64 what = fake_rand(ARRAY_SIZE(ops) * 4 + 1);

        if (what < ARRAY_SIZE(ops) * 4)
            ops[what / 4](random_range());
        else
            op_all();
        check();
    }
}

/* Errors that the random calls do not come by. */
static void bad_arguments(void **state __maybe_unused)
{
    map_pages(0, 4, RW, ANON);
    assert_int_equal(do_mlock(mm, page_at(0), PAGE_SIZE, 2), -EINVAL);
    assert_int_equal(do_mlock(mm, page_at(0), -2 * PAGE_SIZE, 0), -EINVAL);
    assert_int_equal(do_mlockall(mm, 8), -EINVAL);
    assert_int_equal(do_msync(mm, page_at(0) + 1, 1, MS_SYNC), -EINVAL);
    assert_int_equal(do_msync(mm, page_at(0), -PAGE_SIZE * 2, MS_SYNC),
                     -ENOMEM);
    assert_int_equal(do_msync(mm, page_at(0), PAGE_SIZE, 8), -EINVAL);
}

/* mlock(2) has its own words for what a fault says. */
static void what_locking_meets(void **state __maybe_unused)
{
    struct mem_object *object = object_create_shmem(PAGE_SIZE);

    map_object(0, 2, RW, MAP_SHARED, object, 0);
    object_put(object);
    assert_int_equal(do_mlock(mm, page_at(0), 2 * PAGE_SIZE, 0), -ENOMEM);
    map_pages(2, 2, RW, ANON);
    page_alloc_fail_nth(1);
    assert_int_equal(do_mlock(mm, page_at(2), 2 * PAGE_SIZE, 0), -EAGAIN);
    page_alloc_fail_nth(0);
    fake_signal = true;
    assert_int_equal(do_mlock(mm, page_at(2), 2 * PAGE_SIZE, 0), -EINTR);
    assert_false(is_there(3));
}

/* Shared pages come without dirt; droppable memory cannot be locked. */
static void kinds_of_memory(void **state __maybe_unused)
{
    u8 vec[3];

    map_pages(0, 3, RW, SHARED);
    assert_int_equal(do_mlock(mm, page_at(1), PAGE_SIZE, 0), 0);
    assert_false(pte_write(entry_of(mm, 1)) && pte_dirty(entry_of(mm, 1)));
    assert_int_equal(do_mincore(mm, page_at(0), 3, vec), 3);
    assert_memory_equal(vec, "\0\1\0", 3);
    /* In memory for the object's sake, mapped or not. */
    assert_true(fake_write(mm, page_at(2), 1));
    assert_int_equal(do_munlock(mm, page_at(1), PAGE_SIZE), 0);
    assert_int_equal(do_madvise(mm, page_at(0), 3 * PAGE_SIZE, MADV_DONTNEED),
                     0);
    assert_int_equal(do_mincore(mm, page_at(0), 3, vec), 3);
    assert_memory_equal(vec, "\0\1\1", 3);
    assert_int_equal(do_mlockall(mm, MCL_FUTURE), 0);
    map_pages(4, 2, RW, MAP_DROPPABLE | MAP_ANONYMOUS);
    assert_true(is_there(4) && is_there(5));
    assert_int_equal(mm->locked_vm, 0);
    assert_int_equal(do_mlock(mm, page_at(4), PAGE_SIZE, 0), 0);
    assert_int_equal(mm->locked_vm, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ARENA_TEST(random_calls),
        ARENA_TEST(bad_arguments),
        ARENA_TEST(what_locking_meets),
        ARENA_TEST(kinds_of_memory),
    };

    return cmocka_run_group_tests_name("mlock", tests, fake_boot, NULL);
}
