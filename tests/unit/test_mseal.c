/*
 * mseal: random calls against an array with one entry per page. What is sealed
 * stays mapped, with its rights and, where it cannot be written, its pages.
 */
#include "arena.h"

static struct model {
    bool mapped, sealed;
    u64 prot;
    u8 byte;
} pages[PAGES];

static unsigned holes(struct range r)
{
    unsigned n = 0;

    for (unsigned i = 0; i < r.count; i++)
        n += !pages[r.first + i].mapped;
    return n;
}

static bool sealed(struct range r)
{
    for (unsigned i = 0; i < r.count; i++)
        if (pages[r.first + i].sealed)
            return true;
    return false;
}

static void op_seal(struct range r)
{
    bool bad = holes(r);

    assert_int_equal(do_mseal(mm, r.start, r.len, 0), bad ? -ENOMEM : 0);
    for (unsigned i = 0; !bad && i < r.count; i++)
        pages[r.first + i].sealed = true;
}

static void op_map(struct range r)
{
    bool bad = sealed(r);
    u64 prot = fake_rand(4);
    long got =
        do_mmap(mm, r.start, r.len, prot, ANON | MAP_FIXED, NULL, 0, false);

    assert_int_equal(got, bad ? -EPERM : (long)r.start);
    for (unsigned i = 0; !bad && i < r.count; i++)
        pages[r.first + i] = (struct model){.mapped = true, .prot = prot};
}

static void op_unmap(struct range r)
{
    bool bad = sealed(r);

    assert_int_equal(do_munmap(mm, r.start, r.len), bad ? -EPERM : 0);
    if (!bad)
        memset(&pages[r.first], 0, r.count * sizeof(pages[0]));
}

/* Up to what is sealed or not there. */
static void op_protect(struct range r)
{
    u64 prot = fake_rand(4);
    long got = do_mprotect(mm, r.start, r.len, prot), want = 0;

    for (unsigned i = r.first; !want && i < r.first + r.count; i++) {
        want = !pages[i].mapped ? -ENOMEM : pages[i].sealed ? -EPERM : 0;
        if (!want)
            pages[i].prot = prot;
    }
    assert_int_equal(got, want);
}

static void op_move(struct range r)
{
    long want = !pages[r.first].mapped                     ? -EFAULT
                : sealed((struct range){r.first, 1, 0, 0}) ? -EPERM
                                                           : (long)r.start;

    assert_int_equal(do_mremap(mm, r.start, PAGE_SIZE, PAGE_SIZE, 0, 0), want);
}

static void op_discard(struct range r)
{
    long got = do_madvise(mm, r.start, r.len, MADV_DONTNEED), want = 0;
    bool hole = holes(r);

    for (unsigned i = r.first; !want && i < r.first + r.count; i++) {
        if (pages[i].sealed && !(pages[i].prot & PROT_WRITE))
            want = -EPERM;
        else
            pages[i].byte = 0;
    }
    assert_int_equal(got, want ? want : hole ? -ENOMEM : 0);
}

static void op_touch(struct range r)
{
    struct model *m = &pages[r.first];
    int want = m->mapped && m->prot ? m->byte : -1;

    assert_int_equal(fake_read(mm, r.start), want);
    if (fake_write(mm, r.start, 7)) {
        assert_true(m->prot & PROT_WRITE);
        m->byte = 7;
    }
}

static void random_calls(void **state __maybe_unused)
{
    void (*const ops[])(struct range) = {
        op_map,     op_map,  op_map,     op_unmap, op_unmap, op_protect,
        op_protect, op_move, op_discard, op_touch, op_touch};

    for (unsigned round = 0; fake_more(round, 60); round++) {
        struct mm_struct *old = mm;

        memset(pages, 0, sizeof(pages));
        for (unsigned n = 0; fake_more(n, 200); n++) {
            struct range r = random_range();

            if (fake_rand(25))
                ops[fake_rand(ARRAY_SIZE(ops))](r);
            else
                op_seal(r);
            assert_int_equal(validate_mm(mm), 0);
            fake_tlb_check();
        }
        mm = fake_mm = mm_create();
        mm_put(old); /* sealed or not */
    }
}

static void bad_arguments(void **state __maybe_unused)
{
    map_pages(0, 2, RW, ANON);
    assert_int_equal(do_mseal(mm, page_at(0), PAGE_SIZE, 1), -EINVAL);
    assert_int_equal(do_mseal(mm, page_at(0) + 1, PAGE_SIZE, 0), -EINVAL);
    assert_int_equal(do_mseal(mm, page_at(0), ~0ul, 0), -EINVAL);
    assert_int_equal(do_mseal(mm, page_at(0), -2 * PAGE_SIZE, 0), -EINVAL);
    assert_int_equal(do_mseal(mm, page_at(0), 0, 0), 0);
}

/* The second cut finds no memory: the whole range is as it was, or sealed as
 * far as it got; once more does it. */
static void out_of_memory_half_way(void **state __maybe_unused)
{
    for (unsigned n = 1; n < 3; n++) {
        map_pages(0, 4, PROT_READ, ANON);
        map_pages(4, 4, RW, ANON);
        mm_shrink_all();
        alloc_fail_nth(n);
        assert_int_equal(do_mseal(mm, page_at(2), 4 * PAGE_SIZE, 0), -ENOMEM);
        alloc_fail_nth(0);
        assert_int_equal(do_munmap(mm, page_at(0), 2 * PAGE_SIZE), 0);
        assert_int_equal(do_munmap(mm, page_at(2), PAGE_SIZE),
                         n == 1 ? 0 : -EPERM);
        mm_put(mm);
        mm = fake_mm = mm_create();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ARENA_TEST(random_calls),
        ARENA_TEST(bad_arguments),
        ARENA_TEST(out_of_memory_half_way),
    };

    return cmocka_run_group_tests_name("mseal", tests, fake_boot, NULL);
}
