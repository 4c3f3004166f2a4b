/* prctl(2): what only Faultline has, see docs/limits.md. */
#ifndef UAPI_FAULTLINE_PRCTL_H
#define UAPI_FAULTLINE_PRCTL_H

/* prctl(PR_MEMORY_GROUP, what, pages): */
#define PR_MEMORY_GROUP 0x464c0001

#define PR_GROUP_CREATE 1 /* a group of our own, of at most so many pages */
#define PR_GROUP_USED   2 /* pages counted in ours; -ESRCH: we have none */
#define PR_GROUP_LIMIT  3

/* prctl(PR_OOPS, which, address): a mistake of the kernel's; -EINVAL unless it
 * was started with test=oops. */
#define PR_OOPS 0x464c0002

#define PR_OOPS_NULL         1  /* writes to address 8 */
#define PR_OOPS_LOCKED       2  /* the same with a spinlock, */
#define PR_OOPS_TABLE_LOCKED 3  /* the lock of address' page table, */
#define PR_OOPS_MMAP_LOCKED  4  /* the mmap lock, */
#define PR_OOPS_IRQS_OFF     5  /* interrupts off */
#define PR_OOPS_SMAP         6  /* reads address directly */
#define PR_OOPS_SMEP         7  /* runs it */
#define PR_OOPS_CORRUPT      8  /* sets a reserved bit in its entry */
#define PR_OOPS_NO_FAULTS    9  /* copies from it, pagefault_disable() */
#define PR_OOPS_ATOMIC       10 /* copies from it, a spinlock held */

#endif
