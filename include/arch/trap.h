/* The CPU's fault codes in words. */
#pragma once

#include <base/types.h>

/* Decodes a page fault's error code: "user write, page not present". */
void fault_error_text(u32 error_code, char *buf, size_t size);
