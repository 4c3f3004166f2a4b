/*
 * Looking at what an address space has mapped, and marking the moment from
 * which on accesses count: the matter of Linux's smaps, pagemap, clear_refs.
 */
#pragma once

#include <mm/mm.h>

/* Bytes resident in areas, as smaps counts them (proc_pid_smaps(5)). A page
 * is private when this is the only entry that names it; pss divides each page
 * by the entries that do, and is kept in fractions of 1 << PSS_SHIFT. */
#define PSS_SHIFT 12
struct vma_usage {
    u64 rss, referenced, anonymous, lazyfree;
    u64 shared_clean, shared_dirty, private_clean, private_dirty;
    u64 pss, pss_dirty, pss_anon, pss_file, pss_shmem, pss_locked;
};

/* Adds what vma has mapped. mmap lock held for read. */
void vma_usage_add(struct vm_area_struct *vma, struct vma_usage *u);

/* Bits of a pagemap entry (proc_pid_pagemap(5)); below PM_PFN_BITS the frame's
 * number. */
#define PM_PFN_BITS   55
#define PM_SOFT_DIRTY (1ul << 55)
#define PM_EXCLUSIVE  (1ul << 56) /* no other entry names the page */
#define PM_UFFD_WP    (1ul << 57)
#define PM_IN_TABLE   (1ul << 60) /* our own: only vma_pagemap() says so */
#define PM_FILE       (1ul << 61) /* an object's page */
#define PM_SWAP       (1ul << 62) /* not there: a userfaultfd's marker */
#define PM_PRESENT    (1ul << 63)

/* Fills one entry for each page of [start, end), zero outside all areas.
 * Addresses are page aligned. Takes the mmap lock for read. */
void mm_pagemap(struct mm_struct *mm, u64 start, u64 end, u64 *entries);
/* The same of one area, which holds all of the range; mmap lock held. */
void vma_pagemap(struct vm_area_struct *vma, u64 start, u64 end, u64 *entries);

/* From now on every entry is untouched, or of one kind. Takes the mmap lock
 * for read. */
enum clear_refs {
    CLEAR_REFS_ALL = 1,
    CLEAR_REFS_ANON = 2,
    CLEAR_REFS_OBJECT = 3,
};
void mm_clear_refs(struct mm_struct *mm, enum clear_refs which);

/* From now on nothing is soft-dirty until it is written or mapped anew. Takes
 * the mmap lock for write. */
void mm_clear_soft_dirty(struct mm_struct *mm);
