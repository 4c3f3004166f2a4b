/* Bringing the machine up: the steps kernel_main() takes, in this order. */
#pragma once

#include <base/types.h>

/* Per-CPU data, console UART, segments, exceptions, protection features. From
 * here on printk() works and a fault is reported. */
void arch_init_early(void);

/* The final page tables, after memblock knows the memory; ends the 1:1
 * mapping. */
void arch_init_memory(void);

/* Exception stacks, FPU, interrupt controllers, clocks: after mm_init(). */
void arch_init_devices(void);

/* Starts the other processors, which end in sched_idle_loop(): after
 * sched_init(). */
void smp_init(void);

/* Runs the kernel's test of that name (`test=NAME`); panics when it fails or
 * there is none. Needs the scheduler. */
void arch_selftest(const char *name);

/* prctl(PR_OOPS): -EINVAL unless `test=oops` was said, or another mistake. */
long arch_selftest_call(u64 what, u64 addr);
