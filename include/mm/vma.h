/*
 * Virtual memory areas: one mapping each, in a red-black tree augmented with
 * the largest free gap below each subtree, and in an ordered list. Pure
 * structure: nothing here touches page tables.
 */
#pragma once

#include <arch/pte.h>
#include <base/types.h>
#include <mm/interval_tree.h>
#include <mm/rbtree.h>

/* vm_flags */
#define VM_READ         0x0001ul
#define VM_WRITE        0x0002ul
#define VM_EXEC         0x0004ul
#define VM_SHARED       0x0008ul
#define VM_MAYREAD      0x0010ul
#define VM_MAYWRITE     0x0020ul
#define VM_MAYEXEC      0x0040ul
#define VM_MAYSHARE     0x0080ul
#define VM_GROWSDOWN    0x0100ul
#define VM_UFFD_MISSING 0x0200ul
#define VM_UFFD_WP      0x0400ul
#define VM_UFFD_MINOR   0x0800ul
#define VM_NORESERVE    0x1000ul
#define VM_STACK        0x2000ul
#define VM_LOCKED       0x4000ul /* mlock(2) */
#define VM_LOCKONFAULT  0x8000ul /* with VM_LOCKED: pages come by fault */
#define VM_SEQ_READ     0x10000ul
#define VM_RAND_READ    0x20000ul
#define VM_DONTCOPY     0x40000ul  /* fork leaves it out */
#define VM_WIPEONFORK   0x80000ul  /* empty in the child */
#define VM_ACCOUNT      0x100000ul /* counts as promised, see account.h */
#define VM_DONTDUMP     0x200000ul
#define VM_HUGEPAGE     0x400000ul
#define VM_NOHUGEPAGE   0x800000ul
#define VM_MERGEABLE    0x1000000ul
#define VM_SEALED       0x2000000ul /* mseal(2) */
#define VM_DROPPABLE    0x4000000ul /* MAP_DROPPABLE */
#define VM_SOFTDIRTY    0x8000000ul /* new since soft-dirty was last cleared */
#ifdef ARCH_VM_GROWSUP /* <asm/page.h>: stacks grow up on this machine */
#define VM_GROWSUP 0x10000000ul
#else
#define VM_GROWSUP 0ul
#endif
#define VM_PAGED       0x20000000ul /* of an object with a pager */
#define VM_DONTEXPAND  0x40000000ul /* the kernel's own: is never locked */
#define VM_SYNC        0x80000000ul /* MAP_SYNC: keeps areas apart */
#define VM_PKEY_SHIFT  32           /* the area's protection key */
#define VM_PKEY_MASK   (0xful << VM_PKEY_SHIFT)
#define VM_GUARD_SHIFT 40 /* its guard, of those in vm_uffd; 0: none */
#define VM_GUARD_MASK  (0x3ful << VM_GUARD_SHIFT)
#define VM_ACCESS      (VM_READ | VM_WRITE | VM_EXEC)
#define VM_LOCKED_MASK (VM_LOCKED | VM_LOCKONFAULT)
#define VM_UFFD_ANY    (VM_UFFD_MISSING | VM_UFFD_WP | VM_UFFD_MINOR)

/* Pages kept free below a VM_GROWSDOWN area, see mmap(2). */
#define STACK_GUARD_GAP (256ul << PAGE_SHIFT)

#define MAX_MAP_COUNT 65530

struct vm_area_struct {
    u64 vm_start, vm_end; /* page aligned, end exclusive */
    struct rb_node vm_rb;
    u64 vm_gap;         /* vma_gap(), kept for the tree */
    u64 rb_subtree_gap; /* largest vm_gap of this subtree */
    struct vm_area_struct *vm_next, *vm_prev;
    struct mm_struct *vm_mm;
    u32 vm_lock_seq; /* see mm/vma_lock.h */
    u32 vm_readers;  /* atomic: faults that have it locked */
    u64 vm_flags;
    pgprot_t vm_page_prot;
    struct mem_object *vm_object; /* NULL: private anonymous. Holds a ref */
    u64 vm_pgoff; /* page offset in the object; for anonymous start >> 12 */
    u64 vm_anon;  /* id of its private pages, 0: never had one; vma_anon.c */
    bool vm_anon_forked;             /* the id came with fork(2) */
    struct userfaultfd_ctx *vm_uffd; /* with VM_UFFD_ANY; holds a reference */
    struct interval_node vm_object_node; /* in object->mappings, while linked */
};

/*
 * mm/vma.c. A fresh area refers to nothing; its edges and rights are for the
 * caller to fill in. A copy takes references of its own to the object and the
 * context, freeing drops them; it is linked nowhere then. NULL: no memory.
 */
struct vm_area_struct *vma_alloc(struct mm_struct *mm) __must_check;
struct vm_area_struct *vma_dup(const struct vm_area_struct *vma) __must_check;
void vma_free(struct vm_area_struct *vma);

/* Readies mm's tree and list: no areas. */
void vma_tree_init(struct mm_struct *mm);

/* Rights of an area's pages. The first store to a shared page must fault where
 * it is to be noticed; to a private one it always does. */
static inline pgprot_t vma_page_prot(u64 vm_flags)
{
    bool noticed =
        (vm_flags & (VM_SOFTDIRTY | VM_UFFD_WP | VM_PAGED)) != VM_SOFTDIRTY;

    return vm_get_page_prot(unlikely(noticed) ? vm_flags & ~VM_SHARED
                                              : vm_flags);
}

/* Start of the area with the guard gap that must stay free below it. */
static inline u64 vm_start_gap(const struct vm_area_struct *vma)
{
    if (likely(!(vma->vm_flags & VM_GROWSDOWN)))
        return vma->vm_start;
    return vma->vm_start > STACK_GUARD_GAP ? vma->vm_start - STACK_GUARD_GAP
                                           : 0;
}

/*
 * Free bytes between the previous area (or 0) and this one's guard gap. Larger
 * ones count as 1 TiB: there are never many, and what is mapped below the
 * lowest area, where most new mappings go, changes nothing for the tree. fresh:
 * the area that is not in the tree, or NULL; it does not count.
 */
#define VMA_GAP_MAX (1ul << 40)
static inline u64 vma_gap(const struct vm_area_struct *vma,
                          const struct vm_area_struct *fresh)
{
    const struct vm_area_struct *prev = vma->vm_prev;
    u64 start = vm_start_gap(vma), below;

    if (prev && prev == fresh)
        prev = prev->vm_prev;
    below = prev ? prev->vm_end : 0;
    return start > below ? min(start - below, VMA_GAP_MAX) : 0;
}

/* The area's protection key. */
static inline int vma_pkey(const struct vm_area_struct *vma)
{
    return vma->vm_flags >> VM_PKEY_SHIFT & 0xf;
}

/* Pages of the area. */
static inline u64 vma_pages(const struct vm_area_struct *vma)
{
    return (vma->vm_end - vma->vm_start) >> PAGE_SHIFT;
}

/* The page of the object at addr; in anonymous memory a number that stays with
 * the page wherever mremap(2) takes it. */
static inline u64 vma_index(const struct vm_area_struct *vma, u64 addr)
{
    return vma->vm_pgoff + ((addr - vma->vm_start) >> PAGE_SHIFT);
}

/* ---- lookup (mm/vma_find.c); mmap lock held, read or write ---- */

/* First area with vm_end > addr, or NULL. */
struct vm_area_struct *find_vma(struct mm_struct *mm, u64 addr);

/* First area that overlaps [start, end), or NULL. */
struct vm_area_struct *find_vma_intersection(struct mm_struct *mm, u64 start,
                                             u64 end);

/* Where an area for [start, end) would hang. */
struct vma_place {
    struct vm_area_struct *prev, *next;
};

/* Fills place; returns -ENOMEM when [start, end) overlaps an area. */
__must_check int vma_find_place(struct mm_struct *mm, u64 start, u64 end,
                                struct vma_place *place);

/* [start, end) lies in the hole below the area. */
static inline bool vma_has_below(const struct vm_area_struct *vma, u64 start,
                                 u64 end)
{
    return vma && end <= vma->vm_start &&
           (!vma->vm_prev || vma->vm_prev->vm_end <= start);
}

/* ---- change (mmap lock held for write) ---- */

/* Inserts at the place found (list, count, highest end). The tree gets it only
 * when somebody looks for more than it: most are gone again before. */
void vma_link(struct mm_struct *mm, struct vm_area_struct *vma,
              const struct vma_place *place);

/* The newest area, if it is not in the tree yet, is put there: before the tree
 * is searched or changed. */
void vma_settle_fresh(struct mm_struct *mm);
#define vma_settle(mm)                                                         \
    (unlikely((mm)->vma_fresh != NULL) ? vma_settle_fresh(mm) : (void)0)

/* Finds the place and inserts; -ENOMEM on overlap. */
__must_check int vma_insert(struct mm_struct *mm, struct vm_area_struct *vma);

/* Takes the area, locked for writing, out of tree and list; the caller frees
 * it. */
void vma_unlink(struct mm_struct *mm, struct vm_area_struct *vma);
/* The same when the next one goes right after it and its gap need not be
 * known. */
void vma_unlink_more(struct mm_struct *mm, struct vm_area_struct *vma);

/* Moves the edges (order among neighbours unchanged), gaps recomputed;
 * vm_pgoff follows the start. */
void vma_adjust(struct vm_area_struct *vma, u64 start, u64 end);

/* Splits at addr (strictly inside, page aligned): vma keeps the lower part,
 * unless new_below, when the new area gets it. Returns 0, -ENOMEM (memory, or
 * MAX_MAP_COUNT reached). */
__must_check int split_vma(struct mm_struct *mm, struct vm_area_struct *vma,
                           u64 addr, bool new_below);

/* The same beyond MAX_MAP_COUNT, for those about to unmap a part. */
__must_check int split_vma_uncounted(struct mm_struct *mm,
                                     struct vm_area_struct *vma, u64 addr,
                                     bool new_below);

/* What decides whether two neighbours are one mapping. */
struct vma_shape {
    u64 flags;
    struct mem_object *object;
    u64 pgoff;
    struct userfaultfd_ctx *uffd;
    u64 anon; /* 0: that of the area there, if any */
};

/*
 * [start, end) is about to become (or has become) an area of this shape, next
 * to prev: grow or join neighbours instead, all eight cases. An area that
 * already covers exactly [start, end) may be given up in the process.
 * Returns the area that now covers the range, or NULL when nothing merges.
 * Never allocates, never fails. The uffd and object references of a VMA that
 * disappears are dropped.
 */
struct vm_area_struct *vma_merge(struct mm_struct *mm,
                                 struct vm_area_struct *prev, u64 start,
                                 u64 end, const struct vma_shape *shape);

/*
 * mm/vma_modify.c. [start, end), which lies in *vma, takes the flags (and the
 * page rights that follow): merged with like neighbours or split off. Page
 * tables are the caller's business. Returns 0 with *vma the area that covers
 * the range now; -ENOMEM (memory, MAX_MAP_COUNT): then only splits may have
 * been made.
 */
__must_check int vma_modify_flags(struct vm_area_struct **vma, u64 start,
                                  u64 end, u64 flags);

/* Merges an area with neighbours like it; the area that covers it now. */
struct vm_area_struct *vma_rejoin(struct vm_area_struct *vma);

/* mm/vma_anon.c. The area gets its first private page, or is about to grow:
 * locked, or mmap lock held. */
void vma_choose_anon(struct vm_area_struct *vma);
static inline void vma_note_anon(struct vm_area_struct *vma)
{
    if (unlikely(!READ_ONCE(vma->vm_anon)))
        vma_choose_anon(vma);
}

/* An area copied by fork(2) is a stranger to all others of its space. */
void vma_inherit_anon(struct vm_area_struct *copy);

/* The flags do not keep an area with these from merging with vma. */
static inline bool vma_flags_fit(const struct vm_area_struct *vma, u64 flags)
{
    return !((vma->vm_flags ^ flags) & ~VM_SOFTDIRTY);
}

/* A neighbour touches [start, end), which is free, and may take it in. */
static inline bool vma_may_merge(const struct vma_place *place, u64 start,
                                 u64 end, u64 flags)
{
    const struct vm_area_struct *prev = place->prev, *next = place->next;

    return (prev && prev->vm_end == start && vma_flags_fit(prev, flags)) ||
           (next && next->vm_start == end && vma_flags_fit(next, flags));
}

/* ---- address choice (mm/unmapped_area.c) ---- */

/*
 * Highest (top-down from mm->mmap_base) free range of len bytes, then lowest
 * above; STACK_GUARD_GAP kept below growing areas. O(log n) by the gaps.
 * Returns the address, or -ENOMEM as u64.
 */
u64 get_unmapped_area(struct mm_struct *mm, u64 hint, u64 len, u64 flags);

/* Order, gaps, tree rules, list against tree, count, highest end: 0 or
 * -EINVAL after a printk. */
int validate_mm(struct mm_struct *mm);

/* The pages counted in mm, all and by kind, are those of its areas: likewise.
 */
int validate_counts(const struct mm_struct *mm);

/* Readies the VMA cache. */
void vma_init(void);

static inline struct vm_area_struct *vma_of(struct rb_node *node)
{
    return container_of(node, struct vm_area_struct, vm_rb);
}

#define for_each_vma(mm, vma)                                                  \
    for ((vma) = (mm)->mmap; (vma); (vma) = (vma)->vm_next)
