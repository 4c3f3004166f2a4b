/*
 * Faults that the kernel takes on purpose (`test=vmalloc`, `test=spurious`),
 * and mistakes it makes in a system call once `test=oops` allows it: each must
 * be named, and cost no more than it has to.
 */
#include <arch/setup.h>
#include <arch/tlb.h>
#include <arch/uaccess.h>
#include <asm/cpu.h>
#include <asm/setup.h>
#include <asm/traps.h>
#include <base/printk.h>
#include <kernel/thread.h>
#include <uapi/faultline/prctl.h>

#define MAGIC 0x6661756c746c696eul

static bool armed;

/* A page of the vmalloc area that nobody else uses, behind a root entry that
 * does not exist yet. */
static u64 *map_test_page(u64 va)
{
    struct page *page = alloc_page();

    if (!page || kernel_map_page(va, page))
        panic("no memory for the test");
    *(u64 *)page_address(page) = MAGIC;
    return (u64 *)va;
}

void selftest_vmalloc(void)
{
    u64 va = VMALLOC_END - PAGE_SIZE;
    unsigned index = pt_index(va, PT_LEVELS - 1);
    struct mm_struct *mm = mm_create();
    volatile u64 *word;

    BUG_ON(!mm || pte_present(kernel_pgd[index]));
    word = map_test_page(va);
    BUG_ON(pte_present(mm->pgd[index]));
    mm_switch(mm);
    if (*word != MAGIC || mm->pgd[index].v != kernel_pgd[index].v)
        panic("vmalloc: the wrong page");
    mm_switch(NULL);
    mm_put(mm);
    printk("vmalloc: copied on first touch\n");
}

/* A processor may still hold an entry that forbids what the tables by now
 * allow. QEMU's looks them up again, so the fault is told to the handler as if
 * it had happened: it must find nothing wrong. */
void selftest_spurious(void)
{
    u64 va = VMALLOC_END - 2 * PAGE_SIZE;
    struct regs regs = {.cs = KERNEL_CS, .flags = RFLAGS_IF};

    (void)map_test_page(va);
    __asm__ volatile("movq %0, %%cr2" ::"r"(va));
    do_page_fault(&regs, PF_PROT | PF_WRITE);
    printk("spurious: let be\n");
}

/* ---- mistakes in a system call ---- */

void selftest_oops_arm(void)
{
    armed = true;
}

static long null_write(void)
{
    volatile u64 *p = (volatile u64 *)8;

    __asm__("" : "+r"(p));
    *p = 1;
    return 0;
}

static long null_write_locked(void)
{
    static spinlock_t lock = SPINLOCK_INIT_CLASS(LOCK_CONSOLE);

    spin_lock(&lock);
    return null_write();
}

/* So that nobody may say that a slab's lock does not count. */
static long null_write_table_locked(u64 addr)
{
    spin_lock_hot(pte_lockptr(pte_lookup(current->mm, addr)));
    return null_write();
}

/* Announced, but by nothing that could be told of a failure. */
static long null_write_mmap_locked(void)
{
    mmap_write_lock(current->mm);
    __asm__ volatile("stac" ::: "memory");
    return null_write();
}

static long null_write_irqs_off(void)
{
    irq_disable();
    return null_write();
}

/* The entry of a page that is there gets a bit that this CPU reserves. */
static long corrupt_entry(u64 addr)
{
    pte_t *pte = pte_lookup(current->mm, addr);

    pte_set(pte, (pte_t){pte_get(pte).v | 1ul << 51});
    tlb_flush_page(current->mm, addr);
    return 0;
}

static long copy(u64 addr)
{
    u64 word;

    return copy_from_user(&word, (const void __user *)addr, sizeof(word));
}

/* From a page that is not there, where it must not be waited for. */
static long copy_badly(u64 what, u64 addr)
{
    static spinlock_t lock = SPINLOCK_INIT_CLASS(LOCK_CONSOLE);
    struct mm_struct *mm = current->mm;
    long r;

    if (what == PR_OOPS_NO_FAULTS) {
        pagefault_disable();
        r = copy(addr);
        pagefault_enable();
    } else if (what == PR_OOPS_ATOMIC) {
        spin_lock(&lock);
        r = copy(addr);
        spin_unlock(&lock);
    } else if (what == PR_OOPS_COPY_IRQS_OFF) {
        irq_disable();
        r = copy(addr);
        irq_enable();
    } else {
        current->mm = NULL;
        r = copy(addr);
        current->mm = mm;
    }
    return r;
}

long arch_selftest_call(u64 what, u64 addr)
{
    if (!armed)
        return -EINVAL;
    switch (what) {
    case PR_OOPS_NULL:
        return null_write();
    case PR_OOPS_LOCKED:
        return null_write_locked();
    case PR_OOPS_TABLE_LOCKED:
        return null_write_table_locked(addr);
    case PR_OOPS_MMAP_LOCKED:
        return null_write_mmap_locked();
    case PR_OOPS_IRQS_OFF:
        return null_write_irqs_off();
    case PR_OOPS_SMAP:
        return *(volatile u8 *)addr;
    case PR_OOPS_SMEP:
        return ((long (*)(void))addr)();
    case PR_OOPS_CORRUPT:
        return corrupt_entry(addr);
    case PR_OOPS_NO_FAULTS:
    case PR_OOPS_ATOMIC:
    case PR_OOPS_COPY_IRQS_OFF:
    case PR_OOPS_NO_MM:
        return copy_badly(what, addr);
    default:
        return -EINVAL;
    }
}
