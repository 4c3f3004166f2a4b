/*
 * A missing page of a memory object: mapped as it is, with those of its
 * neighbours that are there, for a read; as it is for a shared write; copied
 * for a private one.
 *
 * The page may leave its object, by truncation or a hole, while it is in hand
 * here. Whoever takes it out says so in page->object first and unmaps it
 * then, table by table: so it is looked at once more with the table locked,
 * and if it is gone, nothing is installed and the access simply tried again.
 */
#include <mm/fault.h>
#include <mm/internal.h>
#include <mm/rmap.h>

#define AROUND 16 /* pages that one read fault maps */

/* The table is locked. */
static bool still_there(const struct vm_fault *vmf, const struct page *page)
{
    return (page->flags & PG_RESERVED) ||
           READ_ONCE(page->object) == vmf->vma->vm_object;
}

/* Fills an empty entry; it takes over the reference. The table is locked. */
static void set_entry(const struct vm_fault *vmf, pte_t *pte, pte_t e,
                      struct page *page)
{
    struct mm_struct *mm = vmf->vma->vm_mm;

    __atomic_fetch_add(&page->mapcount, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&mm->rss[page_rss_kind(page)], 1, __ATOMIC_RELAXED);
    pte_set(pte, e);
}

/* Installs page, which is the object's or a copy of it, unless somebody was
 * faster or the object's is gone; then page is let go. */
static void install(struct vm_fault *vmf, struct page *page, bool write,
                    const struct page *object_page)
{
    spinlock_t *lock = pte_lockptr(vmf->pte);
    bool fits;

    spin_lock(lock);
    fits =
        pte_get(vmf->pte).v == vmf->orig_pte.v && still_there(vmf, object_page);
    if (likely(fits)) {
        pte_t e = fault_make_pte(vmf->vma, page, write);

        if (unlikely(!pte_none(vmf->orig_pte)))
            e = pte_mk_uffd_wp(e); /* a marker says so */
        set_entry(vmf, vmf->pte, e, page);
    }
    spin_unlock(lock);
    if (unlikely(!fits))
        put_page(page);
}

/* Maps the object's own page. */
static unsigned map_page(struct vm_fault *vmf, struct page *page, bool write)
{
    install(vmf, page, write, page);
    fault_note(vmf, END_OBJECT_MAP);
    return 0;
}

/* The object's page with a reference, made if need be; else VM_FAULT_*. */
static unsigned get_object_page(struct vm_fault *vmf, struct page **page)
{
    const u64 asks = VM_UFFD_MISSING | VM_UFFD_MINOR | VM_PAGED;
    u64 flags = vmf->vma->vm_flags;
    unsigned ret;
    int r;

    if (unlikely(flags & asks)) {
        *page = NULL;
        ret = flags & VM_PAGED ? do_paged_fault(vmf, page)
                               : do_userfault_object(vmf);
        if (ret || *page)
            return ret;
    }
    r = object_get_page(vmf->vma->vm_object, vma_index(vmf->vma, vmf->address),
                        page);
    if (likely(!r))
        return 0;
    return r == -ENOMEM ? VM_FAULT_OOM : VM_FAULT_SIGBUS;
}

/* The pages around the fault, within the area and one table: as many as Linux
 * maps, so that a program counts the same faults. Returns how many. */
static unsigned choose_around(const struct vm_fault *vmf, u64 *start)
{
    const struct vm_area_struct *vma = vmf->vma;
    u64 table = ALIGN_DOWN(vmf->address, pt_span(1));
    u64 end;

    *start = max(vma->vm_start, ALIGN_DOWN(vmf->address, AROUND * PAGE_SIZE));
    end = min(*start + AROUND * PAGE_SIZE, table + pt_span(1));
    return (min(end, vma->vm_end) - *start) >> PAGE_SHIFT;
}

/* Maps what the object has of them. True: the page itself was among them. */
static bool map_around(struct vm_fault *vmf)
{
    u64 start;
    unsigned count = choose_around(vmf, &start);
    u64 before = (vmf->address - start) >> PAGE_SHIFT;
    pte_t *pte = vmf->pte - before;
    spinlock_t *lock = pte_lockptr(pte);
    struct page *pages[AROUND];
    bool done;

    object_find_pages(vmf->vma->vm_object,
                      vma_index(vmf->vma, vmf->address) - before, count, pages);
    spin_lock(lock);
    for (unsigned i = 0; i < count; i++) {
        if (!pages[i] || !pte_none(pte_get(&pte[i])) ||
            !still_there(vmf, pages[i]))
            continue;
        set_entry(vmf, &pte[i], fault_make_pte(vmf->vma, pages[i], false),
                  pages[i]);
        pages[i] = NULL;
    }
    done = !pte_none(pte_get(vmf->pte));
    spin_unlock(lock);
    for (unsigned i = 0; i < count; i++)
        if (pages[i])
            put_page(pages[i]);
    return done;
}

static unsigned do_read_fault(struct vm_fault *vmf)
{
    u64 flags = vmf->vma->vm_flags;
    struct page *page;
    unsigned r;

    /* A pager that minds pages which are there gets to see each of them. */
    if (!(flags & (VM_UFFD_WP | VM_UFFD_MINOR | VM_PAGED)) && map_around(vmf)) {
        fault_note(vmf, END_OBJECT_MAP);
        return 0;
    }
    r = get_object_page(vmf, &page);
    if (!r)
        (void)map_page(vmf, page, false);
    /* Nothing is around a page that an object's pager has just brought. */
    if (!r && (flags & VM_PAGED) && !(vmf->flags & FAULT_TRIED))
        (void)map_around(vmf);
    return r;
}

static unsigned do_shared_fault(struct vm_fault *vmf)
{
    struct page *page;
    unsigned r = get_object_page(vmf, &page);

    /* That a bound object's page is written is another fault's business. */
    return r ? r : map_page(vmf, page, !(vmf->vma->vm_flags & VM_PAGED));
}

static unsigned do_cow_fault(struct vm_fault *vmf)
{
    struct page *page, *from;
    unsigned r = get_object_page(vmf, &from);

    if (unlikely(r)) {
        vma_note_anon(vmf->vma); /* it was to get one */
        return r;
    }
    page = mm_charge_page(vmf->vma->vm_mm, alloc_page());
    if (likely(page)) {
        page_copy(page_address(page), page_address(from));
        page_set_anon(page, vmf->vma, vmf->address);
        install(vmf, page, true, from);
        fault_note(vmf, END_OBJECT_COW);
    }
    put_page(from);
    return page ? 0 : VM_FAULT_OOM;
}

unsigned do_fault(struct vm_fault *vmf)
{
    if (!(vmf->flags & FAULT_WRITE))
        return do_read_fault(vmf);
    if (vmf->vma->vm_flags & VM_SHARED)
        return do_shared_fault(vmf);
    return do_cow_fault(vmf);
}
