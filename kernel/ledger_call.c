/*
 * A task reads its own faults from the ledger: prctl(PR_FAULTS), see
 * docs/ledger.md. Records come and go meanwhile; one that has gone by the time
 * it was copied is looked for again.
 */
#include <arch/uaccess.h>
#include <base/string.h>
#include <kernel/proc_faults.h>
#include <kernel/thread.h>
#include <mm/ledger.h>

_Static_assert(FAULT_END_SPURIOUS == END_SPURIOUS &&
                   FAULT_END_PAGER == END_PAGER &&
                   FAULT_END_DEADLOCK == END_DEADLOCK,
               "the two lists of ends are one");

/* The task's record with the lowest id above `after` that is over, or NULL. */
static const struct fault_record *next_record(u64 after, u32 pid)
{
    const struct fault_record *best = NULL, *rec;

    for (u32 cpu = 0; cpu < LEDGER_CPUS && ledger_rings[cpu]; cpu++)
        for (u32 i = 0; i < LEDGER_SLOTS; i++) {
            rec = &ledger_rings[cpu][i];
            if (rec->pid == pid && rec->id > after && !record_is_open(rec) &&
                (!best || rec->id < best->id))
                best = rec;
        }
    return best;
}

static struct fault_entry entry_of(const struct fault_record *rec)
{
    struct fault_entry e = {
        .id = rec->id,
        .address = rec->address,
        .ip = rec->ip,
        .tid = rec->tid,
        .error_code = rec->error_code,
        .end = rec->end,
    };

    _Static_assert(sizeof(e.stage) == sizeof(rec->stage), "stages as they are");
    memcpy(e.stage, rec->stage, sizeof(e.stage));
    if (rec->end == END_DEADLOCK)
        memcpy(e.cycle, rec->cycle, sizeof(e.cycle));
    return e;
}

long own_faults(u64 after, struct fault_entry __user *to, u64 count)
{
    u64 done = 0;

    if (!count)
        return -EINVAL;
    while (done < count && !thread_signal_pending(WAIT_KILLABLE)) {
        const struct fault_record *rec = next_record(after, current->task->pid);
        struct fault_entry e;

        if (!rec)
            break;
        e = entry_of(rec);
        if (READ_ONCE(rec->id) != e.id || !e.stage[STAGE_RESUMED])
            continue;
        if (copy_to_user(&to[done], &e, sizeof(e)))
            return done ? (long)done : -EFAULT;
        after = e.id;
        done++;
    }
    return (long)done;
}
