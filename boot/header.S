/*
 * The multiboot2 header (specification 3.1): in the first 32 KiB of the file,
 * 8-byte aligned. Asks for page-aligned modules and names the 32-bit entry; a
 * framebuffer is not asked for, so a BIOS machine stays in text mode.
 */
#include "multiboot2.h"

    .section .multiboot2, "a"
    .balign 8
header:
    .long MB2_HEADER_MAGIC
    .long 0 /* architecture: 32-bit protected mode */
    .long header_end - header
    .long -(MB2_HEADER_MAGIC + (header_end - header))

    .balign 8
    .short MB2_HEADER_ENTRY, 0
    .long 12
    .long _start

    .balign 8
    .short MB2_HEADER_MODULE_ALIGN, 0
    .long 8

    .balign 8
    .short MB2_HEADER_END, 0
    .long 8
header_end:

    .section .note.GNU-stack, "", @progbits
