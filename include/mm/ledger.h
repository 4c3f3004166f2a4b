/*
 * The fault ledger: every user fault leaves one record in a per-CPU ring that
 * the console's story, GDB, the trace viewer and the grader read.
 */
#pragma once

#include <arch/cpu.h>
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
    END_DEADLOCK, /* of a cycle of pagers; SIGBUS, or EFAULT */
};

struct fault_record {
    u64 id; /* 1, 2, 3 ... over all CPUs; 0: slot never used */
    u64 address, ip;
    u32 pid, tid;
    u32 error_code;                    /* the CPU's */
    u32 end;                           /* enum fault_end */
    u64 vma_start, vma_end, vma_flags; /* 0,0: no area found */
    u64 walk_before[4];                /* entries, root first; 0: none */
    u64 walk_after[4];
    u64 stage[STAGE_COUNT];
    u64 cycle[4]; /* END_DEADLOCK: ids of the faults waited for; 0: no more.
                     Last */
};

#define LEDGER_SLOTS 1024 /* per CPU, a power of two */

/* Gives another CPU its ring; false: no memory. */
__must_check bool ledger_add_cpu(u32 cpu);

/* The rings, where each goes on, and the last id given out: mm/ledger.c. */
#define LEDGER_CPUS 64
extern struct fault_record *ledger_rings[LEDGER_CPUS];
extern u32 ledger_next[LEDGER_CPUS];
extern u64 ledger_last_id;

/* Set by kernel/: called at ledger_finish() when not NULL. */
extern void (*ledger_on_finish)(const struct fault_record *rec);

static inline bool record_is_open(const struct fault_record *rec)
{
    return rec->id && !rec->stage[STAGE_RESUMED];
}

/* The oldest slot that is not in use; with all in use, the oldest. */
struct fault_record *ledger_slot_free(u32 cpu);

/*
 * A fresh record (oldest slot of this CPU), id and STAGE_TRAP set. What it
 * says of the area and the walk is the caller's to fill in, or, before
 * ledger_finish(), to clear. Inline, for every fault pays for it.
 */
static inline struct fault_record *ledger_begin(u64 address, u64 ip,
                                                u32 error_code)
{
    u32 cpu = cpu_id();
    struct fault_record *rec =
        &ledger_rings[cpu][ledger_next[cpu]++ % LEDGER_SLOTS];

    if (unlikely(record_is_open(rec)))
        rec = ledger_slot_free(cpu);
    rec->id = __atomic_add_fetch(&ledger_last_id, 1, __ATOMIC_RELAXED);
    rec->address = address;
    rec->ip = ip;
    rec->error_code = error_code;
    rec->end = END_OPEN;
    rec->stage[STAGE_TRAP] = cycles();
    rec->stage[STAGE_QUEUED] = 0;
    rec->stage[STAGE_READ] = 0;
    rec->stage[STAGE_FILLED] = 0;
    rec->stage[STAGE_WOKEN] = 0;
    rec->stage[STAGE_RESUMED] = 0;
    return rec;
}

/* A record for a wait that is no trap: it has its id, and is in no ring. */
void ledger_own(struct fault_record *rec);

/* The fault is over. Notifies the story printer if tracing. */
static inline void ledger_finish(struct fault_record *rec, enum fault_end end)
{
    rec->end = end;
    rec->stage[STAGE_RESUMED] = cycles();
    if (unlikely(ledger_on_finish != NULL))
        ledger_on_finish(rec);
}
