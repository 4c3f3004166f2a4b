/*
 * Multiboot2's numbers (specification 2.0, sections 3.1 and 3.6) and the
 * parser of what the loader left in memory. Assembly includes this too.
 */
#pragma once

#define MB2_HEADER_MAGIC 0xe85250d6
#define MB2_LOADER_MAGIC 0x36d76289

/* Header tags */
#define MB2_HEADER_END          0
#define MB2_HEADER_ENTRY        3
#define MB2_HEADER_MODULE_ALIGN 6

#ifndef __ASSEMBLER__
#include <kernel/boot_info.h>

/*
 * Reads the boot information at info, of which avail bytes may be read, into
 * *out; out->kernel_start and kernel_end say where the image lies. Everything
 * is copied. Returns 0; or -EINVAL (malformed), -ENOENT (something needed is
 * missing), -E2BIG (more regions or modules than we hold), and then
 * multiboot2_reason() is a sentence about it.
 */
__must_check int multiboot2_parse(const void *info, size_t avail,
                                  struct boot_info *out);
const char *multiboot2_reason(void);

#endif
