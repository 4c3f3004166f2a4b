/*
 * The system-call table: entry number -> handler. A handler is an ordinary C
 * function sys_NAME() of up to six register arguments that returns a value or
 * -errno; the entry code calls syscall_table[nr] directly, so unimplemented
 * slots hold sys_ni_syscall (ENOSYS). kernel/syscall_table.c is the one list.
 */
#pragma once

#include <base/types.h>

#define SYSCALL_COUNT 512

typedef long (*syscall_fn)(u64, u64, u64, u64, u64, u64);
extern const syscall_fn syscall_table[SYSCALL_COUNT];

/* Linux's name for a number, NULL: it has none. Slow. */
const char *syscall_name(u64 number);
