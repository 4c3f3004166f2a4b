/*
 * Forgetting translations (Intel SDM vol. 3, 4.10.4), and which root is
 * loaded. mm->cpu_mask has the CPUs that may hold translations of an mm; a CPU
 * is in it exactly while that root is loaded there.
 */
#include <arch/tlb.h>
#include <asm/msr.h>
#include <asm/root.h>
#include <asm/shootdown.h>
#include <base/string.h>
#include <kernel/cpu.h>
#include <mm/mm.h>

/*
 * The CPUs that may hold translations of mm. The full barrier orders the
 * caller's change of an entry before the look at the mask; mm_switch() sets
 * its bit before it loads the root.
 */
static u64 flush_mask(struct mm_struct *mm)
{
    if (cpu_count > 1)
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return READ_ONCE(mm->cpu_mask);
}

static __noinline void flush_far(struct mm_struct *mm, u64 start, u64 end,
                                 u64 mask)
{
    u64 here = 1ul << cpu_id();

    if (mask & here)
        tlb_flush_here(start, end);
    if (mask & ~here)
        tlb_shootdown(mm, start, end, mask & ~here);
}

static inline void flush(struct mm_struct *mm, u64 start, u64 end)
{
    u64 mask = flush_mask(mm);

    if (likely(mask == 1ul << cpu_id()))
        tlb_flush_here(start, end);
    else
        flush_far(mm, start, end, mask);
}

void tlb_flush_page(struct mm_struct *mm, u64 va)
{
    flush(mm, va, va + PAGE_SIZE);
}

void tlb_flush_range(struct mm_struct *mm, u64 start, u64 end)
{
    flush(mm, start, end);
}

void tlb_flush_mm(struct mm_struct *mm)
{
    flush(mm, 0, TASK_SIZE);
}

void tlb_flush_local(u64 va)
{
    invlpg(va);
}

/* Global ones too, which reloading the root would not reach. */
void tlb_flush_kernel_here(void)
{
    u64 cr4 = cr4_read();

    cr4_write(cr4 & ~CR4_PGE);
    cr4_write(cr4);
}

static u64 other_cpus(void)
{
    return ((cpu_count < 64 ? 1ul << cpu_count : 0) - 1) & ~(1ul << cpu_id());
}

void tlb_flush_kernel(void)
{
    u64 others = other_cpus();

    tlb_flush_kernel_here();
    if (unlikely(others))
        tlb_shootdown(NULL, 0, ~0ul, others);
}

/* An empty range to forget: answering is all it takes. */
void cpus_barrier(struct mm_struct *mm)
{
    u64 flags = irq_save(), others = other_cpus();

    if (mm)
        others &= flush_mask(mm);
    if (others)
        tlb_shootdown(NULL, 0, 0, others);
    irq_restore(flags);
}

void mm_switch(struct mm_struct *next)
{
    struct cpu *cpu = this_cpu();

    if (cpu->active_mm != next)
        root_load(cpu, next);
}

int arch_mm_init(struct mm_struct *mm)
{
    struct page *page = alloc_page();
    unsigned half = pt_user_entries();
    pte_t *root;

    if (!page)
        return -ENOMEM;
    root = page_address(page);
    memset(root, 0, half * sizeof(*root));
    memcpy(root + half, kernel_pgd + half, half * sizeof(*root));
    page->flags |= PG_TABLE;
    mm->pgd = root;
    mm->cpu_mask = 0;
    return 0;
}

void arch_mm_destroy(struct mm_struct *mm)
{
    struct page *page = virt_to_page(mm->pgd);
    u64 flags = irq_save();

    if (this_cpu()->active_mm == mm)
        mm_switch(NULL);
    irq_restore(flags);
    page->flags &= ~PG_TABLE;
    put_page(page);
    mm->pgd = NULL;
}
