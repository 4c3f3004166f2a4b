/*
 * Memory objects: pages by index, which every file-like mapping maps. Kinds:
 * a boot module (frames that are already there) and shared memory, anonymous
 * or behind a memfd (frames on demand).
 */
#pragma once

#include <arch/page.h>
#include <base/errno.h>
#include <base/spinlock.h>
#include <base/types.h>
#include <mm/hooks.h>
#include <mm/interval_tree.h>
#include <mm/page_tree.h>

struct vm_area_struct;

enum object_kind {
    OBJECT_MODULE,
    OBJECT_SHMEM
};

/* What must not be done to an object any more, see fcntl(2). */
#define F_SEAL_SEAL         0x01u
#define F_SEAL_SHRINK       0x02u
#define F_SEAL_GROW         0x04u
#define F_SEAL_WRITE        0x08u
#define F_SEAL_FUTURE_WRITE 0x10u
#define F_SEAL_EXEC         0x20u

struct mem_object {
    u32 refcount; /* atomic */
    u8 kind;
    bool memfd;              /* name is its own, from kmalloc() */
    u8 huge_shift;           /* of a huge page, of which there are none; or 0 */
    u16 mode;                /* permission bits; under `change` */
    u32 seals;               /* under `change`, and lock to set them */
    struct rwsem change;     /* taken for write by the calls that change size,
                                contents or seals; outside lock */
    spinlock_t lock;         /* size, pages and mappings */
    u64 size;                /* bytes; under `change` as well */
    struct rb_root mappings; /* the areas that map it, by page offset */
    u32 mapping_shared;      /* calls that are about to, for writing */
    u64 base_pfn;            /* module */
    struct page_tree tree;   /* shmem: by index */
    struct object_pager *pager; /* once bound, see object_pager.h; or NULL */
    u64 page_count;
    u64 charged;      /* pages promised, see account.h */
    const char *name; /* as maps shows it, but for the slash in front */
    u64 ino;          /* no two have the same */
};

/* Each returns an object with one reference, or NULL. */
struct mem_object *object_create_module(const char *name, u64 start,
                                        u64 size) __must_check;
struct mem_object *object_create_shmem(u64 size) __must_check;
/* Shared memory for a descriptor, empty. The name, from kmalloc(), becomes the
 * object's own. */
struct mem_object *object_create_memfd(char *name) __must_check;

static inline void object_get(struct mem_object *object)
{
    __atomic_fetch_add(&object->refcount, 1, __ATOMIC_RELAXED);
}
void object_put(struct mem_object *object);

/* Pages up to the end, the last one perhaps in part. */
static inline u64 object_pages(const struct mem_object *object)
{
    u64 size = READ_ONCE(object->size);

    return (size >> PAGE_SHIFT) + !!(size & (PAGE_SIZE - 1));
}

/* Promises the new object's whole size at once; mm: who asks. -ENOMEM. */
__must_check int object_charge(struct mem_object *object,
                               const struct mm_struct *mm);

/* The page at index with a reference, or NULL if there is none yet. */
struct page *object_find_page(struct mem_object *object, u64 index);
/* The same, even behind the end: set aside there by fallocate(2). */
struct page *object_peek_page(struct mem_object *object, u64 index);

/*
 * The same, made (zeroed) if absent. Returns 0 with *out, -ENOMEM, or
 * -ENXIO beyond the end of the object (SIGBUS territory).
 */
__must_check int object_get_page(struct mem_object *object, u64 index,
                                 struct page **out);

/*
 * The page at index with a reference, or NULL if there is none, waiting for the
 * pager of a bound object. No lock held. Returns 0, or if it cannot be brought
 * -EINTR, -EIO, -EDEADLK (the pager itself asks), -ENOMEM.
 */
__must_check int object_page_in(struct mem_object *object, u64 index,
                                struct page **page);

/*
 * Puts page at index; the object takes a reference.
 * Returns 0, -EEXIST, -ENOMEM, -ENXIO.
 */
__must_check int object_add_page(struct mem_object *object, u64 index,
                                 struct page *page);

/* Reads up to n bytes at offset into a kernel buffer (short at the end).
 * Returns the count. */
size_t object_read(struct mem_object *object, u64 offset, void *buf, size_t n);

/* ---- size, contents, seals (mm/object_size.c, object_write.c, object_seal.c);
 * these wait for each other and may sleep; no lock held ---- */

/* ftruncate(2): what lies behind the new end is unmapped everywhere, private
 * copies included, and forgotten. Returns 0 or -EPERM (seals). */
__must_check int object_resize(struct mem_object *object, u64 size);

/* Makes [offset, offset + len) zeros and gives its whole pages back; private
 * copies stay. For FALLOC_FL_PUNCH_HOLE and MADV_REMOVE. Returns 0, -EPERM
 * (seals), -EOPNOTSUPP (it has a pager). */
__must_check int object_punch_hole(struct mem_object *object, u64 offset,
                                   u64 len);

/* fallocate(2): sets pages aside; grows the object unless keep_size. Returns
 * 0, -EPERM (seals), -EOPNOTSUPP (it has a pager), or -ENOMEM, -EINTR with all
 * of it given back. */
__must_check int object_reserve(struct mem_object *object, u64 offset, u64 len,
                                bool keep_size);

/* The first byte of data, or (not data) of a hole, at or after `from`, see
 * lseek(2); the end counts as a hole. -ENXIO: there is none. */
s64 object_seek(struct mem_object *object, u64 from, bool data);

/*
 * Writes n bytes, which lie within one page and already stand in *page at
 * their place: they are copied or, where there was no page, *page becomes the
 * object's (and NULL). Grows the object. The seals are asked whether they allow
 * a write up to `end`. Returns 0, -EPERM (seals), -ENOMEM, -EAGAIN (a part of
 * a page that is the pager's to bring first).
 */
__must_check int object_write(struct mem_object *object, u64 offset, size_t n,
                              u64 end, struct page **page);

/* fcntl(2), F_ADD_SEALS: 0, -EINVAL, -EPERM (sealed), -EBUSY (mapped shared
 * and writable). */
__must_check int object_add_seals(struct mem_object *object, u32 seals);

/* ---- who maps it (mm/object_map.c) ---- */

/* Before a shared mapping is made that may be written: false, seals forbid it.
 * True: seals against it wait (with -EBUSY) until object_map_shared_end(). */
bool object_map_shared_begin(struct mem_object *object) __must_check;
void object_map_shared_end(struct mem_object *object);

/*
 * Unmaps the pages first to last (included) wherever they are mapped;
 * even_private: private copies as well. Whoever takes pages out of an object
 * does so first and calls this then: a fault that still has one in hand finds
 * out with the entry locked. Takes object->lock.
 *
 * Areas that begin with the same page are visited in the order of linking, so
 * that what fork() copies meanwhile is found in the child; who moves entries
 * of an object's pages (mremap) holds object->lock.
 */
void object_unmap_range(struct mem_object *object, u64 first, u64 last,
                        bool even_private);

/* The same with object->lock held; and calls fn for the part [start, end) of
 * each area that maps any of the pages, with that lock held. */
void object_unmap_locked(struct mem_object *object, u64 first, u64 last,
                         bool even_private);
void object_each_area(struct mem_object *object, u64 first, u64 last,
                      void (*fn)(struct vm_area_struct *vma, u64 start, u64 end,
                                 void *arg),
                      void *arg);

/* A linked area with an object is known to that. vma_link() and its kin call
 * these. mmap lock held for write. */
void object_link(struct vm_area_struct *vma);
void object_unlink(struct vm_area_struct *vma);
/* Sets the edges, vm_pgoff following the start, for the object in one step. */
void object_move(struct vm_area_struct *vma, u64 start, u64 end);
