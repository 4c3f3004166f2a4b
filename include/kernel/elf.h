/*
 * ELF64 images: what the file must say before anything is mapped. Decoding is
 * pure (no memory, no locks), so the host tests feed it every kind of nonsense;
 * kernel/exec.c performs what was decoded. Relies on base/ only.
 * Manual: System V ABI, chapters 4 and 5; its x86-64 supplement.
 */
#pragma once

#include <base/types.h>

#define ELF_PAGE      4096ull
#define ELF_PHDRS_MAX 1170 /* 64 KiB of program headers, as Linux allows */

#define ET_EXEC   2
#define ET_DYN    3
#define EM_X86_64 62

#define PT_LOAD      1u
#define PT_INTERP    3u
#define PT_GNU_STACK 0x6474e551u

#define PF_X 1u
#define PF_W 2u
#define PF_R 4u

struct elf_header {
    u8 ident[16];
    u16 type, machine;
    u32 version;
    u64 entry, phoff, shoff;
    u32 flags;
    u16 ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct elf_phdr {
    u32 type, flags;
    u64 offset, vaddr, paddr, filesz, memsz, align;
};

/* Where programs may lie: [low, high), and where a static-pie goes. */
struct elf_space {
    u64 low, high, pie_base;
};

/* A valid image. Addresses are final: the bias is already in them. */
struct elf_image {
    u64 bias;       /* add to every address in the headers; may wrap */
    u64 start, end; /* all segments, whole pages */
    u64 entry;
    u64 phdrs; /* the program headers in memory; 0: in no segment */
    u32 phnum;
    bool exec_stack; /* PT_GNU_STACK asks for an executable stack */
};

/* The header's first checks; then phnum program headers at phoff, all within
 * the file, are to be read. Returns 0 or -ENOEXEC. */
__must_check int elf_check_header(const struct elf_header *h, u64 file_size);

/*
 * Checks every segment against file and space, and fills *out. PT_LOAD
 * segments of a good image ascend, do not overlap, lie in the file and in the
 * space, and need no interpreter. Returns 0 or -ENOEXEC.
 */
__must_check int elf_decode(const struct elf_header *h,
                            const struct elf_phdr *phdrs, u64 file_size,
                            const struct elf_space *space,
                            struct elf_image *out);
