/*
 * What the tests ask the kernel to do to itself (`test=NAME`): overflow its
 * stack, use a null pointer, check its own page permissions. The first two end
 * in the panic they are after.
 */
#include <arch/machine.h>
#include <arch/pte.h>
#include <arch/setup.h>
#include <arch/thread.h>
#include <asm/msr.h>
#include <asm/setup.h>
#include <base/printk.h>
#include <base/string.h>
#include <kernel/thread.h>

/* ---- test=stack-overflow: on a thread's stack, with its guard page ---- */

static volatile u64 depth_sum;

static u64 recurse(u64 depth)
{
    volatile u64 frame[32];

    if (depth == ~0ul) /* never, but the compiler must not know */
        return 0;
    frame[0] = depth;
    depth_sum += frame[0];
    return recurse(depth + 1) + frame[0];
}

static void overflow(void *unused)
{
    (void)unused;
    panic("the stack did not overflow: %lu", recurse(0));
}

static void test_stack_overflow(void)
{
    struct thread *t = thread_create(NULL);

    if (!t)
        panic("no memory for a thread");
    arch_thread_init_kernel(t, overflow, NULL);
    thread_start(t);
    sched_idle_loop();
}

/* ---- test=null-deref ---- */

static void test_null_deref(void)
{
    volatile u64 *p = (volatile u64 *)8;

    __asm__("" : "+r"(p)); /* the compiler must not see the constant */
    *p = 1;
    panic("a write to address 8 went through");
}

/* ---- test=wx: every mapping of the kernel's half ---- */

static void wx_panic(const char *what, u64 va)
{
    walk_print(va);
    panic("kernel permissions: %s at %016lx", what, va);
}

static bool frame_in(u64 pa, u64 size, const char *start, const char *end)
{
    return pa < (u64)end - KERNEL_IMAGE_START &&
           pa + size > (u64)start - KERNEL_IMAGE_START;
}

static void check_leaf(u64 va, pte_t e, int level)
{
    u64 pa = (pte_pfn(e) << PAGE_SHIFT) & ~(pt_span(level) - 1);
    u64 size = pt_span(level);

    if (pte_write(e) && pte_exec(e))
        wx_panic("writable and executable", va);
    if (pte_user(e))
        wx_panic("open to user code", va);
    if (pte_write(e) && frame_in(pa, size, text_start, text_end))
        wx_panic("text is writable", va);
    if (pte_write(e) && frame_in(pa, size, rodata_start, rodata_end))
        wx_panic("rodata is writable", va);
    if (pte_exec(e) && !(va >= (u64)text_start && va < (u64)text_end))
        wx_panic("executable outside text", va);
}

static void check_table(const pte_t *table, int level, u64 base)
{
    unsigned i = level == PT_LEVELS - 1 ? pt_user_entries() : 0;

    for (; i < PT_ENTRIES; i++) {
        u64 va = base + i * pt_span(level);

        if (!pte_present(table[i]))
            continue;
        if (pte_leaf(table[i], level))
            check_leaf(va, table[i], level);
        else
            check_table(pte_table_of(table[i]), level - 1, va);
    }
}

static void check_bit(u64 value, u64 bit, bool wanted, const char *name)
{
    if (wanted && !(value & bit))
        panic("kernel permissions: %s is off", name);
}

static void test_wx(void)
{
    u64 cr4 = cr4_read(), efer = rdmsr(MSR_EFER);
    unsigned i;

    check_table(kernel_pgd, PT_LEVELS - 1, 0xffff000000000000ul);
    for (i = 0; i < pt_user_entries(); i++)
        if (!pte_none(kernel_pgd[i]))
            panic("kernel permissions: the kernel's root maps user space");
    if (va_mapped((u64)boot_stack_guard))
        panic("kernel permissions: the boot stack has no guard page");
    check_bit(cr0_read(), CR0_WP, true, "CR0.WP");
    check_bit(efer, EFER_NXE, true, "EFER.NXE");
    check_bit(cr4, CR4_SMEP, cpu_has_smep, "CR4.SMEP");
    check_bit(cr4, CR4_SMAP, cpu_has_smap, "CR4.SMAP");
    check_bit(cr4, CR4_UMIP, cpu_has_umip, "CR4.UMIP");
    printk("kernel permissions: ok\n");
}

/* Two breaches that a debug build must notice (kernel/lockdep.c). */
static void test_lock_order(void)
{
    static spinlock_t outer = SPINLOCK_INIT_CLASS(LOCK_SLAB);
    static spinlock_t inner = SPINLOCK_INIT_CLASS(LOCK_PAGE_TABLE);

    spin_lock(&outer);
    spin_lock(&inner);
    spin_unlock(&inner);
    spin_unlock(&outer);
}

static void test_lock_sleep(void)
{
    static spinlock_t lock = SPINLOCK_INIT_CLASS(LOCK_PAGE_TABLE);

    spin_lock(&lock);
    lockdep_may_sleep();
    spin_unlock(&lock);
}

void arch_selftest(const char *name)
{
    if (!strcmp(name, "stack-overflow"))
        test_stack_overflow();
    else if (!strcmp(name, "null-deref"))
        test_null_deref();
    else if (!strcmp(name, "wx"))
        test_wx();
    else if (!strcmp(name, "lockorder"))
        test_lock_order();
    else if (!strcmp(name, "locksleep"))
        test_lock_sleep();
    else if (!strcmp(name, "vmalloc"))
        selftest_vmalloc();
    else if (!strcmp(name, "spurious"))
        selftest_spurious();
    else if (!strcmp(name, "oops"))
        selftest_oops_arm();
    else
        panic("unknown test=%s", name);
}
