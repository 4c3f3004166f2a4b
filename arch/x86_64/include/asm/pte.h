/*
 * Page-table entries, one format for all levels (Intel SDM vol. 3, 4.5):
 *
 *    63  62..52  51 ......... 12  11  10  9   8  7  6  5  4   3   2   1   0
 *   +--+--------+----------------+---+---+---+--+--+--+--+---+---+---+---+--+
 *   |NX| unused | frame number   |   |wp |   |G |PS|D |A |PCD|PWT|U  |W  |P |
 *   +--+--------+----------------+---+---+---+--+--+--+--+---+---+---+---+--+
 *
 * Bit 10 is ours: write-protected by a userfaultfd. An entry of a PROT_NONE
 * mapping keeps its frame with P clear and G set, which the CPU does not look
 * at then: nobody, the kernel's user copy included, can use it, and still it
 * is "present" to mm/.
 */
#ifndef ASM_PTE_H
#define ASM_PTE_H

#include <base/types.h>
#include <asm/page.h>

#define PT_LEVELS  4
#define PT_ENTRIES 512

#define PTE_P        (1ul << 0)
#define PTE_W        (1ul << 1)
#define PTE_U        (1ul << 2)
#define PTE_PWT      (1ul << 3)
#define PTE_PCD      (1ul << 4)
#define PTE_A        (1ul << 5)
#define PTE_D        (1ul << 6)
#define PTE_PS       (1ul << 7)
#define PTE_G        (1ul << 8)
#define PTE_PROTNONE PTE_G /* with P clear */
#define PTE_UFFD_WP  (1ul << 10)
#define PTE_NX       (1ul << 63)
#define PTE_FRAME    0x000ffffffffff000ul

typedef struct {
    u64 v;
} pte_t;

typedef struct {
    u64 v;
} pgprot_t;

#define PTE_NONE ((pte_t){0})

#define PROT_KERNEL        ((pgprot_t){PTE_P | PTE_W | PTE_A | PTE_D | PTE_G | PTE_NX})
#define PROT_KERNEL_TEXT   ((pgprot_t){PTE_P | PTE_A | PTE_G})
#define PROT_KERNEL_RODATA ((pgprot_t){PTE_P | PTE_A | PTE_G | PTE_NX})
#define PROT_KERNEL_DEVICE                                                     \
    ((pgprot_t){PTE_P | PTE_W | PTE_A | PTE_D | PTE_G | PTE_NX | PTE_PCD |     \
                PTE_PWT})

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

static inline bool pte_present(pte_t e)
{
    return e.v & (PTE_P | PTE_PROTNONE);
}

static inline bool pte_write(pte_t e)
{
    return e.v & PTE_W;
}

static inline bool pte_dirty(pte_t e)
{
    return e.v & PTE_D;
}

static inline bool pte_young(pte_t e)
{
    return e.v & PTE_A;
}

static inline bool pte_user(pte_t e)
{
    return e.v & PTE_U;
}

static inline bool pte_exec(pte_t e)
{
    return !(e.v & PTE_NX);
}

/* Names memory rather than a lower table. */
static inline bool pte_leaf(pte_t e, int level)
{
    return pte_present(e) && (level == 0 || (e.v & PTE_PS));
}

static inline bool pte_uffd_wp(pte_t e)
{
    return e.v & PTE_UFFD_WP;
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

static inline pte_t pte_mkwrite(pte_t e)
{
    return (pte_t){e.v | PTE_W};
}

static inline pte_t pte_wrprotect(pte_t e)
{
    return (pte_t){e.v & ~PTE_W};
}

static inline pte_t pte_mkdirty(pte_t e)
{
    return (pte_t){e.v | PTE_D};
}

static inline pte_t pte_mkclean(pte_t e)
{
    return (pte_t){e.v & ~PTE_D};
}

static inline pte_t pte_mkyoung(pte_t e)
{
    return (pte_t){e.v | PTE_A};
}

static inline pte_t pte_mkold(pte_t e)
{
    return (pte_t){e.v & ~PTE_A};
}

/* New permissions; frame, accessed, dirty and the userfaultfd's mark stay. */
static inline pte_t pte_modify(pte_t e, pgprot_t prot)
{
    return (pte_t){(e.v & (PTE_FRAME | PTE_A | PTE_D | PTE_UFFD_WP)) | prot.v};
}

static inline pte_t pte_mk_uffd_wp(pte_t e)
{
    return (pte_t){(e.v | PTE_UFFD_WP) & ~PTE_W};
}

static inline pte_t pte_clear_uffd_wp(pte_t e)
{
    return (pte_t){e.v & ~PTE_UFFD_WP};
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

/* Permissions for user pages by VM_READ, VM_WRITE, VM_EXEC (bits 0..2) and
 * VM_SHARED (bit 3); pte.c asserts that these are their values. */
extern const pgprot_t protection_map[16];

static inline pgprot_t vm_get_page_prot(u64 vm_flags)
{
    return protection_map[vm_flags & 15];
}

#endif
