/*
 * Write protection by userfaultfd, at random against an array: what is there,
 * what is protected, what a store then meets. Four kinds of memory: private,
 * private with marks on what is not there, shared, and the one where nobody is
 * asked. The pager's turn comes when a store blocks.
 */
#include "arena.h"

#include <mm/userfaultfd.h>

static struct userfaultfd_ctx *ctx;
static struct model {
    bool there, protected;
    u8 byte;
} pages[PAGES];
static u64 features;
static bool shared;
static unsigned messages;

static int setup(void **state)
{
    int r = arena_setup(state);

    ctx = userfaultfd_ctx_create(mm, 0);
    memset(pages, 0, sizeof(pages));
    messages = 0;
    return r || !ctx ? -1 : 0;
}

static int teardown(void **state)
{
    userfaultfd_release(ctx);
    return arena_teardown(state);
}

static int protect(struct range r, bool on)
{
    return userfaultfd_writeprotect(ctx, r.start, r.len, on, false);
}

/* The pager: lets the page go that it is asked for. */
static int serve(void)
{
    struct range page = {.len = PAGE_SIZE};
    struct uffd_msg msg;

    assert_int_equal(userfaultfd_next_faults(ctx, &msg, 1), 1);
    assert_int_equal(msg.pagefault.flags,
                     UFFD_PAGEFAULT_FLAG_WP | UFFD_PAGEFAULT_FLAG_WRITE);
    page.start = msg.pagefault.address;
    assert_int_equal(protect(page, false), 0);
    userfaultfd_wake(ctx, page.start, page.len);
    messages++;
    return 0;
}

static void op_protect(struct range r)
{
    bool on = fake_rand(2);

    assert_int_equal(protect(r, on), 0);
    for (unsigned i = r.first; i < r.first + r.count; i++) {
        struct model *m = &pages[i];
        bool mark = shared || (features & UFFD_FEATURE_WP_UNPOPULATED);

        if (!on)
            m->protected = false;
        else
            m->protected |= m->there || mark;
    }
}

static void op_discard(struct range r)
{
    assert_int_equal(do_madvise(mm, r.start, r.len, MADV_DONTNEED), 0);
    for (unsigned i = r.first; i < r.first + r.count; i++) {
        pages[i].there = false;
        pages[i].protected &= shared;
        if (!shared)
            pages[i].byte = 0;
    }
}

static void op_read(struct range r)
{
    assert_int_equal(fake_read(mm, r.start), pages[r.first].byte);
    pages[r.first].there = true;
}

static void op_write(struct range r)
{
    struct model *m = &pages[r.first];
    unsigned before = messages;
    bool asked = m->protected && !(features & UFFD_FEATURE_WP_ASYNC);
    u8 byte = (u8)fake_rand(256);

    assert_true(fake_write(mm, r.start, (char)byte));
    assert_int_equal(messages, before + asked);
    *m = (struct model){true, false, byte};
}

/* The child is nobody's business, and what it shares is copied. */
static void op_fork(struct range r)
{
    struct mm_struct *child = mm_fork(mm);

    assert_non_null(child);
    fake_mm = child;
    for (unsigned i = 0; i < PAGES; i++) {
        pte_t e = entry_of(child, i);

        assert_false(pte_uffd_wp(e));
    }
    assert_int_equal(fake_read(child, r.start), pages[r.first].byte);
    if (!shared)
        assert_true(fake_write(child, r.start, 1));
    fake_mm = mm;
    mm_put(child);
}

static void op_mprotect(struct range r)
{
    assert_int_equal(do_mprotect(mm, r.start, r.len, PROT_READ), 0);
    assert_int_equal(do_mprotect(mm, r.start, r.len, RW), 0);
}

/* Around the object's pages others may come along when one is read. */
static void check(void)
{
    for (unsigned i = 0; i < PAGES; i++) {
        pte_t e = entry_of(mm, i);

        if (pte_uffd_wp(e) != pages[i].protected)
            fail_msg("page %u: protected is not %d", i, pages[i].protected);
        assert_false(pte_write(e) && pte_uffd_wp(e));
        if (shared)
            pages[i].there = pte_present(e);
        assert_int_equal(pte_present(e), pages[i].there);
    }
    assert_int_equal(validate_mm(mm), 0);
    fake_tlb_check();
}

static void random_calls(u64 with, bool object)
{
    void (*const ops[])(struct range) = {
        op_protect, op_protect, op_protect, op_discard, op_read,
        op_read,    op_write,   op_write,   op_write,   op_write};

    unsigned n;

    features = ctx->features = with;
    shared = object;
    map_pages(0, PAGES, RW, shared ? SHARED : ANON);
    assert_int_equal(
        userfaultfd_register(ctx, page_at(0), page_at(PAGES), VM_UFFD_WP), 0);
    fake_on_block = serve;
    for (n = 0; fake_more(n, 6000); n++) {
        u64 what = fake_rand(100);
        struct range r = random_range();

        if (what < 90)
            ops[what % ARRAY_SIZE(ops)](r);
        else if (what < 95)
            op_mprotect(r);
        else
            op_fork(r);
        check();
    }
    if (n == 6000)
        assert_int_equal(!messages, !!(with & UFFD_FEATURE_WP_ASYNC));
    /* Who unregisters frees everything. */
    assert_int_equal(userfaultfd_unregister(ctx, page_at(0), page_at(PAGES)),
                     0);
    for (unsigned i = 0; i < PAGES; i++)
        pages[i].protected = false;
    check();
}

static void private_memory(void **state __maybe_unused)
{
    random_calls(0, false);
}

static void with_marks(void **state __maybe_unused)
{
    random_calls(UFFD_FEATURE_WP_UNPOPULATED, false);
}

static void shared_memory(void **state __maybe_unused)
{
    random_calls(0, true);
}

static void nobody_is_asked(void **state __maybe_unused)
{
    random_calls(UFFD_FEATURE_WP_ASYNC | UFFD_FEATURE_WP_UNPOPULATED, false);
}

/* ---- one by one ---- */

static void register_first(u64 flags)
{
    map_pages(0, 8, RW, ANON);
    assert_int_equal(userfaultfd_register(ctx, page_at(0), page_at(8), flags),
                     0);
}

static void what_it_refuses(void **state __maybe_unused)
{
    const struct range r = {.start = page_at(0), .len = PAGE_SIZE};

    map_pages(0, 8, RW, ANON);
    assert_int_equal(protect(r, true), -ENOENT);
    register_first(VM_UFFD_MISSING);
    assert_int_equal(protect(r, true), -ENOENT);
    assert_int_equal(userfaultfd_fill(ctx, FILL_ZERO, r.start, 0, r.len, true),
                     -EINVAL);
    ctx->changing = 1;
    assert_int_equal(protect(r, true), -EAGAIN);
    assert_int_equal(userfaultfd_fill(ctx, FILL_ZERO, r.start, 0, r.len, false),
                     -EAGAIN);
    ctx->changing = 0;
}

/* Marks need tables; without memory for one nothing is lost. */
static void no_table_for_marks(void **state __maybe_unused)
{
    const struct range r = {.start = page_at(0), .len = 8 * PAGE_SIZE};

    ctx->features = UFFD_FEATURE_WP_UNPOPULATED;
    register_first(VM_UFFD_WP);
    page_alloc_fail_nth(1);
    assert_int_equal(protect(r, true), -ENOMEM);
    page_alloc_fail_nth(0);
    assert_int_equal(protect(r, true), 0);
    assert_true(pte_uffd_wp(entry_of(mm, 7)));
}

/* Both kinds: the page is asked for first, and comes protected. */
static void missing_and_protected(void **state __maybe_unused)
{
    const u64 at = page_at(2);
    struct range r = {.start = at, .len = PAGE_SIZE};

    ctx->features = UFFD_FEATURE_WP_UNPOPULATED;
    register_first(VM_UFFD_MISSING | VM_UFFD_WP);
    assert_int_equal(userfaultfd_fill(ctx, FILL_ZERO, at, 0, PAGE_SIZE, true),
                     PAGE_SIZE);
    assert_true(pte_uffd_wp(entry_of(mm, 2)));
    fake_on_block = serve;
    assert_true(fake_write(mm, at, 5));
    assert_int_equal(messages, 1);
    /* A marked page that is missing goes to the pager, who may leave it. */
    r.start = page_at(3);
    assert_int_equal(protect(r, true), 0);
    fake_mm = mm;
    fake_signal = true;
    fake_on_block = NULL;
    ctx->features |= UFFD_FEATURE_SIGBUS;
    assert_int_equal(fake_read(mm, r.start), -1);
}

static void poison(void **state __maybe_unused)
{
    const u64 at = page_at(1);
    struct mm_struct *child;
    char *p;

    register_first(VM_UFFD_MISSING);
    assert_int_equal(
        userfaultfd_fill(ctx, FILL_POISON, at, 0, PAGE_SIZE, false), PAGE_SIZE);
    assert_int_equal(
        userfaultfd_fill(ctx, FILL_POISON, at, 0, PAGE_SIZE, false), -EEXIST);
    assert_int_equal(userfaultfd_fill(ctx, FILL_ZERO, at, 0, PAGE_SIZE, false),
                     -EEXIST);
    assert_int_equal(fake_access(mm, at, false, &p), FAKE_POISON);
    assert_int_equal(do_mlock(mm, at, PAGE_SIZE, 0), -ENOMEM);
    assert_int_equal(do_munlock(mm, at, PAGE_SIZE), 0);
    assert_int_equal(do_madvise(mm, at, PAGE_SIZE, MADV_POPULATE_READ),
                     -EHWPOISON);
    child = mm_fork(mm); /* poison is poison for everybody */
    assert_int_equal(fake_access(child, at, false, &p), FAKE_POISON);
    mm_put(child);
    assert_int_equal(do_madvise(mm, at, PAGE_SIZE, MADV_DONTNEED), 0);
    assert_true(pte_none(entry_of(mm, 1)));
}

/* mremap without the event: the pages are free at their new place. */
static void moved_pages_are_free(void **state __maybe_unused)
{
    const struct range r = {.start = page_at(0), .len = 8 * PAGE_SIZE};

    register_first(VM_UFFD_WP);
    for (unsigned i = 0; i < 8; i++)
        assert_true(fake_write(mm, page_at(i), 1));
    assert_int_equal(protect(r, true), 0);
    assert_int_equal(do_mremap(mm, page_at(0), r.len, r.len,
                               MREMAP_MAYMOVE | MREMAP_FIXED, page_at(16)),
                     page_at(16));
    for (unsigned i = 16; i < 24; i++) {
        assert_false(pte_uffd_wp(entry_of(mm, i)));
        assert_true(fake_write(mm, page_at(i), 2));
    }
}

/* The address space goes first. */
static void nobody_left(void **state __maybe_unused)
{
    const struct range r = {.start = page_at(0), .len = PAGE_SIZE};
    struct mm_struct *keep = mm;

    register_first(VM_UFFD_WP);
    mm_put(keep);
    assert_int_equal(protect(r, true), -ESRCH);
    assert_int_equal(userfaultfd_fill(ctx, FILL_ZERO, r.start, 0, r.len, false),
                     -ESRCH);
    assert_int_equal(
        userfaultfd_register(ctx, page_at(0), page_at(1), VM_UFFD_WP), -ENOMEM);
    assert_int_equal(userfaultfd_unregister(ctx, page_at(0), page_at(1)),
                     -ENOMEM);
    mm = mm_create();
}

#define WP_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WP_TEST(private_memory),        WP_TEST(with_marks),
        WP_TEST(shared_memory),         WP_TEST(nobody_is_asked),
        WP_TEST(what_it_refuses),       WP_TEST(no_table_for_marks),
        WP_TEST(missing_and_protected), WP_TEST(poison),
        WP_TEST(moved_pages_are_free),  WP_TEST(nobody_left),
    };

    return cmocka_run_group_tests_name("uffd_wp", tests, fake_boot, NULL);
}
