/*
 * Every allocation of every call fails once: the first, then the second, and
 * so on until the call goes through. A call that fails says -ENOMEM and leaves
 * the areas and the bytes as they were; at the end nothing is lost. Frames and
 * objects both count.
 */
#include "fake.h"

#include <base/string.h>
#include <mm/userfaultfd.h>
#include <uapi/faultline/mman.h>

#define BASE  0x20000000ul
#define PAGES 48u
#define RW    (PROT_READ | PROT_WRITE)
#define AREAS 64u
#define SPAN  (PAGES * PAGE_SIZE)
/* Far enough to need tables of its own. */
#define FAR (BASE + (1ul << 40))

struct area {
    u64 start, end, flags, pgoff;
    void *object, *uffd;
};

static struct area before[AREAS];
static unsigned before_count;
static int bytes[PAGES]; /* a page's first byte, -1: none */
static struct mm_struct *mm, *child;
static struct mem_object *object;
static struct userfaultfd_ctx *ctx;

static u64 page(unsigned n)
{
    return BASE + n * PAGE_SIZE;
}

/* ---- the state ---- */

static struct area area_of(const struct vm_area_struct *vma)
{
    return (struct area){vma->vm_start, vma->vm_end,    vma->vm_flags,
                         vma->vm_pgoff, vma->vm_object, vma->vm_uffd};
}

/* That an area was cut in two makes no difference to anybody. */
static bool continues(const struct area *a, const struct area *b)
{
    return a->end == b->start && a->flags == b->flags &&
           a->object == b->object && a->uffd == b->uffd &&
           a->pgoff + ((a->end - a->start) >> PAGE_SHIFT) == b->pgoff;
}

static unsigned list_areas(struct area *list)
{
    struct vm_area_struct *vma;
    unsigned count = 0;

    for_each_vma (mm, vma) {
        struct area now = area_of(vma);

        assert_true(count < AREAS);
        if (count && continues(&list[count - 1], &now))
            list[count - 1].end = now.end;
        else
            list[count++] = now;
    }
    return count;
}

/* What is there, without making it so. */
static int peek(u64 va)
{
    pte_t *pte = pte_lookup(mm, va);

    if (!pte || !pte_present(*pte))
        return -1;
    return *(u8 *)page_address(pfn_to_page(pte_pfn(*pte)));
}

static void remember_bytes(void)
{
    for (unsigned i = 0; i < PAGES; i++)
        bytes[i] = peek(page(i));
}

static void unchanged(const char *what, unsigned n)
{
    static struct area after[AREAS];
    unsigned count = list_areas(after), i;

    for (i = 0; i < count && i < before_count; i++)
        if (memcmp(&after[i], &before[i], sizeof(after[i])))
            fail_msg("%s, allocation %u: area %lx-%lx is not as before", what,
                     n, after[i].start, after[i].end);
    if (count != before_count)
        fail_msg("%s, allocation %u: %u areas, not %u", what, n, count,
                 before_count);
    for (i = 0; i < PAGES; i++)
        if (bytes[i] >= 0 && peek(page(i)) != bytes[i])
            fail_msg("%s, allocation %u: page %u lost", what, n, i);
}

/* ---- the script ---- */

static long map(unsigned first, unsigned count, u64 flags, bool with_object)
{
    long r = do_mmap(mm, page(first), count * PAGE_SIZE, RW, flags | MAP_FIXED,
                     with_object ? object : NULL, 0, true);

    return r > 0 ? 0 : r;
}

static long map_private(void)
{
    return map(0, 16, MAP_PRIVATE | MAP_ANONYMOUS, false);
}

static long map_shared(void)
{
    return map(16, 8, MAP_SHARED | MAP_ANONYMOUS, false);
}

static long map_object(void)
{
    return map(24, 3, MAP_PRIVATE, true);
}

static long map_far(void)
{
    long r = do_mmap(mm, FAR, SPAN, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
                     NULL, 0, false);

    return r > 0 ? 0 : r;
}

static long map_anywhere(void)
{
    long r = do_mmap(mm, 0, SPAN, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, NULL,
                     0, false);

    return r > 0 ? 0 : r;
}

/* In the middle of what is there. */
static long map_over(void)
{
    return map(4, 2, MAP_SHARED | MAP_ANONYMOUS, false);
}

static long access(u64 va, bool write)
{
    char *p = NULL;
    enum fake_result r = fake_access(mm, va, write, &p);

    if (r == FAKE_OK && write)
        *p = (char)(va >> PAGE_SHIFT | 1);
    return r == FAKE_OOM ? -ENOMEM : r == FAKE_OK ? 0 : -EFAULT;
}

static long write_private(void)
{
    return access(page(1), true);
}

static long read_private(void)
{
    return access(page(2), false);
}

static long write_shared(void)
{
    return access(page(17), true);
}

static long write_object(void)
{
    return access(page(25), true);
}

static long write_far(void)
{
    return access(FAR + 5 * PAGE_SIZE, true);
}

static long protect_middle(void)
{
    return do_mprotect(mm, page(8), 2 * PAGE_SIZE, PROT_READ);
}

static long protect_many(void)
{
    return do_mprotect(mm, page(7), 11 * PAGE_SIZE, PROT_READ);
}

static long unmap_middle(void)
{
    return do_munmap(mm, page(12), PAGE_SIZE);
}

static long unmap_many(void)
{
    return do_munmap(mm, page(13), 5 * PAGE_SIZE);
}

static long move(void)
{
    long r = do_mremap(mm, page(0), 3 * PAGE_SIZE, 3 * PAGE_SIZE,
                       MREMAP_MAYMOVE | MREMAP_FIXED, page(32));

    return r > 0 ? 0 : r;
}

static long move_far(void)
{
    long r = do_mremap(mm, page(33), PAGE_SIZE, 4 * PAGE_SIZE,
                       MREMAP_MAYMOVE | MREMAP_FIXED, FAR << 1);

    return r > 0 ? 0 : r;
}

static long forget(void)
{
    return do_madvise(mm, page(20), PAGE_SIZE, MADV_DONTNEED);
}

static long grow_heap(void)
{
    return do_brk(mm, page(44)) == (long)page(44) ? 0 : -ENOMEM;
}

static long make_child(void)
{
    child = mm_fork(mm);
    return child ? 0 : -ENOMEM;
}

static long copy_on_write(void)
{
    return access(page(18), true);
}

static long make_context(void)
{
    fake_mm = mm;
    ctx = userfaultfd_ctx_create(fake_mm, 0);
    if (ctx)
        ctx->initialized = true;
    return ctx ? 0 : -ENOMEM;
}

static long watch(void)
{
    return userfaultfd_register(ctx, page(9), page(11), VM_UFFD_MISSING);
}

static long unwatch(void)
{
    return userfaultfd_unregister(ctx, page(10), page(11));
}

static long fill(void)
{
    s64 r = userfaultfd_fill(ctx, FILL_ZERO, page(9), 0, PAGE_SIZE, false);

    return r > 0 ? 0 : r;
}

#define WHOLE(name, run, at_least)                                             \
    {                                                                          \
        name, run, at_least, false                                             \
    }
#define PARTIAL(name, run, at_least)                                           \
    {                                                                          \
        name, run, at_least, true                                              \
    }

static const struct step {
    const char *name;
    long (*run)(void);
    unsigned at_least; /* allocations it makes */
    bool partial;      /* as on Linux: what came before the failure is done */
} script[] = {
    WHOLE("mmap private", map_private, 1),
    WHOLE("mmap shared", map_shared, 2),
    WHOLE("mmap object", map_object, 1),
    WHOLE("mmap far away", map_far, 1),
    WHOLE("mmap anywhere", map_anywhere, 1),
    WHOLE("brk", grow_heap, 1),
    WHOLE("write to private memory", write_private, 2),
    WHOLE("read of private memory", read_private, 0),
    WHOLE("write to shared memory", write_shared, 1),
    WHOLE("write to an object's private page", write_object, 1),
    WHOLE("write far away", write_far, 3),
    WHOLE("mmap over others", map_over, 2),
    WHOLE("mprotect in the middle", protect_middle, 2),
    PARTIAL("mprotect over several areas", protect_many, 1),
    WHOLE("munmap in the middle", unmap_middle, 1),
    WHOLE("munmap over several areas", unmap_many, 0),
    WHOLE("mremap", move, 1),
    WHOLE("mremap to fresh tables", move_far, 2),
    WHOLE("madvise", forget, 0),
    WHOLE("fork", make_child, 5),
    WHOLE("write after fork", copy_on_write, 0),
    WHOLE("userfaultfd", make_context, 1),
    WHOLE("UFFDIO_REGISTER", watch, 1),
    WHOLE("UFFDIO_UNREGISTER", unwatch, 1),
    WHOLE("UFFDIO_ZEROPAGE", fill, 0),
};

/* Returns how many allocations failed before it went through. */
static unsigned run_step(const struct step *step)
{
    for (unsigned n = 1;; n++) {
        long r;

        mm_shrink_all(); /* so that slabs need frames again */
        before_count = list_areas(before);
        remember_bytes();
        alloc_fail_nth(n);
        r = step->run();
        alloc_fail_nth(0);
        assert_int_equal(validate_mm(mm), 0);
        fake_tlb_check();
        if (!r)
            return n - 1;
        if (r != -ENOMEM)
            fail_msg("%s, allocation %u: %ld", step->name, n, r);
        if (!step->partial)
            unchanged(step->name, n);
    }
}

static void each_call_at_each_allocation(void **state __maybe_unused)
{
    object = object_create_module("m", FAKE_MODULE_START, FAKE_MODULE_SIZE);
    for (unsigned n = 1; !mm; n++) {
        alloc_fail_nth(n);
        mm = mm_create();
        alloc_fail_nth(0);
    }
    mm->start_brk = mm->brk = page(40);
    for (unsigned i = 0; i < sizeof(script) / sizeof(script[0]); i++) {
        unsigned failed = run_step(&script[i]);

        if (failed < script[i].at_least)
            fail_msg("%s: %u allocations failed, not %u", script[i].name,
                     failed, script[i].at_least);
    }
    userfaultfd_release(ctx);
    mm_put(child);
    mm_put(mm);
    object_put(object);
    fake_mm = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_TEST(each_call_at_each_allocation),
    };

    return cmocka_run_group_tests(tests, fake_boot, NULL);
}
