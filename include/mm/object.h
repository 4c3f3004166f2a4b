/*
 * Memory objects: pages by index, which every file-like mapping maps. Kinds:
 * a boot module (frames that are already there) and shared anonymous memory
 * (frames on demand).
 */
#ifndef MM_OBJECT_H
#define MM_OBJECT_H

#include <base/spinlock.h>
#include <base/errno.h>
#include <base/types.h>
#include <mm/interval_tree.h>
#include <mm/page_tree.h>

struct page;
struct vm_area_struct;

enum object_kind {
    OBJECT_MODULE,
    OBJECT_SHMEM
};

struct mem_object {
    u32 refcount; /* atomic */
    u8 kind;
    u64 size;                /* bytes */
    spinlock_t lock;         /* pages and mappings */
    struct rb_root mappings; /* the areas that map it, by page offset */
    u64 base_pfn;            /* module */
    struct page_tree tree;   /* shmem: by index */
    u64 page_count;
    const char *name; /* as maps shows it, but for the slash in front */
    u64 ino;          /* no two have the same */
};

/* Each returns an object with one reference, or NULL. */
struct mem_object *object_create_module(const char *name, u64 start,
                                        u64 size) __must_check;
struct mem_object *object_create_shmem(u64 size) __must_check;

static inline void object_get(struct mem_object *object)
{
    __atomic_fetch_add(&object->refcount, 1, __ATOMIC_RELAXED);
}
void object_put(struct mem_object *object);

/* The page at index with a reference, or NULL if there is none yet. */
struct page *object_find_page(struct mem_object *object, u64 index);

/*
 * The same, made (zeroed) if absent. Returns 0 with *out, -ENOMEM, or
 * -ENXIO beyond the end of the object (SIGBUS territory).
 */
__must_check int object_get_page(struct mem_object *object, u64 index,
                                 struct page **out);

/*
 * Puts page at index; the object takes a reference.
 * Returns 0, -EEXIST, -ENOMEM, -ENXIO.
 */
__must_check int object_add_page(struct mem_object *object, u64 index,
                                 struct page *page);

/* mm/object_map.c: a linked area (vm_object not NULL) is known to its object;
 * vma_link() and its kin call these. mmap lock held for write. */
void object_link(struct vm_area_struct *vma);
void object_unlink(struct vm_area_struct *vma);
/* Sets the edges, vm_pgoff following the start, for the object in one step. */
void object_move(struct vm_area_struct *vma, u64 start, u64 end);

/* Reads up to n bytes at offset into a kernel buffer (short at the end).
 * Returns the count. */
size_t object_read(struct mem_object *object, u64 offset, void *buf, size_t n);

#endif
