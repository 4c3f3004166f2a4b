/*
 * The fake machine's page-table entries: four levels of 512 like x86-64's,
 * bits elsewhere on purpose, so that mm/ cannot rely on a CPU's layout.
 */
#pragma once

#include <base/types.h>
#include <asm/page.h>

#define PT_LEVELS  4
#define PT_ENTRIES 512

#define FAKE_PTE_X     (1ul << 0)
#define FAKE_PTE_D     (1ul << 1)
#define FAKE_PTE_SD    (1ul << 5)
#define FAKE_PTE_P     (1ul << 3)
#define FAKE_PTE_A     (1ul << 4)
#define FAKE_PTE_U     (1ul << 6)
#define FAKE_PTE_W     (1ul << 9)
#define FAKE_PTE_WP    (1ul << 10)
#define FAKE_PTE_BAD   (1ul << 2)
#define FAKE_PTE_TABLE (1ul << 11)

typedef struct {
    u64 v;
} pte_t;

typedef struct {
    u64 v;
} pgprot_t;

#define PTE_NONE        ((pte_t){0})
#define PTE_MARK_WP     ((pte_t){FAKE_PTE_WP})
#define PTE_MARK_POISON ((pte_t){FAKE_PTE_BAD})
#define PROT_KERNEL     ((pgprot_t){FAKE_PTE_P | FAKE_PTE_W})

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
    return !e.v;
}

static inline bool pte_present(pte_t e)
{
    return e.v & FAKE_PTE_P;
}

static inline bool pte_write(pte_t e)
{
    return e.v & FAKE_PTE_W;
}

static inline bool pte_dirty(pte_t e)
{
    return e.v & FAKE_PTE_D;
}

static inline bool pte_young(pte_t e)
{
    return e.v & FAKE_PTE_A;
}

static inline bool pte_user(pte_t e)
{
    return e.v & FAKE_PTE_U;
}

static inline bool pte_exec(pte_t e)
{
    return e.v & FAKE_PTE_X;
}

static inline bool pte_leaf(pte_t e, int level __maybe_unused)
{
    return pte_present(e) && !(e.v & FAKE_PTE_TABLE);
}

static inline bool pte_uffd_wp(pte_t e)
{
    return e.v & FAKE_PTE_WP;
}

static inline bool pte_poisoned(pte_t e)
{
    return e.v & FAKE_PTE_BAD;
}

static inline bool pte_soft_dirty(pte_t e)
{
    return e.v & FAKE_PTE_SD;
}

static inline pte_t pte_mksoft_dirty(pte_t e)
{
    return (pte_t){e.v | FAKE_PTE_SD};
}

static inline void ptep_mkold(pte_t *p)
{
    __atomic_fetch_and(&p->v, ~FAKE_PTE_A, __ATOMIC_ACQ_REL);
}

static inline void ptep_clear_soft_dirty(pte_t *p)
{
    __atomic_fetch_and(&p->v, ~(FAKE_PTE_SD | FAKE_PTE_W), __ATOMIC_ACQ_REL);
}

static inline u64 pte_pfn(pte_t e)
{
    return e.v >> PAGE_SHIFT;
}

static inline pte_t pte_make(u64 pfn, pgprot_t prot)
{
    return (pte_t){pfn << PAGE_SHIFT | prot.v};
}

static inline pte_t pte_table(u64 pfn)
{
    return (pte_t){pfn << PAGE_SHIFT | FAKE_PTE_P | FAKE_PTE_TABLE};
}

static inline pte_t pte_mkwrite(pte_t e)
{
    return (pte_t){e.v | FAKE_PTE_W};
}

static inline pte_t pte_wrprotect(pte_t e)
{
    return (pte_t){e.v & ~FAKE_PTE_W};
}

static inline pte_t pte_mkdirty(pte_t e)
{
    return (pte_t){e.v | FAKE_PTE_D | FAKE_PTE_SD};
}

static inline pte_t pte_mkclean(pte_t e)
{
    return (pte_t){e.v & ~FAKE_PTE_D};
}

static inline pte_t pte_mkyoung(pte_t e)
{
    return (pte_t){e.v | FAKE_PTE_A};
}

static inline pte_t pte_mkold(pte_t e)
{
    return (pte_t){e.v & ~FAKE_PTE_A};
}

static inline pte_t pte_modify(pte_t e, pgprot_t prot)
{
    u64 keep = PAGE_MASK | FAKE_PTE_A | FAKE_PTE_D | FAKE_PTE_WP | FAKE_PTE_SD;

    return (pte_t){(e.v & keep) | prot.v};
}

static inline pte_t pte_mk_uffd_wp(pte_t e)
{
    return (pte_t){(e.v | FAKE_PTE_WP) & ~FAKE_PTE_W};
}

static inline pte_t pte_clear_uffd_wp(pte_t e)
{
    return (pte_t){e.v & ~FAKE_PTE_WP};
}

static inline pte_t pte_get(const pte_t *p)
{
    return (pte_t){__atomic_load_n(&p->v, __ATOMIC_RELAXED)};
}

static inline void pte_set(pte_t *p, pte_t e)
{
    __atomic_store_n(&p->v, e.v, __ATOMIC_RELEASE);
}

static inline pte_t pte_xchg(pte_t *p, pte_t e)
{
    return (pte_t){__atomic_exchange_n(&p->v, e.v, __ATOMIC_ACQ_REL)};
}

/* VM_READ, VM_WRITE, VM_EXEC, VM_SHARED are bits 0 to 3. */
static inline pgprot_t vm_get_page_prot(u64 vm_flags)
{
    u64 v = FAKE_PTE_P;

    if (vm_flags & 7)
        v |= FAKE_PTE_U;
    if (vm_flags & 4)
        v |= FAKE_PTE_X;
    if ((vm_flags & 10) == 10)
        v |= FAKE_PTE_W;
    return (pgprot_t){v};
}
