/* Inside mm/ only: small things several of its files share. */
#ifndef MM_INTERNAL_H
#define MM_INTERNAL_H

#include <base/errno.h>
#include <mm/mm.h>

/* A u64 that is an address or a negated errno. */
#define IS_ERR_VALUE(v) unlikely((u64)(v) >= (u64)-4095)

/* Binds a new area, not yet linked, to its object (NULL: none): takes a
 * reference; vma_link() will add it to the object's mappings. */
void vma_set_object(struct vm_area_struct *vma, struct mem_object *object);

#endif
