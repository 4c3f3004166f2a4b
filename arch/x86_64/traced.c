/*
 * What tracing needs of the machine: QEMU's debug console, and the
 * system-call stub that goes through the trace (entry.S).
 */
#include <arch/machine.h>
#include <asm/msr.h>
#include <asm/regs.h>
#include <asm/setup.h>
#include <kernel/trace_stream.h>

#define DEBUG_PORT 0xe9

void debug_write(const void *data, size_t n)
{
    __asm__ volatile("rep outsb"
                     : "+S"(data), "+c"(n)
                     : "d"(DEBUG_PORT)
                     : "memory");
}

void arch_trace_syscalls(void)
{
    syscall_stub = syscall_entry_traced;
    wrmsr(MSR_LSTAR, (u64)syscall_stub);
}

/* Called by the stub, with the number in range. */
long syscall_traced(const struct regs *r);

long syscall_traced(const struct regs *r)
{
    const u64 arg[] = {r->di, r->si, r->dx, r->r10, r->r8, r->r9};

    return trace_syscall(r->orig_ax, arg);
}
