/*
 * Address spaces as user code sees them: random mmap, munmap, mprotect,
 * madvise, fork and accesses in an arena, against an array with one entry per
 * page. After every step the areas validate, the TLB holds nothing stale, and
 * the resident counts are those of the page tables.
 */
#include "fake.h"

#include <base/errno.h>
#include <base/string.h>
#include <uapi/faultline/mman.h>

#define ARENA   0x20000000ul /* a table's edge lies in its middle */
#define PAGES   64u
#define CELLS   400000u
#define SPACES  3u
#define RW      (PROT_READ | PROT_WRITE)
#define ANON    (MAP_PRIVATE | MAP_ANONYMOUS)
#define NO_PAGE 0xffffffffu

/* The byte a page shows, shared by those who share the page. */
static u8 cells[CELLS];
static u32 cell_count;

struct model_page {
    u32 cell; /* NO_PAGE: not mapped */
    u32 prot;
    bool shared;
    u8 original; /* what MADV_DONTNEED brings back */
};

static struct space {
    struct mm_struct *mm; /* NULL: not there */
    struct model_page pages[PAGES];
} spaces[SPACES];

static struct mem_object *module;

static u64 address(unsigned page)
{
    return ARENA - PAGES / 2 * PAGE_SIZE + page * PAGE_SIZE;
}

static u32 new_cell(u8 byte)
{
    assert_true(cell_count < CELLS);
    cells[cell_count] = byte;
    return cell_count++;
}

static u8 module_byte(u64 index)
{
    const u8 *p = phys_to_virt(FAKE_MODULE_START + index * PAGE_SIZE);

    return *p;
}

static int setup(void **state)
{
    fake_mark(state);
    module = object_create_module("m", FAKE_MODULE_START, FAKE_MODULE_SIZE);
    spaces[0].mm = mm_create();
    for (unsigned i = 0; i < PAGES; i++)
        spaces[0].pages[i].cell = NO_PAGE;
    cell_count = 0;
    return module && spaces[0].mm ? 0 : -1;
}

static int teardown(void **state)
{
    for (unsigned i = 0; i < SPACES; i++)
        if (spaces[i].mm)
            mm_put(spaces[i].mm);
    memset(spaces, 0, sizeof(spaces));
    if (module->refcount != 1)
        return -1;
    object_put(module);
    return fake_check_leaks(state);
}

/* ---- invariants ---- */

static void count_page(struct mm_struct *mm __maybe_unused,
                       u64 va __maybe_unused, pte_t *pte, void *arg)
{
    struct page *page = pfn_to_page(pte_pfn(*pte));
    s64 *rss = arg;

    assert_true(page->refcount > 0);
    if (page->flags & PG_ZERO)
        return;
    assert_true(page->mapcount > 0 && page->mapcount <= page->refcount);
    rss[page_rss_kind(page)]++;
}

static void check_space(struct space *s)
{
    s64 rss[RSS_KINDS] = {0};

    assert_int_equal(validate_mm(s->mm), 0);
    pte_for_each(s->mm, 0, TASK_SIZE, count_page, rss);
    for (unsigned k = 0; k < RSS_KINDS; k++)
        assert_int_equal(rss[k], s->mm->rss[k]);
}

static void check_all(void)
{
    for (unsigned i = 0; i < SPACES; i++)
        if (spaces[i].mm)
            check_space(&spaces[i]);
    fake_tlb_check();
}

/* ---- one operation each, on both sides ---- */

struct range {
    unsigned first, count;
    u64 start, len;
};

static struct range random_range(void)
{
    struct range r;

    r.first = (unsigned)fake_rand(PAGES);
    r.count = 1 + (unsigned)fake_rand(fake_rand(3) ? 6 : PAGES);
    r.count = min(r.count, PAGES - r.first);
    r.start = address(r.first);
    r.len = r.count * PAGE_SIZE;
    return r;
}

static void op_map(struct space *s)
{
    struct range r = random_range();
    u32 prot = (u32)fake_rand(4);
    unsigned kind = (unsigned)fake_rand(3);
    u64 flags = MAP_FIXED | (kind == 0   ? ANON
                             : kind == 1 ? (MAP_SHARED | MAP_ANONYMOUS)
                                         : MAP_PRIVATE);

    if (kind == 2) {
        r.count = min(r.count, 4u);
        r.len = r.count * PAGE_SIZE;
    }
    assert_int_equal(do_mmap(s->mm, r.start, r.len, prot, flags,
                             kind == 2 ? module : NULL, 0, true),
                     r.start);
    for (unsigned i = 0; i < r.count; i++) {
        struct model_page *p = &s->pages[r.first + i];

        p->original = kind == 2 ? module_byte(i) : 0;
        p->cell = new_cell(p->original);
        p->prot = prot;
        p->shared = kind == 1;
    }
}

static void op_unmap(struct space *s)
{
    struct range r = random_range();

    assert_int_equal(do_munmap(s->mm, r.start, r.len), 0);
    for (unsigned i = 0; i < r.count; i++)
        s->pages[r.first + i].cell = NO_PAGE;
}

/* Up to the first hole, then -ENOMEM. */
static void op_protect(struct space *s)
{
    struct range r = random_range();
    u32 prot = (u32)fake_rand(4);
    unsigned i = 0;
    long got = do_mprotect(s->mm, r.start, r.len, prot);

    for (; i < r.count && s->pages[r.first + i].cell != NO_PAGE; i++)
        s->pages[r.first + i].prot = prot;
    assert_int_equal(got, i == r.count ? 0 : -ENOMEM);
}

static void op_dontneed(struct space *s)
{
    struct range r = random_range();
    bool hole = false;
    long got = do_madvise(s->mm, r.start, r.len, MADV_DONTNEED);

    for (unsigned i = 0; i < r.count; i++) {
        struct model_page *p = &s->pages[r.first + i];

        if (p->cell == NO_PAGE)
            hole = true;
        else if (!p->shared)
            p->cell = new_cell(p->original);
    }
    assert_int_equal(got, hole ? -ENOMEM : 0);
}

/* A row of pages of one area moves to another place, or the call fails. */
static void op_remap(struct space *s)
{
    struct range from = random_range(), to = random_range();
    u64 flags = MREMAP_MAYMOVE | MREMAP_FIXED;
    unsigned n = min(from.count, to.count);
    struct model_page moved[PAGES];
    bool keep = fake_rand(3) == 0;
    long got;

    from.len = n * PAGE_SIZE;
    got = do_mremap(s->mm, from.start, from.len, from.len,
                    flags | (keep ? MREMAP_DONTUNMAP : 0), to.start);
    if (got == -EINVAL || s->pages[from.first].cell == NO_PAGE) {
        assert_true(got == -EFAULT || from.start - to.start < from.len ||
                    to.start - from.start < from.len);
        return;
    }
    memcpy(moved, &s->pages[from.first], n * sizeof(moved[0]));
    for (unsigned i = 0; i < n; i++) {
        s->pages[to.first + i].cell = NO_PAGE;
        if (got != -EFAULT && !keep)
            s->pages[from.first + i].cell = NO_PAGE;
        else if (got != -EFAULT && !moved[i].shared)
            s->pages[from.first + i].cell = new_cell(moved[i].original);
    }
    if (got != -EFAULT)
        memcpy(&s->pages[to.first], moved, n * sizeof(moved[0]));
    assert_true(got == -EFAULT || (u64)got == to.start);
}

static void op_access(struct space *s)
{
    unsigned page = (unsigned)fake_rand(PAGES);
    struct model_page *p = &s->pages[page];
    bool write = fake_rand(2), mapped = p->cell != NO_PAGE, allowed;
    u8 byte = (u8)fake_rand(256);
    enum fault_result_check {
        MAPERR,
        ACCERR
    } expect;
    enum fake_result r;
    char *at;

    expect = mapped ? ACCERR : MAPERR;
    allowed = mapped && (write ? p->prot & PROT_WRITE : p->prot != PROT_NONE);
    r = fake_access(s->mm, address(page), write, &at);
    if (!allowed) {
        assert_int_equal(r, expect == MAPERR ? FAKE_SEGV_MAPERR
                                             : FAKE_SEGV_ACCERR);
        return;
    }
    assert_int_equal(r, FAKE_OK);
    assert_int_equal((u8)*at, cells[p->cell]);
    if (write) {
        *at = (char)byte;
        cells[p->cell] = byte;
    }
}

static void op_fork(struct space *s)
{
    struct space *child = &spaces[fake_rand(SPACES)];

    if (child->mm) {
        if (child != &spaces[0] && child != s) {
            mm_put(child->mm);
            child->mm = NULL;
        }
        return;
    }
    child->mm = mm_fork(s->mm);
    assert_non_null(child->mm);
    for (unsigned i = 0; i < PAGES; i++) {
        struct model_page *p = &child->pages[i];

        *p = s->pages[i];
        if (p->cell != NO_PAGE && !p->shared)
            p->cell = new_cell(cells[p->cell]);
    }
}

static void random_step(void)
{
    struct space *s = &spaces[fake_rand(SPACES)];
    u64 what = fake_rand(100);

    if (!s->mm)
        s = &spaces[0];
    if (what < 8)
        op_map(s);
    else if (what < 13)
        op_unmap(s);
    else if (what < 23)
        op_protect(s);
    else if (what < 27)
        op_dontneed(s);
    else if (what < 30)
        op_fork(s);
    else if (what < 35)
        op_remap(s);
    else
        op_access(s);
}

static void random_ops(void **state __maybe_unused)
{
    for (unsigned op = 0; fake_more(op, 30000); op++) {
        random_step();
        check_all();
    }
}

/*
 * Any single allocation may fail: the call says -ENOMEM (or, for an access,
 * out of memory) and everything stays sound.
 */
static void one_failing_step(void)
{
    struct mm_struct *mm = spaces[0].mm, *child;
    struct range r = random_range();
    u64 flags = MAP_FIXED | MAP_ANONYMOUS;
    long got = 0;
    char *p;

    switch (fake_rand(7)) {
    case 6:
        got = do_mremap(mm, r.start, r.len, r.len, 3, address(PAGES));
        got = got > 0 || got == -EFAULT ? 0 : got;
        break;
    case 0:
        flags |= fake_rand(2) ? MAP_SHARED : MAP_PRIVATE;
        got = do_mmap(mm, r.start, r.len, RW, flags, NULL, 0, true);
        got = got > 0 ? 0 : got;
        break;
    case 1:
        got = do_munmap(mm, r.start, r.len);
        break;
    case 2:
        got = do_mprotect(mm, r.start, r.len, (u32)fake_rand(4));
        break;
    case 3:
        child = mm_fork(mm);
        if (child)
            mm_put(child);
        break;
    default:
        (void)fake_access(mm, r.start, fake_rand(2), &p);
    }
    assert_true(got == 0 || got == -ENOMEM);
}

static void failing_allocations(void **state __maybe_unused)
{
    for (unsigned op = 0; fake_more(op, 20000); op++) {
        mm_shrink_all(); /* so that slabs need frames again */
        page_alloc_fail_nth(1 + fake_rand(fake_rand(2) ? 3 : 12));
        one_failing_step();
        page_alloc_fail_nth(0);
        check_space(&spaces[0]);
        fake_tlb_check();
    }
}

/* mm_fork() fails whole at each of its allocations in turn. */
static void fork_fails_whole(void **state __maybe_unused)
{
    struct mm_struct *mm = spaces[0].mm, *child;
    u64 used;
    unsigned n = 0;

    for (unsigned i = 0; i < PAGES; i += 2) {
        u64 a = address(i);

        assert_int_equal(
            do_mmap(mm, a, PAGE_SIZE, RW, ANON | MAP_FIXED, NULL, 0, false), a);
        assert_true(fake_write(mm, a, (char)i));
    }
    used = fake_frames_used();
    do {
        page_alloc_fail_nth(++n);
        child = mm_fork(mm);
        page_alloc_fail_nth(0);
        if (!child)
            assert_int_equal(fake_frames_used(), used);
        for (unsigned i = 0; i < PAGES; i += 2)
            assert_int_equal(fake_read(mm, address(i)), i);
    } while (!child);
    assert_true(n > 3);
    for (unsigned i = 0; i < PAGES; i += 2)
        assert_int_equal(fake_read(child, address(i)), i);
    mm_put(child);
}

static void stack_growth(void **state __maybe_unused)
{
    struct mm_struct *mm = spaces[0].mm;
    u64 top = STACK_TOP - PAGE_SIZE, limit = fake_limits[RLIMIT_STACK].cur;
    u64 lowest = top - limit;

    assert_int_equal(mmap_stack(mm, top, 4 * PAGE_SIZE), 0);
    assert_true(fake_write(mm, top - 1, 1));
    assert_true(fake_write(mm, top - 100 * PAGE_SIZE, 2));
    assert_int_equal(mm->mmap->vm_start, top - 100 * PAGE_SIZE);
    assert_true(fake_write(mm, lowest, 3));
    assert_false(fake_write(mm, lowest - 1, 4)); /* RLIMIT_STACK */
    assert_int_equal(validate_mm(mm), 0);
    assert_int_equal(fake_read(mm, top - 100 * PAGE_SIZE), 2);
}

/* The guard gap above another mapping stops the growth. */
static void stack_meets_mapping(void **state __maybe_unused)
{
    struct mm_struct *mm = spaces[0].mm;
    u64 top = STACK_TOP - PAGE_SIZE, below = top - (1ul << 21);
    u64 end = below + PAGE_SIZE + STACK_GUARD_GAP;

    assert_int_equal(mmap_stack(mm, top, 4 * PAGE_SIZE), 0);
    assert_int_equal(
        do_mmap(mm, below, PAGE_SIZE, RW, ANON | MAP_FIXED, NULL, 0, false),
        below);
    assert_true(fake_write(mm, end, 1));
    assert_false(fake_write(mm, end - 1, 1));
    assert_int_equal(validate_mm(mm), 0);
}

static void heap(void **state __maybe_unused)
{
    struct mm_struct *mm = spaces[0].mm;
    u64 start = 0x30000000;

    mm->start_brk = mm->brk = start + 0x123;
    assert_int_equal(do_brk(mm, 0), start + 0x123);
    assert_int_equal(do_brk(mm, start + 0x5000), start + 0x5000);
    assert_true(fake_write(mm, start + 0x4fff, 9));
    assert_false(fake_write(mm, start + 0x5000, 9));
    assert_int_equal(do_brk(mm, start + 0x1001), start + 0x1001);
    assert_false(fake_write(mm, start + 0x4fff, 9));
    assert_int_equal(do_brk(mm, start + 0x5000), start + 0x5000);
    assert_int_equal(fake_read(mm, start + 0x4fff), 0); /* fresh again */
    assert_int_equal(do_brk(mm, start), start + 0x5000);
    assert_int_equal(do_brk(mm, TASK_SIZE), start + 0x5000);
    assert_int_equal(validate_mm(mm), 0);
}

/* Beyond the object's end there is nothing to map. */
static void beyond_the_object(void **state __maybe_unused)
{
    struct mm_struct *mm = spaces[0].mm;
    u64 a = address(0);
    char *p;

    assert_int_equal(do_mmap(mm, a, 8 * PAGE_SIZE, PROT_READ,
                             MAP_PRIVATE | MAP_FIXED, module, 0, false),
                     a);
    assert_int_equal(fake_access(mm, a + 3 * PAGE_SIZE, false, &p), FAKE_OK);
    assert_int_equal(fake_access(mm, a + 4 * PAGE_SIZE, false, &p),
                     FAKE_SIGBUS);
}

#define MM_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        MM_TEST(random_ops),
        MM_TEST(failing_allocations),
        MM_TEST(fork_fails_whole),
        MM_TEST(stack_growth),
        MM_TEST(stack_meets_mapping),

        MM_TEST(heap),
        MM_TEST(beyond_the_object),
    };

    return cmocka_run_group_tests_name("mm", tests, fake_boot, NULL);
}
