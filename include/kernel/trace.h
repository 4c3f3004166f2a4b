/* The console's story of each fault (`trace` on the command line), and the
 * line that names a task killed by one. */
#pragma once

#include <mm/ledger.h>

/* Hooks the story printer into the ledger when `trace` is given. */
void trace_init(void);

/* Prints one record as a story. */
void trace_story(const struct fault_record *rec);

/* What became of a fault, in words: enum fault_end. */
const char *trace_end_text(u32 end);

/* "task NAME[pid/tid] killed: SIGSEGV (SEGV_MAPERR) at ..." */
void trace_killed(int sig, int code, u64 addr);
