/*
 * Filling: UFFDIO_COPY, ZEROPAGE, CONTINUE and POISON. The source is copied
 * before any lock is taken, for it may fault, and its fault may wait for
 * another pager. Then, under the mmap lock, the target is checked and the page
 * installed.
 */
#include <arch/uaccess.h>
#include <mm/fault.h>
#include <mm/rmap.h>
#include <mm/userfaultfd.h>

/* One filling call: what goes where, and how far it may go. */
struct fill {
    struct userfaultfd_ctx *ctx;
    enum uffd_fill kind;
    bool protect; /* COPY_MODE_WP */
    bool now;     /* even while mappings are changing */
    u64 end;
};

/* The registered area that holds all of what is left, or why not. */
static int fill_target(const struct fill *f, u64 start,
                       struct vm_area_struct **out)
{
    struct vm_area_struct *vma;

    if (unlikely(READ_ONCE(f->ctx->changing)) && !f->now)
        return -EAGAIN;
    vma = find_vma(f->ctx->mm, start);
    if (!vma || vma->vm_start > start || vma->vm_end < f->end || !vma->vm_uffd)
        return -ENOENT;
    if (unlikely(f->protect) && !(vma->vm_flags & VM_UFFD_WP))
        return -EINVAL;
    if (unlikely(f->kind == FILL_CONTINUE) && !vma->vm_object)
        return -EINVAL;
    *out = vma;
    return 0;
}

/* The entry a page (NULL: the zero page) gets. */
static pte_t fill_entry(const struct fill *f, const struct vm_area_struct *vma,
                        struct page *page)
{
    pte_t pte;

    if (unlikely(f->kind == FILL_POISON))
        return PTE_MARK_POISON;
    pte = fault_make_pte(vma, page ? page : zero_page, page != NULL);
    if (page) /* written, even where nobody may write */
        pte = pte_mksoft_dirty(pte);
    return unlikely(f->protect) ? pte_mk_uffd_wp(pte) : pte;
}

/* An object's page or a copy may take the place of a marker. */
static bool may_replace(const struct fill *f, const struct vm_area_struct *vma,
                        pte_t e)
{
    if (pte_present(e) || f->kind == FILL_POISON)
        return false;
    return f->kind != FILL_ZERO || (vma->vm_flags & VM_SHARED);
}

/* Installs one page (NULL: the zero page) at address; mmap lock held. */
static int fill_install(const struct fill *f, struct vm_area_struct *vma,
                        u64 address, struct page *page)
{
    struct vm_fault vmf = {.vma = vma, .address = address};
    bool exists;
    pte_t entry;

    vmf.pte = pte_alloc(vma->vm_mm, address, NULL);
    if (unlikely(!vmf.pte))
        return -ENOMEM;
    vmf.orig_pte = pte_get(vmf.pte);
    exists =
        unlikely(!pte_none(vmf.orig_pte)) && !may_replace(f, vma, vmf.orig_pte);
    if (unlikely(vma->vm_object != NULL)) {
        int r =
            userfaultfd_fill_object(&vmf, f->kind, page, f->protect, exists);

        if (r <= 0) {
            if (!(vma->vm_flags & VM_SHARED))
                vma_note_anon(vma);
            return r;
        }
    } else if (unlikely(exists)) {
        return -EEXIST;
    }
    if (likely(page))
        page_set_anon(page, vma, address);
    else if (!(vma->vm_flags & VM_SHARED))
        vma_note_anon(vma);
    entry = fill_entry(f, vma, page);
    if (!fault_install(&vmf, entry, page, RSS_ANON))
        return -EEXIST;
    userfaultfd_stamp(f->ctx, address, entry);
    return 0;
}

__cold void userfaultfd_note_target(struct mm_struct *mm, u64 addr)
{
    struct vm_area_struct *vma = find_vma(mm, addr);

    if (vma && vma->vm_start <= addr && !(vma->vm_flags & VM_SHARED))
        vma_note_anon(vma);
}

/* Checks the whole target range, then fills the page at dst. */
static int fill_page(const struct fill *f, u64 dst, struct page *page)
{
    struct mm_struct *mm = f->ctx->mm;
    struct vm_area_struct *vma;
    int r;

    mmap_read_lock(mm);
    r = fill_target(f, dst, &vma);
    if (likely(!r))
        r = fill_install(f, vma, dst, page);
    if (unlikely(r))
        userfaultfd_note_target(mm, dst);
    mmap_read_unlock(mm);
    return r;
}

/* The target is bad whatever the source: Linux looks at it first. */
static int target_error(const struct fill *f, u64 dst, int r)
{
    struct vm_area_struct *vma;
    int bad;

    mmap_read_lock(f->ctx->mm);
    bad = fill_target(f, dst, &vma);
    userfaultfd_note_target(f->ctx->mm, dst);
    mmap_read_unlock(f->ctx->mm);
    return bad ? bad : r;
}

static int copy_page(const struct fill *f, u64 dst, u64 src)
{
    struct page *page = mm_charge_page(f->ctx->mm, alloc_page());
    int r;

    if (unlikely(!page))
        return target_error(f, dst, -ENOMEM);
    r = copy_page_from_user(page_address(page), (const void __user *)src);
    if (likely(!r))
        r = fill_page(f, dst, page);
    if (r)
        put_page(page);
    return r;
}

int userfaultfd_fill_now(struct userfaultfd_ctx *ctx, enum uffd_fill kind,
                         u64 address)
{
    struct fill f = {ctx, kind, false, true, address + PAGE_SIZE};
    int r;

    if (!mm_try_get(ctx->mm))
        return -ESRCH;
    r = fill_page(&f, address, NULL);
    mm_put(ctx->mm);
    return r;
}

int userfaultfd_copy_error(struct userfaultfd_ctx *ctx, u64 dst, u64 len,
                           bool protect)
{
    const struct fill f = {
        .ctx = ctx, .kind = FILL_COPY, .protect = protect, .end = dst + len};
    int r;

    if (!mm_try_get(ctx->mm))
        return -ESRCH;
    r = target_error(&f, dst, 0);
    mm_put(ctx->mm);
    return r;
}

s64 userfaultfd_fill(struct userfaultfd_ctx *ctx, enum uffd_fill kind, u64 dst,
                     u64 src, u64 len, bool protect)
{
    struct fill f = {ctx, kind, protect, false, dst + len};
    u64 done = 0;
    int r = 0;

    if (!mm_try_get(ctx->mm))
        return -ESRCH;
    while (done < len) {
        r = kind == FILL_COPY ? copy_page(&f, dst + done, src + done)
                              : fill_page(&f, dst + done, NULL);
        if (r)
            break;
        done += PAGE_SIZE;
        if (done < len && thread_signal_pending(WAIT_KILLABLE))
            break;
    }
    mm_put(ctx->mm);
    return done ? (s64)done : r;
}
