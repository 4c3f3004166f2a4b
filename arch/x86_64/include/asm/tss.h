/*
 * Segments and the task state segment (Intel SDM vol. 3, 3.4.5 and 8.7). The
 * selectors are those SYSCALL and SYSRET compute, and the ones user code sees
 * on Linux. Assembly includes this too.
 */
#pragma once

#define KERNEL_CS   0x10
#define KERNEL_DS   0x18
#define USER32_CS   0x23 /* slot kept empty: there is no 32-bit user code */
#define USER_DS     0x2b
#define USER_CS     0x33
#define TSS_SEL     0x40
#define GDT_ENTRIES 10

/* Interrupt stack table slots, 1-based as gates name them. */
#define IST_DF    1
#define IST_NMI   2
#define IST_MC    3
#define IST_COUNT 3

#ifndef __ASSEMBLER__
#include <base/types.h>

struct tss {
    u32 reserved0;
    u64 rsp0, rsp1, rsp2;
    u64 reserved1;
    u64 ist[7];
    u64 reserved2;
    u16 reserved3, iomap_base;
} __packed;

#endif
