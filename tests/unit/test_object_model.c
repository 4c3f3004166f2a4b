/*
 * An object with a pager, at random against an array. Two spaces map it shared,
 * one of them private as well; the pager's turn comes when an access blocks,
 * and it then serves, fails, writes, takes away, cuts the object off or dies.
 */
#include "object_model.h"

#define PLACES 0x50000000ul /* two, where `other` has it in turn */

static struct mm_struct *client, *other;
static u64 shared, second, private;

/* The miss being served. */
static unsigned wanted, tries, misses;
static bool writes, refused;

/* ---- accesses ---- */

static void check_message(void)
{
    struct uffd_msg msg;

    assert_int_equal(userfaultfd_next_faults(ctx, &msg, 1), 1);
    assert_int_equal(msg.event, UFFD_EVENT_FL_MISS);
    assert_int_equal(msg.object.cookie, bound.cookie);
    assert_int_equal(msg.object.offset, wanted * PAGE_SIZE);
    assert_int_equal(msg.object.info, writes ? UFFD_PAGEFAULT_FLAG_WRITE : 0);
    assert_false(pages[wanted].there);
}

static int serve(void)
{
    const struct range page = {wanted, 1};
    /* A fault is tried so often only. */
    u64 how = ++tries > 3 ? 0 : fake_rand(12);

    misses++;
    check_message();
    if (how == 1) {
        assert_int_equal(on(object_wake, page, UFFD_FL_MODE_FAIL), PAGE_SIZE);
        refused = true;
    } else if (how == 2) {
        op_die();
        refused = true;
    } else if (how == 3) {
        assert_int_equal(on(object_wake, page, 0), PAGE_SIZE);
    } else if (how == 4 && (wanted + 1) * PAGE_SIZE <= size) {
        write_page(wanted);
    } else if (how == 5) {
        op_resize();
        assert_int_equal(on(object_wake, page, 0), PAGE_SIZE);
    } else {
        make_room_and_fill(page);
    }
    if (how == 6) {
        clean(page);
        evict(page);
    }
    return 0;
}

static void begin_access(unsigned i, bool write)
{
    wanted = i;
    writes = write;
    tries = 0;
    refused = false;
}

/* The access is served: nobody refused it, and the page is not cut off. */
static bool was_served(unsigned i)
{
    return !refused && i < size_pages() && pages[i].there;
}

static void access_shared(struct mm_struct *mm, u64 at, unsigned i, bool write)
{
    struct model *m = &pages[i];
    enum fake_result r;
    char *p;

    begin_access(i, write);
    r = fake_access(mm, at + i * PAGE_SIZE, write, &p);
    if (!was_served(i)) {
        assert_int_equal(r, FAKE_SIGBUS);
        return;
    }
    assert_int_equal(r, FAKE_OK);
    assert_int_equal((u8)*p, m->byte);
    if (!write)
        return;
    *p = (char)(m->byte = (u8)fake_rand(256));
    set_dirty(m);
}

static void op_client(void)
{
    access_shared(client, shared, (unsigned)fake_rand(COUNT), fake_rand(2));
}

static void op_other(void)
{
    access_shared(other, second, (unsigned)fake_rand(COUNT), fake_rand(2));
}

static void op_private(void)
{
    unsigned i = (unsigned)fake_rand(COUNT);
    struct model *m = &pages[i];
    bool write = fake_rand(2);
    enum fake_result r;
    char *p;

    begin_access(i, write);
    r = fake_access(client, private + i * PAGE_SIZE, write, &p);
    if (!m->copied && !was_served(i)) {
        assert_int_equal(r, FAKE_SIGBUS);
        return;
    }
    assert_int_equal(r, FAKE_OK);
    assert_int_equal((u8)*p, m->copied ? m->copy : m->byte);
    if (!write)
        return;
    m->copied = true;
    *p = (char)(m->copy = (u8)fake_rand(256));
}

static void op_read(void)
{
    unsigned i = (unsigned)fake_rand(COUNT);
    u8 byte = 0;
    size_t n;

    begin_access(i, false);
    n = object_read(object, i * PAGE_SIZE, &byte, 1);
    if (n && was_served(i))
        assert_int_equal(byte, pages[i].byte);
    else
        assert_int_equal(byte, 0);
}

/* ---- what others do with their mappings ---- */

static void op_discard(void)
{
    struct range r = random_range();
    u64 from = r.first * PAGE_SIZE, len = r.count * PAGE_SIZE;

    assert_int_equal(do_madvise(other, second + from, len, MADV_DONTNEED), 0);
    assert_int_equal(do_madvise(client, private + from, len, MADV_DONTNEED), 0);
    for (unsigned i = r.first; i < r.first + r.count; i++)
        pages[i].copied = false;
}

static void op_protect(void)
{
    struct range r = random_range();
    u64 from = shared + r.first * PAGE_SIZE, len = r.count * PAGE_SIZE;

    assert_int_equal(do_mprotect(client, from, len, PROT_READ), 0);
    if (fake_rand(2))
        access_shared(client, shared, r.first, false);
    assert_int_equal(do_mprotect(client, from, len, RW), 0);
}

static void op_move(void)
{
    u64 to = PLACES + (second == PLACES ? 4 * LENGTH : 0);

    assert_int_equal(do_mremap(other, second, LENGTH, LENGTH,
                               MREMAP_MAYMOVE | MREMAP_FIXED, to),
                     to);
    second = to;
}

static void op_fork(void)
{
    struct mm_struct *child = mm_fork(client);

    assert_non_null(child);
    access_shared(child, shared, (unsigned)fake_rand(COUNT), fake_rand(2));
    mm_put(child);
}

/* ---- all of it ---- */

static void check_entry(struct mm_struct *mm, u64 va, const struct model *m,
                        u64 pfn)
{
    pte_t *pte = pte_lookup(mm, va);

    if (!pte || !pte_present(pte_get(pte)))
        return;
    assert_true(m->there);
    assert_int_equal(pte_pfn(pte_get(pte)), pfn);
    assert_true(m->dirty || !pte_write(pte_get(pte)));
}

static bool check_page(unsigned i)
{
    const struct model *m = &pages[i];
    struct page *page = page_tree_find(&object->tree, i);
    u64 pfn = page ? page_to_pfn(page) : 0;

    assert_int_equal(page != NULL, m->there);
    if (page) {
        assert_int_equal(!!(page->flags & PG_DIRTY), m->dirty);
        assert_int_equal(!!(page->flags & PG_UNTOLD), m->untold);
        assert_int_equal(*(u8 *)page_address(page), m->byte);
    }
    check_entry(client, shared + i * PAGE_SIZE, m, pfn);
    check_entry(other, second + i * PAGE_SIZE, m, pfn);
    return m->untold;
}

static void check(void)
{
    bool news = resized || full;

    for (unsigned i = 0; i < COUNT; i++)
        news |= check_page(i);
    assert_int_equal(object->page_count, page_count());
    if (ctx)
        assert_int_equal(userfaultfd_has_msg(ctx), news);
    assert_int_equal(validate_mm(client) || validate_mm(other), 0);
    assert_int_equal(validate_counts(client) || validate_counts(other), 0);
    fake_tlb_check();
}

static void random_calls(void **state __maybe_unused)
{
    static void (*const all[])(void) = {
        op_client, op_client,     op_other,        op_other,   op_private,
        op_read,   op_write_page, op_memory_short, op_discard, op_protect,
        op_move,   op_fork,       op_resize};
    static void (*const its[])(void) = {op_fill, op_clean, op_evict, op_wake,
                                        op_news};
    unsigned n;

    for (n = 0; fake_more(n, 8000); n++) {
        u64 what = fake_rand(40);

        if (!ctx)
            bind();
        if (what < 30)
            all[fake_rand(ARRAY_SIZE(all))]();
        else if (what < 39)
            its[fake_rand(ARRAY_SIZE(its))]();
        else
            op_die();
        check();
    }
    assert_true(n < 8000 || misses > 500);
}

static u64 map(struct mm_struct *mm, u64 at, u64 flags)
{
    long r = do_mmap(mm, at, LENGTH, RW, flags, object, 0, true);

    assert_true(r > 0);
    return (u64)r;
}

static int setup(void **state)
{
    fake_mark(state);
    client = mm_create();
    other = mm_create();
    pager = mm_create();
    fake_mm = client;
    object = fake_object();
    size = LENGTH;
    assert_int_equal(object_resize(object, size), 0);
    memset(pages, 0, sizeof(pages));
    resized = full = false;
    misses = 0;
    bind();
    shared = map(client, 0, MAP_SHARED);
    private = map(client, 0, MAP_PRIVATE);
    second = map(other, PLACES, MAP_SHARED | MAP_FIXED);
    assert_int_equal(do_mmap(pager, SOURCE, LENGTH, RW,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0,
                             false),
                     SOURCE);
    for (unsigned i = 0; i < COUNT; i++)
        assert_true(fake_write(pager, SOURCE + i * PAGE_SIZE, (char)(i + 1)));
    fake_on_block = serve;
    return 0;
}

static int teardown(void **state)
{
    fake_on_block = NULL;
    if (ctx)
        userfaultfd_release(ctx);
    mm_put(client);
    mm_put(other);
    object_put(object);
    mm_put(pager);
    return fake_check_leaks(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(random_calls, setup, teardown),
    };

    return cmocka_run_group_tests_name("object_model", tests, fake_boot, NULL);
}
