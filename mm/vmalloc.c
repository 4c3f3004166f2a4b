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
#define KEEP_STACKS  64u

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

/* Lock held. */
static void slot_put(int slot)
{
    u64 word = (u64)slot / WORD_SLOTS;

    stacks.used[word] &= ~(1ul << (slot % WORD_SLOTS));
    stacks.full_words = min(stacks.full_words, word);
}

/* ---- stacks ---- */

/* Clears the entry; the page that it named is to be freed once the TLB is
 * flushed. */
static void clear_entry(u64 va, unsigned level, struct list_head *gone)
{
    pte_t *pte = pt_walk(kernel_pgd, va, level);
    pte_t old = pte ? pte_xchg(pte, PTE_NONE) : PTE_NONE;

    if (pte_present(old))
        list_add(&pfn_to_page(pte_pfn(old))->lru, gone);
}

/* Also the leaf table, if no other slot needs it. Lock held. */
static void stack_unmap(u64 top, struct list_head *gone)
{
    for (u64 va = top - KSTACK_SIZE; va < top; va += PAGE_SIZE)
        clear_entry(va, 0, gone);
    slot_put(slot_of(top));
    if (!stacks.used[slot_of(top) / WORD_SLOTS])
        clear_entry(top - PAGE_SIZE, 1, gone);
}

/* One flush for all: it waits for every CPU. Lock held till then, for the next
 * stack in a slot has other pages. */
static void drop_kept(void)
{
    struct list_head gone = {&gone, &gone};
    struct page *page, *next;

    while (stacks.kept)
        stack_unmap(stacks.keep[--stacks.kept], &gone);
    tlb_flush_kernel();
    list_for_each_entry_safe (page, next, &gone, lru)
        put_page(page);
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
    else
        *slot = slot_take();
    spin_unlock(&stacks.lock);
    return top;
}

/* whole: for somebody to use; else parts are missing. */
static void stack_keep(u64 top, bool whole)
{
    spin_lock(&stacks.lock);
    if (stacks.kept == KEEP_STACKS)
        drop_kept();
    stacks.keep[stacks.kept++] = top;
    if (!whole)
        drop_kept();
    spin_unlock(&stacks.lock);
}

u64 kstack_alloc(void)
{
    int slot = -1;
    u64 top = take_kept(&slot);

    if (!top && slot >= 0) {
        top = slot_top(slot);
        if (!stack_populate(top)) {
            stack_keep(top, false);
            top = 0;
        }
    }
    if (top)
        stack_use_begin(top - KSTACK_SIZE, KSTACK_SIZE);
    return top;
}

void kstack_free(u64 top)
{
    stack_use_end(top - KSTACK_SIZE, KSTACK_SIZE);
    stack_keep(top, true);
}

void kstack_cache_drain(void)
{
    spin_lock(&stacks.lock);
    drop_kept();
    spin_unlock(&stacks.lock);
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
