/*
 * Permissions of user pages. Private mappings never get W here: the first
 * write faults, so that the page can be made the task's own.
 */
#include <mm/vma.h>

#define USER_R ((pgprot_t){PTE_P | PTE_U | PTE_A | PTE_NX})
#define USER_X ((pgprot_t){PTE_P | PTE_U | PTE_A})
#define USER_W ((pgprot_t){PTE_P | PTE_U | PTE_A | PTE_NX | PTE_W})
/* Writable and executable at once, as mmap(2) allows. */
#define USER_WX ((pgprot_t){PTE_P | PTE_U | PTE_A | PTE_W})
#define NOBODY  ((pgprot_t){PTE_PROTNONE | PTE_A | PTE_NX})

_Static_assert(VM_PKEY_MASK << 27 == PTE_PKEY, "pte_pkey_prot() shifts");

_Static_assert(VM_READ == 1 && VM_WRITE == 2 && VM_EXEC == 4 && VM_SHARED == 8,
               "protection_map is indexed by these bits");

/* Index: read 1, write 2, execute 4, shared 8. The CPU cannot grant writing or
 * executing without reading. */
const pgprot_t protection_map[16] = {
    NOBODY, USER_R, USER_R, USER_R, USER_X, USER_X, USER_X,  USER_X,
    NOBODY, USER_R, USER_W, USER_W, USER_X, USER_X, USER_WX, USER_WX,
};
