/*
 * Guards: what becomes of a fault whose pager is late, gone or the faulting
 * thread itself; and reading by a thread that waits for its message.
 */
#include "arena.h"

#include <mm/userfaultfd.h>

static struct userfaultfd_ctx *ctx;
static struct uffd_msg message;

static int setup(void **state)
{
    int r = arena_setup(state);

    ctx = userfaultfd_ctx_create(mm, 0);
    map_pages(0, 16, RW, ANON);
    assert_int_equal(
        userfaultfd_register(ctx, page_at(0), page_at(8), VM_UFFD_MISSING), 0);
    return r;
}

static int teardown(void **state)
{
    if (ctx)
        userfaultfd_release(ctx);
    return arena_teardown(state);
}

static int guard(unsigned first, unsigned count, u64 deadline, u32 action,
                 u32 flags)
{
    const struct uffd_guard g = {deadline, action, flags};

    return userfaultfd_guard(ctx, page_at(first), page_at(first + count), &g);
}

static enum fake_result touch(unsigned n)
{
    char *p;

    return fake_access(mm, page_at(n), true, &p);
}

/* ---- what becomes of the page ---- */

static void late_pagers(void **state __maybe_unused)
{
    assert_int_equal(guard(0, 2, 1000, UFFD_FL_ACTION_SIGBUS, 0), 0);
    assert_int_equal(guard(2, 2, 1000, UFFD_FL_ACTION_ZERO, 0), 0);
    assert_int_equal(guard(4, 2, 1000, UFFD_FL_ACTION_KILL, 0), 0);
    assert_int_equal(touch(0), FAKE_POISON);
    assert_int_equal(fake_read(mm, page_at(2)), 0);
    assert_true(fake_write(mm, page_at(2), 3));
    assert_false(fake_signal);
    (void)touch(4);
    assert_true(fake_signal);
    /* Three guards, and what has none: four areas and the rest. */
    assert_int_equal(mm->map_count, 5);
    assert_int_equal(guard(0, 8, 0, UFFD_FL_ACTION_NONE, 0), 0);
}

/* A page that is there and protected stays so: the store fails. */
static void late_with_protected_pages(void **state __maybe_unused)
{
    assert_int_equal(
        userfaultfd_register(ctx, page_at(8), page_at(10), VM_UFFD_WP), 0);
    assert_true(fake_write(mm, page_at(8), 1));
    assert_int_equal(
        userfaultfd_writeprotect(ctx, page_at(8), PAGE_SIZE, true, false), 0);
    assert_int_equal(guard(8, 1, 1000, UFFD_FL_ACTION_ZERO, 0), 0);
    assert_int_equal(touch(8), FAKE_SIGBUS);
    assert_int_equal(fake_read(mm, page_at(8)), 1);
}

static int close_it(void)
{
    struct userfaultfd_ctx *closing = ctx;

    ctx = NULL;
    userfaultfd_release(closing);
    return 0;
}

/* No deadline, but the pager is gone: at once, and for who comes later. */
static void dead_pagers(void **state __maybe_unused)
{
    assert_int_equal(guard(0, 2, 0, UFFD_FL_ACTION_SIGBUS, 0), 0);
    fake_on_block = close_it;
    assert_int_equal(touch(0), FAKE_POISON);
    assert_int_equal(touch(1), FAKE_POISON);
    assert_int_equal(fake_read(mm, page_at(2)), 0); /* not guarded */
}

/* The last thing it did. */
static int fill_and_close(void)
{
    assert_int_equal(
        userfaultfd_fill(ctx, FILL_ZERO, page_at(0), 0, PAGE_SIZE, false),
        PAGE_SIZE);
    return close_it();
}

static void dead_when_it_was_done(void **state __maybe_unused)
{
    assert_int_equal(guard(0, 2, 0, UFFD_FL_ACTION_SIGBUS, 0), 0);
    fake_on_block = fill_and_close;
    assert_int_equal(touch(0), FAKE_OK);
    assert_int_equal(touch(1), FAKE_POISON);
}

static int unmap_and_close(void)
{
    assert_int_equal(do_munmap(mm, page_at(0), PAGE_SIZE), 0);
    return close_it();
}

static void dead_and_unmapped(void **state __maybe_unused)
{
    assert_int_equal(guard(0, 2, 0, UFFD_FL_ACTION_SIGBUS, 0), 0);
    fake_on_block = unmap_and_close;
    assert_int_equal(touch(0), FAKE_SEGV_MAPERR);
}

static int fill_it(void)
{
    assert_int_equal(userfaultfd_next_faults(ctx, &message, 1), 1);
    assert_int_equal(
        userfaultfd_fill(ctx, FILL_ZERO, page_at(1), 0, PAGE_SIZE, false),
        PAGE_SIZE);
    userfaultfd_wake(ctx, page_at(1), PAGE_SIZE);
    return 0;
}

/* A guard against deadlocks alone: otherwise it waits as ever. */
static void nothing_to_do(void **state __maybe_unused)
{
    assert_int_equal(guard(1, 1, 0, 0, UFFD_FL_GUARD_DEADLOCK), 0);
    fake_on_block = fill_it;
    assert_int_equal(touch(1), FAKE_OK);
}

/* ---- setting them ---- */

static void what_is_refused(void **state __maybe_unused)
{
    assert_int_equal(guard(0, 1, 0, UFFD_FL_ACTION_ZERO + 1, 0), -EINVAL);
    assert_int_equal(guard(0, 1, 0, UFFD_FL_ACTION_ZERO, 2), -EINVAL);
    assert_int_equal(guard(0, 1, 5, UFFD_FL_ACTION_NONE, 0), -EINVAL);
    assert_int_equal(guard(7, 2, 0, UFFD_FL_ACTION_ZERO, 0), -ENOENT);
    assert_int_equal(do_munmap(mm, page_at(6), PAGE_SIZE), 0);
    assert_int_equal(guard(5, 3, 0, UFFD_FL_ACTION_ZERO, 0), -ENOENT);
    assert_int_equal(guard(6, 2, 0, UFFD_FL_ACTION_ZERO, 0), -ENOENT);
    mm_shrink_all();
    alloc_fail_nth(1);
    assert_int_equal(guard(0, 1, 0, UFFD_FL_ACTION_ZERO, 0), -ENOMEM);
    alloc_fail_nth(0);
    assert_int_equal(validate_mm(mm), 0);
}

/* Numbers are used again; more than there are at a time cannot be. */
static void as_many_as_there_are(void **state __maybe_unused)
{
    map_pages(0, PAGES, RW, ANON);
    assert_int_equal(
        userfaultfd_register(ctx, page_at(0), page_at(PAGES), VM_UFFD_MISSING),
        0);
    for (unsigned i = 1; i < UFFD_GUARDS; i++)
        assert_int_equal(guard(i, 1, i, UFFD_FL_ACTION_ZERO, 0), 0);
    assert_int_equal(guard(0, 1, UFFD_GUARDS, UFFD_FL_ACTION_ZERO, 0), -ENOSPC);
    assert_int_equal(guard(0, 1, 1, UFFD_FL_ACTION_ZERO, 0), 0); /* known */
    assert_int_equal(guard(5, 1, 0, UFFD_FL_ACTION_NONE, 0), 0);
    assert_int_equal(guard(0, 1, UFFD_GUARDS, UFFD_FL_ACTION_ZERO, 0), 0);
}

static int read_fork(void)
{
    struct userfaultfd_event *fork;

    assert_int_equal(userfaultfd_next_event(ctx, &message, &fork), 0);
    userfaultfd_fork_done(ctx, fork, true);
    userfaultfd_release(fork->child);
    return 0;
}

/* The child's context has the guards, too, or there is no child. */
static void forked_guards(void **state __maybe_unused)
{
    struct mm_struct *child;
    unsigned n = 0;

    ctx->features |= UFFD_FEATURE_EVENT_FORK;
    assert_int_equal(guard(0, 2, 1000, UFFD_FL_ACTION_SIGBUS, 0), 0);
    fake_on_block = read_fork;
    do {
        mm_shrink_all();
        alloc_fail_nth(++n);
        child = mm_fork(mm);
        alloc_fail_nth(0);
    } while (!child);
    assert_int_equal(fake_read(child, page_at(0)), -1);
    mm_put(child);
}

/* The address space goes first. */
static void nobody_left(void **state __maybe_unused)
{
    mm_put(mm);
    assert_int_equal(guard(0, 1, 0, UFFD_FL_ACTION_ZERO, 0), -ESRCH);
    mm = mm_create();
}

/* ---- reading ---- */

/* A fault finds the reader waiting: the message is in its hand. */
static int handed(void)
{
    assert_int_equal(message.event, UFFD_EVENT_PAGEFAULT);
    assert_int_equal(message.pagefault.address, page_at(3));
    assert_false(userfaultfd_has_msg(ctx));
    assert_int_equal(
        userfaultfd_fill(ctx, FILL_ZERO, page_at(3), 0, PAGE_SIZE, false),
        PAGE_SIZE);
    userfaultfd_wake(ctx, page_at(3), PAGE_SIZE);
    return 0;
}

static void a_reader_that_waits(void **state __maybe_unused)
{
    struct thread *me = fake_thread;
    struct uffd_msg other;

    memset(&message, 0, sizeof(message));
    assert_true(userfaultfd_reader_enter(ctx, &message));
    fake_thread = (struct thread *)&other; /* one is enough */
    assert_false(userfaultfd_reader_enter(ctx, &other));
    userfaultfd_reader_leave(ctx);
    fake_thread = me;
    fake_on_block = handed;
    assert_int_equal(touch(3), FAKE_OK);
    userfaultfd_reader_leave(ctx);
    assert_true(userfaultfd_reader_enter(ctx, &message));
    userfaultfd_reader_leave(ctx);
}

/* The fault is interrupted: nobody waits any more. */
static int interrupted(void)
{
    unsigned pending, total;

    userfaultfd_count(ctx, &pending, &total);
    assert_int_equal(pending, 1);
    assert_int_equal(total, 1);
    assert_int_equal(userfaultfd_next_faults(ctx, &message, 1), 1);
    userfaultfd_count(ctx, &pending, &total);
    assert_int_equal(pending, 0);
    assert_int_equal(total, 1);
    fake_on_block = NULL;
    assert_int_equal(
        userfaultfd_fill(ctx, FILL_ZERO, page_at(5), 0, PAGE_SIZE, false),
        PAGE_SIZE);
    return -EINTR;
}

static void faults_are_counted(void **state __maybe_unused)
{
    unsigned pending, total;

    fake_on_block = interrupted;
    assert_int_equal(touch(5), FAKE_OK);
    userfaultfd_count(ctx, &pending, &total);
    assert_int_equal(total, 0);
}

/* What the kernel itself touches may not wait where only user code may. */
static void user_mode_only(void **state __maybe_unused)
{
    struct page *page;

    ctx->flags = UFFD_USER_MODE_ONLY;
    assert_int_equal(mm_pin_page(mm, page_at(0), true, &page), -EFAULT);
}

/* ---- by chance, against an array ---- */

#define COUNT 24u

static struct model {
    bool ours, orphan; /* registered; or guarded by who is gone */
    struct uffd_guard guard;
    bool there, poisoned;
    u8 byte;
} pages[COUNT];
static unsigned tries;

static struct range few_pages(void)
{
    struct range r = random_range();

    r.first %= COUNT;
    r.count = min(r.count, COUNT - r.first);
    r.start = page_at(r.first);
    r.len = r.count * PAGE_SIZE;
    return r;
}

static void op_register(struct range r)
{
    if (!ctx)
        ctx = userfaultfd_ctx_create(mm, 0);
    assert_int_equal(
        userfaultfd_register(ctx, r.start, r.start + r.len,
                             VM_UFFD_MISSING | (fake_rand(2) ? VM_UFFD_WP : 0)),
        0);
    for (struct model *m = &pages[r.first]; r.count--; m++) {
        if (!m->ours)
            m->guard = (struct uffd_guard){0};
        m->ours = true;
        m->orphan = false;
    }
}

static void op_unregister(struct range r)
{
    if (!ctx)
        return;
    assert_int_equal(userfaultfd_unregister(ctx, r.start, r.start + r.len), 0);
    for (struct model *m = &pages[r.first]; r.count--; m++) {
        m->guard = (struct uffd_guard){0};
        m->ours = m->orphan = false;
    }
}

static void op_guard(struct range r)
{
    const struct uffd_guard g = {fake_rand(3), (u32)fake_rand(4),
                                 (u32)fake_rand(2)};
    int error = g.deadline_ns && !g.action ? -EINVAL : 0;

    if (!ctx)
        return;
    for (unsigned i = r.first; !error && i < r.first + r.count; i++)
        if (!pages[i].ours)
            error = -ENOENT;
    assert_int_equal(userfaultfd_guard(ctx, r.start, r.start + r.len, &g),
                     error);
    for (struct model *m = &pages[r.first]; !error && r.count--; m++)
        m->guard = g;
}

/* Who is guarded stays so. */
static void op_close(struct range r __maybe_unused)
{
    if (!ctx)
        return;
    close_it();
    for (struct model *m = pages; m < pages + COUNT; m++) {
        m->orphan |= m->ours && m->guard.action;
        m->ours = false;
        if (!m->orphan)
            m->guard = (struct uffd_guard){0};
    }
}

static void op_discard(struct range r)
{
    assert_int_equal(do_madvise(mm, r.start, r.len, MADV_DONTNEED), 0);
    for (struct model *m = &pages[r.first]; r.count--; m++)
        m->there = m->poisoned = false;
}

static void op_protect(struct range r)
{
    assert_int_equal(do_mprotect(mm, r.start, r.len, PROT_NONE), 0);
    assert_int_equal(do_mprotect(mm, r.start, r.len, RW), 0);
}

/* Fills, wakes for nothing, or goes; but a fault is tried so often only. */
static int serve(void)
{
    u64 how = ++tries > 3 ? 0 : fake_rand(5), at;
    struct model *m;

    assert_int_equal(userfaultfd_next_faults(ctx, &message, 1), 1);
    at = message.pagefault.address;
    m = &pages[(at - page_at(0)) >> PAGE_SHIFT];
    if (how == 4) {
        op_close((struct range){0});
        return 0;
    }
    m->there = how < 2;
    m->poisoned = how == 2;
    if (how < 3)
        assert_int_equal(userfaultfd_fill(ctx,
                                          how < 2 ? FILL_ZERO : FILL_POISON, at,
                                          0, PAGE_SIZE, false),
                         PAGE_SIZE);
    m->byte = 0;
    userfaultfd_wake(ctx, at, PAGE_SIZE);
    return 0;
}

/* What the guard, or the kernel for a page that is nobody's, does to it. */
static void act(struct model *m)
{
    m->byte = 0;
    m->there = !m->guard.action || m->guard.action == UFFD_FL_ACTION_ZERO;
    m->poisoned = !m->there;
}

static void op_touch(struct range r)
{
    struct model *m = &pages[r.first];
    bool waits = m->ours && !m->guard.deadline_ns, write = fake_rand(2);
    enum fake_result got;
    char *p;

    tries = 0;
    if (!m->there && !m->poisoned && !waits)
        act(m);
    got = fake_access(mm, r.start, write, &p);
    if (!m->there && !m->poisoned) /* it waited, and in vain */
        act(m);
    assert_int_equal(got, m->poisoned ? FAKE_POISON : FAKE_OK);
    assert_true(!fake_signal || m->guard.action == UFFD_FL_ACTION_KILL);
    fake_signal = false;
    if (got != FAKE_OK)
        return;
    assert_int_equal((u8)*p, m->byte);
    if (write)
        *p = (char)(m->byte = (u8)fake_rand(256));
}

static void check(void)
{
    for (unsigned i = 0; i < COUNT; i++) {
        const struct model *m = &pages[i];
        const struct vm_area_struct *vma = find_vma(mm, page_at(i));

        assert_int_equal(vma->vm_uffd != NULL, m->ours || m->orphan);
        if (m->ours)
            assert_ptr_equal(vma->vm_uffd, ctx);
        if (vma->vm_flags & VM_GUARD_MASK)
            assert_memory_equal(userfaultfd_guard_of(vma), &m->guard,
                                sizeof(m->guard));
        else
            assert_true(!m->guard.action && !m->guard.flags);
        assert_int_equal(pte_none(entry_of(mm, i)), !m->there && !m->poisoned);
    }
    assert_true(!ctx || !userfaultfd_has_msg(ctx));
    assert_int_equal(validate_mm(mm), 0);
    fake_tlb_check();
}

static void random_guards(void **state __maybe_unused)
{
    void (*const ops[])(struct range) = {
        op_touch,   op_touch,      op_touch,    op_touch,   op_guard,
        op_guard,   op_register,   op_register, op_discard, op_discard,
        op_protect, op_unregister, op_close};

    memset(pages, 0, sizeof(pages));
    userfaultfd_release(ctx);
    ctx = NULL;
    map_pages(0, COUNT, RW, ANON);
    fake_on_block = serve;
    for (unsigned n = 0; fake_more(n, 10000); n++) {
        ops[fake_rand(ARRAY_SIZE(ops))](few_pages());
        check();
    }
}

#define GUARD_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GUARD_TEST(late_pagers),
        GUARD_TEST(late_with_protected_pages),
        GUARD_TEST(dead_when_it_was_done),
        GUARD_TEST(dead_and_unmapped),

        GUARD_TEST(dead_pagers),
        GUARD_TEST(nothing_to_do),
        GUARD_TEST(what_is_refused),
        GUARD_TEST(as_many_as_there_are),
        GUARD_TEST(forked_guards),
        GUARD_TEST(nobody_left),
        GUARD_TEST(a_reader_that_waits),
        GUARD_TEST(faults_are_counted),
        GUARD_TEST(user_mode_only),
        GUARD_TEST(random_guards),
    };

    return cmocka_run_group_tests_name("uffd_guard", tests, fake_boot, NULL);
}
