/*
 * Moving page-table entries within one address space, for mremap(2). All the
 * tables that the new place needs are made before the first entry moves, so
 * that nothing can go wrong half-way. A table that moves as a whole is
 * exchanged for the new place's, which is still empty. What comes to a new
 * place counts as written there: each entry, or with a whole table the area.
 */
#include <arch/tlb.h>
#include <mm/internal.h>
#include <mm/pgtable.h>
#include <mm/rmap.h>
#include <mm/vma_lock.h>

struct move {
    struct mm_struct *mm;
    u64 old, end, new; /* [old, end) goes to new */
    struct vm_area_struct *new_vma;
    bool clear_wp; /* the new area is no userfaultfd's any more */
};

static u64 new_place(const struct move *m, u64 va)
{
    return va - m->old + m->new;
}

/* False: no memory. What was made is empty and may stay. */
static bool alloc_tables(const struct move *m)
{
    u64 va = m->old, stop;

    while (pt_next_leaf(m->mm->pgd, &va, m->end, &stop)) {
        /* The entries of one table may need two. */
        if (!pte_alloc(m->mm, new_place(m, va), NULL) ||
            !pte_alloc(m->mm, new_place(m, stop - PAGE_SIZE), NULL))
            return false;
        va = stop;
    }
    return true;
}

static pte_t take_entry(pte_t *from)
{
    spinlock_t *lock = pte_lockptr(from);
    pte_t entry;

    spin_lock(lock);
    entry = pte_xchg(from, PTE_NONE);
    spin_unlock(lock);
    return entry;
}

static void put_entry(pte_t *to, pte_t entry)
{
    spinlock_t *lock = pte_lockptr(to);

    spin_lock(lock);
    pte_set(to, entry);
    spin_unlock(lock);
}

/* The two tables may be one: never both are locked. Nobody looks in between,
 * for both areas are. */
static void move_entries(const struct move *m, u64 va, u64 stop, pte_t *from)
{
    u64 new = new_place(m, va);
    pte_t *to = NULL;

    for (; va < stop; va += PAGE_SIZE, new += PAGE_SIZE, from++) {
        pte_t entry;

        to = to && pt_index(new, 0) ? to + 1 : pte_lookup(m->mm, new);
        if (pte_none(pte_get(from)))
            continue;
        entry = take_entry(from);
        if (pte_present(entry))
            entry = pte_mksoft_dirty(entry);
        put_entry(to, m->clear_wp ? pte_clear_uffd_wp(entry) : entry);
    }
}

/* Both tables are hooked in at level 1. */
static void exchange_tables(const struct move *m, u64 va)
{
    pte_t *from = pt_walk(m->mm->pgd, va, 1);
    pte_t *to = pt_walk(m->mm->pgd, new_place(m, va), 1);
    pte_t table = pte_get(from);

    pte_set(from, pte_get(to));
    pte_set(to, table);
    m->new_vma->vm_flags |= VM_SOFTDIRTY;
}

static void move_table(const struct move *m, u64 va, u64 stop, pte_t *from)
{
    bool whole =
        stop - va == pt_span(1) && IS_ALIGNED(new_place(m, va), pt_span(1));

    if (!whole || m->clear_wp) {
        move_entries(m, va, stop, from);
        return;
    }
    spin_lock(&m->mm->page_table_lock);
    exchange_tables(m, va);
    spin_unlock(&m->mm->page_table_lock);
}

int move_page_tables(struct vm_area_struct *vma, u64 old,
                     struct vm_area_struct *new_vma, u64 len)
{
    struct move m = {vma->vm_mm, old,
                     old + len,  new_vma->vm_start,
                     new_vma,    vma->vm_uffd && !new_vma->vm_uffd};
    spinlock_t *owner =
        vma->vm_object ? &vma->vm_object->lock : &m.mm->family->lock;
    u64 va = old, stop;
    pte_t *from;

    vma_start_write(vma);
    if (!alloc_tables(&m))
        return -ENOMEM;
    /* Who looks for all entries of a page must find them, here or there. */
    spin_lock(owner);
    while ((from = pt_next_leaf(m.mm->pgd, &va, m.end, &stop))) {
        move_table(&m, va, stop, from);
        va = stop;
    }
    spin_unlock(owner);
    tlb_flush_range(m.mm, old, m.end);
    return 0;
}
