/*
 * The fault ledger: every user fault leaves one record in a per-CPU ring that
 * the console's story, GDB, the trace viewer and the grader read.
 */
#ifndef MM_LEDGER_H
#define MM_LEDGER_H

#include <base/types.h>

/* Stages of a fault; the record holds cycles() for each, 0 if not reached. */
enum fault_stage {
    STAGE_TRAP,
    STAGE_QUEUED,
    STAGE_READ,
    STAGE_FILLED,
    STAGE_WOKEN,
    STAGE_RESUMED,
    STAGE_COUNT,
};

/* What became of it. */
enum fault_end {
    END_OPEN, /* still going on */
    END_SPURIOUS,
    END_ZERO_PAGE,  /* read of untouched anonymous memory */
    END_NEW_PAGE,   /* write to untouched anonymous memory */
    END_COW_COPY,   /* private copy made */
    END_COW_REUSE,  /* the page was ours alone */
    END_OBJECT_MAP, /* object's page mapped */
    END_OBJECT_COW, /* private copy of an object's page */
    END_PAGER,      /* a userfaultfd pager filled it */
    END_FIXUP,      /* kernel access, exception table: EFAULT */
    END_SIGSEGV,
    END_SIGBUS,
    END_KILLED,
};

struct fault_record {
    u64 id; /* 1, 2, 3 ... over all CPUs; 0: slot never used */
    u64 address, ip;
    u32 pid, tid;
    u32 error_code;                    /* the CPU's */
    u32 end;                           /* enum fault_end */
    u64 vma_start, vma_end, vma_flags; /* 0,0: no area found */
    u64 walk_before[4], walk_after[4]; /* entries, root first; 0: none */
    u64 stage[STAGE_COUNT];
};

#define LEDGER_SLOTS 1024 /* per CPU, a power of two */

/* Gives another CPU its ring; false: no memory. */
__must_check bool ledger_add_cpu(u32 cpu);

/* A fresh record (oldest slot of this CPU), id and STAGE_TRAP set. */
struct fault_record *ledger_begin(u64 address, u64 ip, u32 error_code);

/* The fault is over. Notifies the story printer if tracing. */
void ledger_finish(struct fault_record *rec, enum fault_end end);

/* Calls fn for the records still in the rings, oldest first per CPU. */
void ledger_each(void (*fn)(const struct fault_record *, void *), void *arg);

/* Set by kernel/: called at ledger_finish() when not NULL. */
extern void (*ledger_on_finish)(const struct fault_record *rec);

#endif
