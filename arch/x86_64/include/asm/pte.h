/*
 * Page-table entries, one format for all levels (Intel SDM vol. 3, 4.5):
 *
 *   63 62.59 58.52  51 ...... 12  11  10  9   8  7  6  5  4   3   2   1   0
 *   +--+-----+------+--------------+---+---+---+--+--+--+--+---+---+---+---+--+
 *   |NX| key |unused| frame number |sd |wp |po |G |PS|D |A |PCD|PWT|U  |W  |P |
 *   +--+-----+------+--------------+---+---+---+--+--+--+--+---+---+---+---+--+
 *
 * Three bits are ours. 9: poisoned; 10: write-protected by a userfaultfd. Alone
 * in an entry each is a marker: no page, but what a userfaultfd said of the
 * page to come. 11, soft-dirty: written since somebody last asked
 * (mm/clear_refs.c); set wherever an entry is made dirty, and with it goes W,
 * so that the next store faults. An entry of a PROT_NONE mapping keeps its
 * frame with P clear and G set, which the CPU does not look at then: nobody,
 * the kernel's user copy included, can use it, and still it is "present" to
 * mm/.
 */
#pragma once

#include <base/types.h>
#include <asm/page.h>

#define PT_LEVELS  4
#define PT_ENTRIES 512

#define PTE_P          (1ul << 0)
#define PTE_W          (1ul << 1)
#define PTE_U          (1ul << 2)
#define PTE_PWT        (1ul << 3)
#define PTE_PCD        (1ul << 4)
#define PTE_A          (1ul << 5)
#define PTE_D          (1ul << 6)
#define PTE_PS         (1ul << 7)
#define PTE_G          (1ul << 8)
#define PTE_PROTNONE   PTE_G /* with P clear */
#define PTE_POISON     (1ul << 9)
#define PTE_UFFD_WP    (1ul << 10)
#define PTE_SOFT_DIRTY (1ul << 11)
#define PTE_PKEY       (0xful << 59)
#define PTE_NX         (1ul << 63)
#define PTE_FRAME      0x000ffffffffff000ul

typedef struct {
    u64 v;
} pte_t;

typedef struct {
    u64 v;
} pgprot_t;

#define PTE_NONE        ((pte_t){0})
#define PTE_MARK_WP     ((pte_t){PTE_UFFD_WP})
#define PTE_MARK_POISON ((pte_t){PTE_POISON})

#define PTE_KERNEL_READ (PTE_P | PTE_A | PTE_G)
#define PTE_KERNEL_RW   (PTE_KERNEL_READ | PTE_W | PTE_D | PTE_NX)

#define PROT_KERNEL        ((pgprot_t){PTE_KERNEL_RW})
#define PROT_KERNEL_TEXT   ((pgprot_t){PTE_KERNEL_READ})
#define PROT_KERNEL_RODATA ((pgprot_t){PTE_KERNEL_READ | PTE_NX})
#define PROT_KERNEL_DEVICE ((pgprot_t){PTE_KERNEL_RW | PTE_PCD | PTE_PWT})

/* The reference root: its upper half is copied into every address space. */
extern pte_t *kernel_pgd;

static inline unsigned pt_index(u64 va, int level)
{
    return (va >> (PAGE_SHIFT + 9 * level)) & (PT_ENTRIES - 1);
}

static inline u64 pt_span(int level)
{
    return 1ul << (PAGE_SHIFT + 9 * level);
}

static inline unsigned pt_user_entries(void)
{
    return PT_ENTRIES / 2;
}

static inline bool pte_none(pte_t e)
{
    return e.v == 0;
}

#define PTE_TEST(name, bits)                                                   \
    static inline bool name(pte_t e)                                           \
    {                                                                          \
        return e.v & (bits);                                                   \
    }
PTE_TEST(pte_present, PTE_P | PTE_PROTNONE)
PTE_TEST(pte_write, PTE_W)
PTE_TEST(pte_dirty, PTE_D)
PTE_TEST(pte_young, PTE_A)
PTE_TEST(pte_user, PTE_U)
PTE_TEST(pte_uffd_wp, PTE_UFFD_WP)
PTE_TEST(pte_poisoned, PTE_POISON)
PTE_TEST(pte_soft_dirty, PTE_SOFT_DIRTY)
#undef PTE_TEST

static inline bool pte_exec(pte_t e)
{
    return !(e.v & PTE_NX);
}

/* Names memory rather than a lower table. */
static inline bool pte_leaf(pte_t e, int level)
{
    return pte_present(e) && (level == 0 || (e.v & PTE_PS));
}

static inline u64 pte_pfn(pte_t e)
{
    return (e.v & PTE_FRAME) >> PAGE_SHIFT;
}

static inline pte_t pte_make(u64 pfn, pgprot_t prot)
{
    return (pte_t){pfn << PAGE_SHIFT | prot.v};
}

/* Tables grant everything; the leaf decides. */
static inline pte_t pte_table(u64 pfn)
{
    return (pte_t){pfn << PAGE_SHIFT | PTE_P | PTE_W | PTE_U | PTE_A};
}

#define PTE_CHANGE(name, set, clear)                                           \
    static inline pte_t name(pte_t e)                                          \
    {                                                                          \
        return (pte_t){(e.v | (set)) & ~(clear)};                              \
    }
PTE_CHANGE(pte_mkwrite, PTE_W, 0ul)
PTE_CHANGE(pte_wrprotect, 0ul, PTE_W)
PTE_CHANGE(pte_mkdirty, PTE_D | PTE_SOFT_DIRTY, 0ul)
PTE_CHANGE(pte_mksoft_dirty, PTE_SOFT_DIRTY, 0ul)
PTE_CHANGE(pte_mkclean, 0ul, PTE_D)
PTE_CHANGE(pte_mkyoung, PTE_A, 0ul)
PTE_CHANGE(pte_mkold, 0ul, PTE_A)
PTE_CHANGE(pte_mk_uffd_wp, PTE_UFFD_WP, PTE_W)
PTE_CHANGE(pte_clear_uffd_wp, 0ul, PTE_UFFD_WP)
#undef PTE_CHANGE

#define PTE_KEPT (PTE_FRAME | PTE_A | PTE_D | PTE_UFFD_WP | PTE_SOFT_DIRTY)

/* New permissions; frame, accessed, dirty and our marks stay. */
static inline pte_t pte_modify(pte_t e, pgprot_t prot)
{
    return (pte_t){(e.v & PTE_KEPT) | prot.v};
}

static inline pte_t pte_get(const pte_t *p)
{
    return (pte_t){__atomic_load_n(&p->v, __ATOMIC_RELAXED)};
}

/* Release: who sees the entry sees what the page was filled with. */
static inline void pte_set(pte_t *p, pte_t e)
{
    __atomic_store_n(&p->v, e.v, __ATOMIC_RELEASE);
}

static inline pte_t pte_xchg(pte_t *p, pte_t e)
{
    return (pte_t){__atomic_exchange_n(&p->v, e.v, __ATOMIC_ACQ_REL)};
}

/* The CPU may be setting A or D at the same time. */
static inline void ptep_clear(pte_t *p, u64 bits)
{
    __atomic_fetch_and(&p->v, ~bits, __ATOMIC_ACQ_REL);
}

static inline void ptep_mkold(pte_t *p)
{
    ptep_clear(p, PTE_A);
}

static inline void ptep_clear_soft_dirty(pte_t *p)
{
    ptep_clear(p, PTE_SOFT_DIRTY | PTE_W);
}

/* Permissions for user pages by VM_READ, VM_WRITE, VM_EXEC (bits 0..2) and
 * VM_SHARED (bit 3); pte.c asserts that these are their values. */
extern const pgprot_t protection_map[16];

static inline pgprot_t vm_get_page_prot(u64 vm_flags)
{
    pgprot_t prot = protection_map[vm_flags & 15];

    prot.v |= vm_flags << 27 & PTE_PKEY;
    return prot;
}
