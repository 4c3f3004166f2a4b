/* What getrusage(2) and wait4(2) report of resources used. */
#ifndef KERNEL_RUSAGE_H
#define KERNEL_RUSAGE_H

#include <kernel/sys_proc.h>

/* Fills *ru: CPU time in ns (all of it as user time, the kernel does not tell
 * the two apart), minor and major faults; the rest is 0. */
void rusage_fill(struct rusage_k *ru, u64 run_ns, u64 min_flt, u64 maj_flt);

#endif
