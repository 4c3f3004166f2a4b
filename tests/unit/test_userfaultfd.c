/*
 * userfaultfd on the fake machine: while a thread is blocked in a fault, the
 * test's fake_on_block() plays the pager.
 */
#include "fake.h"

#include <base/errno.h>
#include <base/string.h>
#include <mm/userfaultfd.h>
#include <uapi/faultline/mman.h>

#define RW   (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static struct mm_struct *mm;
static struct userfaultfd_ctx *ctx;
static u64 region, source; /* 4 pages each; source is filled */
static struct uffd_msg last_msg;
static unsigned served;

static u64 map(u64 len)
{
    long r = do_mmap(mm, 0, len, RW, ANON, NULL, 0, false);

    assert_true(r > 0);
    return (u64)r;
}

static int setup(void **state)
{
    fake_mark(state);
    mm = mm_create();
    fake_mm = mm;
    ctx = userfaultfd_ctx_create(0);
    source = map(4 * PAGE_SIZE);
    region = map(4 * PAGE_SIZE);
    for (int i = 0; i < 4; i++)
        assert_true(fake_write(mm, source + i * PAGE_SIZE, 'a' + i));
    assert_int_equal(userfaultfd_register(ctx, region, region + 4 * PAGE_SIZE,
                                          VM_UFFD_MISSING),
                     0);
    served = 0;
    return 0;
}

static int teardown(void **state)
{
    fake_on_block = NULL;
    assert_int_equal(validate_mm(mm), 0);
    fake_tlb_check();
    if (ctx)
        userfaultfd_release(ctx);
    mm_put(mm);
    fake_mm = NULL;
    return fake_check_leaks(state);
}

/* Reads the message, copies the page of the same number, wakes. */
static int pager_copies(void)
{
    u64 page;

    assert_int_equal(userfaultfd_next_msg(ctx, &last_msg), 0);
    assert_int_equal(userfaultfd_next_msg(ctx, &last_msg), -EAGAIN);
    page = last_msg.pagefault.address - region;
    assert_int_equal(
        userfaultfd_copy(ctx, region + page, source + page, PAGE_SIZE),
        PAGE_SIZE);
    userfaultfd_wake(ctx, region + page, PAGE_SIZE);
    served++;
    return 0;
}

static void pager_fills(void **state __maybe_unused)
{
    fake_on_block = pager_copies;
    assert_int_equal(fake_read(mm, region + 2 * PAGE_SIZE), 'c');
    assert_int_equal(last_msg.event, UFFD_EVENT_PAGEFAULT);
    assert_int_equal(last_msg.pagefault.flags, 0);
    assert_true(fake_write(mm, region, 'z'));
    assert_int_equal(last_msg.pagefault.flags, UFFD_PAGEFAULT_FLAG_WRITE);
    assert_int_equal(fake_read(mm, region), 'z');
    assert_int_equal(served, 2);
}

static int pager_is_closed(void)
{
    struct userfaultfd_ctx *closed = ctx;

    ctx = NULL;
    served++;
    userfaultfd_release(closed);
    return 0;
}

static void close_wakes(void **state __maybe_unused)
{
    fake_on_block = pager_is_closed;
    assert_int_equal(fake_read(mm, region), 0);
    assert_int_equal(served, 1);
    assert_null(find_vma(mm, region)->vm_uffd);
}

static int pager_zeroes_and_unmaps(void)
{
    assert_int_equal(do_munmap(mm, region, PAGE_SIZE), 0);
    assert_int_equal(userfaultfd_zeropage(ctx, region, PAGE_SIZE), -ENOENT);
    userfaultfd_wake(ctx, region, PAGE_SIZE);
    return 0;
}

static void unmapped_under_the_wait(void **state __maybe_unused)
{
    char *p;

    fake_on_block = pager_zeroes_and_unmaps;
    assert_int_equal(fake_access(mm, region, true, &p), FAKE_SEGV_MAPERR);
}

static void fill_errors(void **state __maybe_unused)
{
    u64 free = map(PAGE_SIZE), end = region + 4 * PAGE_SIZE;

    assert_int_equal(userfaultfd_copy(ctx, source, source, PAGE_SIZE), -ENOENT);
    assert_int_equal(do_munmap(mm, free, PAGE_SIZE), 0);
    assert_int_equal(userfaultfd_copy(ctx, free, free, PAGE_SIZE), -ENOENT);
    assert_int_equal(userfaultfd_copy(ctx, region, free, PAGE_SIZE), -EFAULT);
    assert_int_equal(
        userfaultfd_copy(ctx, region + PAGE_SIZE, source, PAGE_SIZE),
        PAGE_SIZE);
    assert_int_equal(
        userfaultfd_copy(ctx, region + PAGE_SIZE, source, PAGE_SIZE), -EEXIST);
    /* Short: the second page is there already. */
    assert_int_equal(userfaultfd_copy(ctx, region, source, 3 * PAGE_SIZE),
                     PAGE_SIZE);
    /* The range must lie within one area. */
    assert_int_equal(
        userfaultfd_copy(ctx, end - PAGE_SIZE, source, 2 * PAGE_SIZE), -ENOENT);
}

static void registration_splits_and_merges(void **state __maybe_unused)
{
    u64 mid = region + PAGE_SIZE;
    u32 count = mm->map_count;

    assert_int_equal(userfaultfd_unregister(ctx, mid, mid + PAGE_SIZE), 0);
    assert_int_equal(validate_mm(mm), 0);
    assert_true(mm->map_count > count);
    assert_null(find_vma(mm, mid)->vm_uffd);
    assert_ptr_equal(find_vma(mm, region)->vm_uffd, ctx);
    assert_int_equal(fake_read(mm, mid), 0);
    assert_int_equal(
        userfaultfd_register(ctx, mid, mid + PAGE_SIZE, VM_UFFD_MISSING), 0);
    assert_int_equal(mm->map_count, count);
}

static void registration_errors(void **state __maybe_unused)
{
    struct userfaultfd_ctx *other = userfaultfd_ctx_create(0);
    struct mem_object *module =
        object_create_module("m", FAKE_MODULE_START, FAKE_MODULE_SIZE);
    long file =
        do_mmap(mm, 0, PAGE_SIZE, PROT_READ, MAP_PRIVATE, module, 0, false);
    u64 end = region + PAGE_SIZE;

    assert_int_equal(userfaultfd_register(other, region, end, VM_UFFD_MISSING),
                     -EBUSY);
    assert_int_equal(userfaultfd_register(ctx, (u64)file, (u64)file + PAGE_SIZE,
                                          VM_UFFD_MISSING),
                     -EINVAL);
    assert_int_equal(userfaultfd_register(ctx, MMAP_MIN_ADDR,
                                          MMAP_MIN_ADDR + PAGE_SIZE,
                                          VM_UFFD_MISSING),
                     -EINVAL);
    object_put(module);
    userfaultfd_release(other);
}

static void child_is_not_registered(void **state __maybe_unused)
{
    struct mm_struct *child = mm_fork(mm);

    assert_non_null(child);
    assert_null(find_vma(child, region)->vm_uffd);
    assert_int_equal(fake_read(child, region), 0);
    mm_put(child);
}

static int signal_comes(void)
{
    return -EINTR;
}

/* A fault broken off by a signal leaves no message behind. */
static void signal_dequeues(void **state __maybe_unused)
{
    struct vm_area_struct *vma;

    fake_on_block = signal_comes;
    mmap_read_lock(mm);
    vma = find_vma(mm, region);
    assert_int_equal(
        handle_mm_fault(vma, region, FAULT_USER | FAULT_RETRY_OK, NULL),
        VM_FAULT_RETRY);
    assert_false(userfaultfd_has_msg(ctx));
    assert_true(list_empty(&ctx->taken));
}

static void some_faults_cannot_wait(void **state __maybe_unused)
{
    struct vm_area_struct *vma = find_vma(mm, region);

    mmap_read_lock(mm);
    assert_int_equal(handle_mm_fault(vma, region, FAULT_USER, NULL),
                     VM_FAULT_SIGBUS);
    ctx->flags = UFFD_USER_MODE_ONLY;
    assert_int_equal(handle_mm_fault(vma, region, FAULT_RETRY_OK, NULL),
                     VM_FAULT_SIGBUS);
    ctx->flags = 0;
    ctx->features = UFFD_FEATURE_SIGBUS;
    assert_int_equal(
        handle_mm_fault(vma, region, FAULT_USER | FAULT_RETRY_OK, NULL),
        VM_FAULT_SIGBUS);
    mmap_read_unlock(mm);
}

static void dead_space_is_esrch(void **state __maybe_unused)
{
    struct mm_struct *live = mm_create();
    struct userfaultfd_ctx *orphan;

    fake_mm = live;
    orphan = userfaultfd_ctx_create(0);
    fake_mm = mm;
    mm_put(live);
    assert_int_equal(userfaultfd_copy(orphan, region, source, PAGE_SIZE),
                     -ESRCH);
    assert_int_equal(userfaultfd_register(orphan, region, region + PAGE_SIZE,
                                          VM_UFFD_MISSING),
                     -ENOMEM);
    userfaultfd_release(orphan);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pager_fills),
        TEST(close_wakes),
        TEST(unmapped_under_the_wait),
        TEST(fill_errors),
        TEST(registration_splits_and_merges),
        TEST(registration_errors),
        TEST(child_is_not_registered),
        TEST(signal_dequeues),
        TEST(some_faults_cannot_wait),
        TEST(dead_space_is_esrch),
    };

    return cmocka_run_group_tests(tests, fake_boot, NULL);
}
