/* A translation cache that forgets only when told to. */
#include "fake.h"

#include <arch/tlb.h>
#include <base/errno.h>

#define TLB_SLOTS 4096

static struct {
    struct mm_struct *mm; /* NULL: empty */
    u64 va;
    pte_t pte;
} tlb[TLB_SLOTS];

struct fake_tlb_counts fake_tlb_counts;

static unsigned slot_of(const struct mm_struct *mm, u64 va)
{
    return (unsigned)((va >> PAGE_SHIFT) * 31 + (uintptr_t)mm / 64) % TLB_SLOTS;
}

bool fake_tlb_lookup(struct mm_struct *mm, u64 va, pte_t *pte)
{
    unsigned i = slot_of(mm, va);

    if (tlb[i].mm != mm || tlb[i].va != (va & PAGE_MASK))
        return false;
    *pte = tlb[i].pte;
    return true;
}

void fake_tlb_insert(struct mm_struct *mm, u64 va, pte_t pte)
{
    unsigned i = slot_of(mm, va);

    tlb[i].mm = mm;
    tlb[i].va = va & PAGE_MASK;
    tlb[i].pte = pte;
}

static void check_slot(unsigned i)
{
    pte_t *pte;

    if (!tlb[i].mm)
        return;
    pte = pt_walk(tlb[i].mm->pgd, tlb[i].va, 0);
    if (!pte || !pte_present(*pte) || !pte_user(*pte) ||
        pte_pfn(*pte) != pte_pfn(tlb[i].pte))
        fail_msg("stale translation of %lx", tlb[i].va);
    if (pte_write(tlb[i].pte) && !pte_write(*pte))
        fail_msg("stale right to write to %lx", tlb[i].va);
}

void fake_tlb_check(void)
{
    for (unsigned i = 0; i < TLB_SLOTS; i++)
        check_slot(i);
}

void fake_tlb_check_page(struct mm_struct *mm, u64 va)
{
    check_slot(slot_of(mm, va));
}

/* Another CPU may fault meanwhile and find what the table says: it must not be
 * another page than the one that this CPU still uses. */
static void check_order(unsigned i)
{
    pte_t *pte = pt_walk(tlb[i].mm->pgd, tlb[i].va, 0);

    if (pte && pte_present(*pte) && pte_user(*pte) &&
        pte_pfn(*pte) != pte_pfn(tlb[i].pte))
        fail_msg("new page at %lx before the old is forgotten", tlb[i].va);
}

static void drop(struct mm_struct *mm, u64 start, u64 end)
{
    for (unsigned i = 0; i < TLB_SLOTS; i++)
        if (tlb[i].mm == mm && tlb[i].va >= start && tlb[i].va < end) {
            check_order(i);
            tlb[i].mm = NULL;
        }
}

void tlb_flush_page(struct mm_struct *mm, u64 va)
{
    fake_tlb_counts.page++;
    drop(mm, va & PAGE_MASK, (va & PAGE_MASK) + PAGE_SIZE);
}

void tlb_flush_range(struct mm_struct *mm, u64 start, u64 end)
{
    fake_tlb_counts.range++;
    drop(mm, start, end);
}

void tlb_flush_mm(struct mm_struct *mm)
{
    fake_tlb_counts.mm++;
    drop(mm, 0, ~0ul);
}

void tlb_flush_local(u64 va)
{
    tlb_flush_page(fake_mm, va);
}

void tlb_flush_kernel(void)
{
    fake_tlb_counts.kernel++;
}

void mm_switch(struct mm_struct *next)
{
    fake_mm = next;
}

int arch_mm_init(struct mm_struct *mm)
{
    struct page *page = alloc_zeroed_page();

    if (!page)
        return -ENOMEM;
    mm->pgd = page_address(page);
    return 0;
}

void arch_mm_destroy(struct mm_struct *mm)
{
    tlb_flush_mm(mm);
    for (unsigned i = 0; i < PT_ENTRIES; i++)
        assert_true(pte_none(mm->pgd[i]));
    put_page(virt_to_page(mm->pgd));
}
