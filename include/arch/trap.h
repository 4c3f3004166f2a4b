/* The CPU's fault codes in words. */
#ifndef ARCH_TRAP_H
#define ARCH_TRAP_H

#include <base/types.h>

/* Decodes a page fault's error code: "user write, page not present". */
void fault_error_text(u32 error_code, char *buf, size_t size);

#endif
