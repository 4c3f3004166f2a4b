/*
 * Contexts: birth, references, closing. The parts of the story stand beside
 * this file: userfaultfd_register.c, _fault.c (the faulting side), _read.c
 * (the pager's side), _copy.c (filling pages), _wp.c (write protection) and
 * _event.c (fork, mremap, munmap, discarded pages), _move.c and
 * _object.c (shared memory).
 */
#include <mm/object_pager.h>
#include <mm/userfaultfd.h>

static struct kmem_cache ctx_cache;
struct list_head userfaultfd_all = {&userfaultfd_all, &userfaultfd_all};
spinlock_t userfaultfd_all_lock = SPINLOCK_INIT_CLASS(LOCK_UFFD_ALL);

void userfaultfd_init(void)
{
    kmem_cache_init(&ctx_cache, "userfaultfd_ctx",
                    sizeof(struct userfaultfd_ctx));
}

struct userfaultfd_ctx *userfaultfd_ctx_create(struct mm_struct *mm, u32 flags)
{
    struct userfaultfd_ctx *ctx = kmem_cache_zalloc(&ctx_cache);

    if (!ctx)
        return NULL;
    ctx->refcount = 1;
    ctx->flags = flags;
    ctx->mm = mm;
    mm_grab(mm);
    spin_lock_init(&ctx->lock);
    spin_lock_class(&ctx->lock, LOCK_UFFD);
    list_init(&ctx->pending);
    list_init(&ctx->taken);
    interval_tree_init(&ctx->crowd);
    list_init(&ctx->events);
    list_init(&ctx->telling);
    list_init(&ctx->objects);
    wait_queue_init(&ctx->readers);
    spin_lock(&userfaultfd_all_lock);
    list_add_tail(&ctx->all_link, &userfaultfd_all);
    spin_unlock(&userfaultfd_all_lock);
    return ctx;
}

void userfaultfd_ctx_put(struct userfaultfd_ctx *ctx)
{
    if (__atomic_fetch_sub(&ctx->refcount, 1, __ATOMIC_ACQ_REL) != 1)
        return;
    spin_lock(&userfaultfd_all_lock);
    list_del(&ctx->all_link);
    spin_unlock(&userfaultfd_all_lock);
    mm_drop(ctx->mm);
    kfree(ctx->guards);
    kmem_cache_free(&ctx_cache, ctx);
}

/* Ends the registration of every area that names ctx; but a guarded one stays:
 * whoever touches it is to know. */
static void release_areas(struct userfaultfd_ctx *ctx)
{
    struct mm_struct *mm = ctx->mm;
    struct vm_area_struct *vma;

    mmap_write_lock(mm);
    for_each_vma (mm, vma)
        if (vma->vm_uffd == ctx && !userfaultfd_guarded(vma))
            vma = userfaultfd_set_vma(vma, NULL, 0);
    mmap_write_unlock(mm);
}

void userfaultfd_release(struct userfaultfd_ctx *ctx)
{
    WRITE_ONCE(ctx->released, true);
    if (mm_try_get(ctx->mm)) {
        release_areas(ctx);
        mm_put(ctx->mm);
    }
    object_pagers_release(ctx);
    userfaultfd_lose_events(ctx);
    userfaultfd_wake_all(ctx);
    userfaultfd_ctx_put(ctx);
}
