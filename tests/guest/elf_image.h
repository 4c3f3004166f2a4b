/*
 * Small programs in memory objects, for tests of execveat(2): an ELF image of
 * one segment, the whole first page of the file, at a fixed address.
 */
#pragma once

#include <elf.h>

#include "tap.h"

#define IMAGE_BASE 0x10000000UL

/* Writes it, with the code at 0x200, to a file that is a page long. */
static inline void write_image(int fd, const char *code, const char *code_end,
                               unsigned rights)
{
    Elf64_Ehdr header = {
        .e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_EXEC,
        .e_machine = EM_X86_64,
        .e_version = EV_CURRENT,
        .e_entry = IMAGE_BASE + 0x200,
        .e_phoff = sizeof(header),
        .e_ehsize = sizeof(header),
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = 1,
    };
    Elf64_Phdr segment = {
        .p_type = PT_LOAD,
        .p_flags = rights,
        .p_vaddr = IMAGE_BASE,
        .p_filesz = 4096,
        .p_memsz = 4096,
        .p_align = 4096,
    };
    ssize_t size = code_end - code;

    must(!ftruncate(fd, 4096));
    must(pwrite(fd, &header, sizeof(header), 0) == sizeof(header));
    must(pwrite(fd, &segment, sizeof(segment), sizeof(header)) ==
         sizeof(segment));
    must(pwrite(fd, code, size, 0x200) == size);
}
