/*
 * What the boot loader said, parsed once into one structure (boot/ fills it,
 * everybody reads it). Strings are copied: the loader's memory is reused.
 */
#pragma once

#include <base/types.h>

#define BOOT_MAX_REGIONS 64
#define BOOT_MAX_MODULES 32
#define BOOT_CMDLINE_MAX 2048
#define BOOT_NAME_MAX    64

enum boot_region_type {
    BOOT_REGION_USABLE = 1,
    BOOT_REGION_RESERVED = 2,
    BOOT_REGION_ACPI_RECLAIM = 3,
    BOOT_REGION_ACPI_NVS = 4,
    BOOT_REGION_BAD = 5,
};

struct boot_region {
    phys_addr_t base;
    u64 length;
    u32 type;
};

struct boot_module {
    phys_addr_t start, end; /* start is page aligned */
    char name[BOOT_NAME_MAX];
};

struct boot_framebuffer {
    phys_addr_t base;
    u32 pitch, width, height;
    u8 bpp, type;
};

struct boot_info {
    unsigned region_count, module_count;
    struct boot_region regions[BOOT_MAX_REGIONS];
    struct boot_module modules[BOOT_MAX_MODULES];
    char cmdline[BOOT_CMDLINE_MAX];
    char loader[BOOT_NAME_MAX];
    struct boot_framebuffer framebuffer; /* width 0: none */
    u8 rsdp[36];                         /* first bytes all 0: none */
    phys_addr_t kernel_start, kernel_end;
    u64 first_cycles; /* cycles() at the kernel's first instruction */
};

extern struct boot_info boot_info;

/* True if the word `name` stands among the kernel options (before `--`). */
bool boot_option(const char *name);

/* Value of `name=value` among the kernel options, copied into buf; returns
 * its length or -ENOENT. */
__must_check int boot_option_value(const char *name, char *buf, size_t size);

/* The words after `--`, or "". */
const char *boot_init_args(void);

/* Fills boot_info from the loader's at physical address pa, which the boot
 * tables map; ends the machine with END_BOOT_ERROR if it is malformed. */
void boot_info_read(phys_addr_t pa);

/* Tells memblock what memory there is, and what of it is taken. */
void boot_memory_init(void);
