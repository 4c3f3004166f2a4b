/*
 * The machine-readable trace: records and the debug console they go to. The
 * format is in the header; tools/faultscope reads it. Relies on the ledger's
 * hook for faults and on kernel/trace_syscall.c for calls.
 */
#include <arch/machine.h>
#include <base/spinlock.h>
#include <kernel/boot_info.h>
#include <kernel/trace_stream.h>

bool trace_streams;
static spinlock_t lock = SPINLOCK_INIT_CLASS(LOCK_CONSOLE);

void trace_write(enum trace_type type, u32 tid, u64 time, const void *data,
                 size_t n)
{
    struct trace_head head = {
        .type = type,
        .cpu = (u8)cpu_id(),
        .size = (u16)(sizeof(head) + n),
        .tid = tid,
        .time = time,
    };
    u64 flags = spin_lock_irqsave(&lock);

    debug_write(&head, sizeof(head));
    debug_write(data, n);
    spin_unlock_irqrestore(&lock, flags);
}

void trace_fault(const struct fault_record *rec)
{
    trace_write(TRACE_FAULT, rec->tid, rec->stage[STAGE_RESUMED], rec,
                rec->end == END_DEADLOCK
                    ? sizeof(*rec)
                    : offsetof(struct fault_record, cycle));
}

void trace_switch(u32 from, u32 to, u64 now)
{
    u64 next = to;

    trace_write(TRACE_SWITCH, from, now, &next, sizeof(next));
}

void trace_stream_init(void)
{
    u64 start[] = {TRACE_MAGIC, ns_to_cycles(1000000)};

    trace_streams = boot_option("stream");
    if (trace_streams || boot_option("calls"))
        arch_trace_syscalls();
    if (trace_streams)
        trace_write(TRACE_START, 0, cycles(), start, sizeof(start));
}
