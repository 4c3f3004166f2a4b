/* prctl(2): what only Faultline has. */
#pragma once

#include <stdint.h>

/* prctl(PR_MEMORY_GROUP, what, pages), see docs/limits.md: */
#define PR_MEMORY_GROUP 0x464c0001

#define PR_GROUP_CREATE 1 /* a group of our own, of at most so many pages */
#define PR_GROUP_USED   2 /* pages counted in ours; -ESRCH: we have none */
#define PR_GROUP_LIMIT  3

/* prctl(PR_OOPS, which, address): a mistake of the kernel's; -EINVAL unless it
 * was started with test=oops. */
#define PR_OOPS 0x464c0002

#define PR_OOPS_NULL          1  /* writes to address 8 */
#define PR_OOPS_LOCKED        2  /* the same with a spinlock, */
#define PR_OOPS_TABLE_LOCKED  3  /* the lock of address' page table, */
#define PR_OOPS_MMAP_LOCKED   4  /* the mmap lock, */
#define PR_OOPS_IRQS_OFF      5  /* interrupts off */
#define PR_OOPS_SMAP          6  /* reads address directly */
#define PR_OOPS_SMEP          7  /* runs it */
#define PR_OOPS_CORRUPT       8  /* sets a reserved bit in its entry */
#define PR_OOPS_NO_FAULTS     9  /* copies from it, pagefault_disable() */
#define PR_OOPS_ATOMIC        10 /* copies from it, a spinlock held */
#define PR_OOPS_COPY_IRQS_OFF 11 /* copies from it, interrupts off */
#define PR_OOPS_NO_MM         12 /* copies from it, as a kernel thread */

/* prctl(PR_FAULTS, after, struct fault_entry *, count): our own faults in the
 * fault ledger, see docs/ledger.md. */
#define PR_FAULTS 0x464c0003

struct fault_entry {
    uint64_t id; /* 1, 2, 3 ... of the whole machine's */
    uint64_t address, ip;
    uint32_t tid;
    uint32_t error_code; /* the CPU's */
    uint32_t end;        /* FAULT_END_* */
    uint32_t reserved;
    /* TSC when it trapped, was queued, read, filled, woken, resumed; 0: not */
    uint64_t stage[6];
    uint64_t cycle[4]; /* FAULT_END_DEADLOCK: ids of those waited for */
};

#define FAULT_END_SPURIOUS   1 /* the access was allowed already */
#define FAULT_END_ZERO_PAGE  2
#define FAULT_END_NEW_PAGE   3
#define FAULT_END_COW_COPY   4
#define FAULT_END_COW_REUSE  5
#define FAULT_END_OBJECT_MAP 6
#define FAULT_END_OBJECT_COW 7
#define FAULT_END_PAGER      8
#define FAULT_END_FIXUP      9 /* a system call failed by EFAULT */
#define FAULT_END_SIGSEGV    10
#define FAULT_END_SIGBUS     11
#define FAULT_END_KILLED     12 /* left for a signal */
#define FAULT_END_DEADLOCK   13
