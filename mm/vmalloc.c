/*
 * Kernel memory in pages that need not be neighbours: single mappings in the
 * reference tables and, made of them, kernel stacks. A stack's slot is twice
 * its size, lower half unmapped, so an overflow faults instead of eating what
 * lies below:
 *
 *     slot: | guard, KSTACK_SIZE | stack, KSTACK_SIZE | next slot: guard ...
 *
 * Slots are taken lowest first. One word of the bitmap covers one leaf table,
 * which goes when its last stack does.
 */
#include <arch/tlb.h>
#include <base/printk.h>
#include <mm/mm.h>

#define SLOT_SIZE    (2ul * KSTACK_SIZE)
#define SLOTS        32768u
#define WORD_SLOTS   64u
#define STACK_PAGES  (KSTACK_SIZE / PAGE_SIZE)
#define STACKS_START VMALLOC_START
#define STACKS_END   (STACKS_START + SLOTS * SLOT_SIZE)
#define KEEP_STACKS  8u

_Static_assert(STACKS_END <= VMALLOC_END, "the stacks fit in their area");

/* The kernel's half as an address space, for the page-table functions. */
static struct mm_struct kernel_mm = {
    .page_table_lock = SPINLOCK_INIT_CLASS(LOCK_PAGE_TABLE),
};

static struct {
    spinlock_t lock;
    unsigned kept;         /* stacks at hand, still mapped */
    u64 keep[KEEP_STACKS]; /* their tops */
    u64 full_words;        /* words below this one have no free slot */
    u64 used[SLOTS / WORD_SLOTS];
} stacks = {.lock = SPINLOCK_INIT_CLASS(LOCK_STACKS)};

/* ---- single pages ---- */

int kernel_map_page(u64 va, struct page *page)
{
    pte_t *pte;

    kernel_mm.pgd = kernel_pgd;
    pte = pte_alloc(&kernel_mm, va, NULL);
    if (!pte)
        return -ENOMEM;
    pte_set(pte, pte_make(page_to_pfn(page), PROT_KERNEL));
    return 0;
}

/* Clears va's entry without a flush; the page that was there, or NULL. */
static struct page *clear_page_entry(u64 va)
{
    pte_t *pte = pt_walk(kernel_pgd, va, 0);
    pte_t old = pte ? pte_xchg(pte, PTE_NONE) : PTE_NONE;

    return pte_present(old) ? pfn_to_page(pte_pfn(old)) : NULL;
}

/* ---- slots ---- */

/* Number of a free slot, now taken, or -ENOMEM. */
static int slot_take(void)
{
    u64 word = stacks.full_words;
    unsigned bit;

    while (word < ARRAY_SIZE(stacks.used) && !~stacks.used[word])
        word++;
    stacks.full_words = word;
    if (word == ARRAY_SIZE(stacks.used))
        return -ENOMEM;
    bit = (unsigned)__builtin_ctzl(~stacks.used[word]);
    stacks.used[word] |= 1ul << bit;
    return (int)(word * WORD_SLOTS + bit);
}

static u64 slot_top(int slot)
{
    return STACKS_START + ((u64)slot + 1) * SLOT_SIZE;
}

static int slot_of(u64 top)
{
    return (int)((top - STACKS_START) / SLOT_SIZE) - 1;
}

/* Unhooks the leaf table if this slot is the last that needs it; the table, to
 * be freed once the TLB is flushed, or NULL. Lock held. */
static struct page *slot_table(int slot)
{
    u64 word = (u64)slot / WORD_SLOTS;
    pte_t *entry, old;

    if (stacks.used[word] != 1ul << (slot % WORD_SLOTS))
        return NULL;
    entry = pt_walk(kernel_pgd, slot_top(slot) - PAGE_SIZE, 1);
    old = entry ? pte_xchg(entry, PTE_NONE) : PTE_NONE;
    return pte_present(old) ? pfn_to_page(pte_pfn(old)) : NULL;
}

/* Lock held. */
static void slot_put(int slot)
{
    u64 word = (u64)slot / WORD_SLOTS;

    stacks.used[word] &= ~(1ul << (slot % WORD_SLOTS));
    stacks.full_words = min(stacks.full_words, word);
}

/* ---- stacks ---- */

/* Unmaps and frees the pages of the stack, its slot, perhaps its table. The
 * slot is free only after the flush: the next stack there has other pages. */
static void stack_destroy(u64 top)
{
    struct page *pages[STACK_PAGES], *table;

    for (unsigned i = 0; i < STACK_PAGES; i++)
        pages[i] = clear_page_entry(top - KSTACK_SIZE + i * PAGE_SIZE);
    spin_lock(&stacks.lock);
    table = slot_table(slot_of(top));
    tlb_flush_kernel(top - KSTACK_SIZE, top);
    slot_put(slot_of(top));
    spin_unlock(&stacks.lock);
    for (unsigned i = 0; i < STACK_PAGES; i++)
        if (pages[i])
            put_page(pages[i]);
    if (table)
        put_page(table);
}

static bool stack_populate(u64 top)
{
    for (u64 va = top - KSTACK_SIZE; va < top; va += PAGE_SIZE) {
        struct page *page = alloc_page();

        if (!page)
            return false;
        if (kernel_map_page(va, page)) {
            put_page(page);
            return false;
        }
    }
    return true;
}

/* A stack at hand, or 0 and in *slot where to make one. */
static u64 take_kept(int *slot)
{
    u64 top = 0;

    spin_lock(&stacks.lock);
    if (stacks.kept)
        top = stacks.keep[--stacks.kept];
    else if (slot)
        *slot = slot_take();
    spin_unlock(&stacks.lock);
    return top;
}

u64 kstack_alloc(void)
{
    int slot = -1;
    u64 top = take_kept(&slot);

    if (!top && slot >= 0) {
        top = slot_top(slot);
        if (!stack_populate(top)) {
            stack_destroy(top);
            top = 0;
        }
    }
    if (top)
        stack_use_begin(top - KSTACK_SIZE, KSTACK_SIZE);
    return top;
}

void kstack_free(u64 top)
{
    bool keep;

    stack_use_end(top - KSTACK_SIZE, KSTACK_SIZE);
    spin_lock(&stacks.lock);
    keep = stacks.kept < KEEP_STACKS;
    if (keep)
        stacks.keep[stacks.kept++] = top;
    spin_unlock(&stacks.lock);
    if (!keep)
        stack_destroy(top);
}

void kstack_cache_drain(void)
{
    u64 top;

    while ((top = take_kept(NULL)))
        stack_destroy(top);
}

bool kstack_is_guard(u64 va)
{
    return va >= STACKS_START && va < STACKS_END &&
           (va - STACKS_START) % SLOT_SIZE < KSTACK_SIZE;
}

void vmalloc_init(void)
{
    u64 top = kstack_alloc();

    if (!top)
        panic("no memory for kernel stacks");
    kstack_free(top);
}
