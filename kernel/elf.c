/*
 * Decides whether a file is an ELF64 program we run, and where it goes. Pure:
 * reads the headers it is given and nothing else. Every sum is checked for
 * wrapping before it is used. Relies on base/ only.
 */
#include <base/errno.h>
#include <kernel/elf.h>

static const u8 elf_ident[6] = {0x7f, 'E', 'L', 'F', 2 /* 64 bits */,
                                1 /* little endian */};

/* Beyond any user address; small enough to be rounded up. */
#define VADDR_MAX (1ull << 63)

/* [offset, offset + size) lies in a file of file_size bytes. */
static bool in_file(u64 offset, u64 size, u64 file_size)
{
    return offset <= file_size && size <= file_size - offset;
}

int elf_check_header(const struct elf_header *h, u64 file_size)
{
    if (file_size < sizeof(*h))
        return -ENOEXEC;
    for (unsigned i = 0; i < sizeof(elf_ident); i++)
        if (h->ident[i] != elf_ident[i])
            return -ENOEXEC;
    if ((h->type != ET_EXEC && h->type != ET_DYN) || h->machine != EM_X86_64)
        return -ENOEXEC;
    if (h->phentsize != sizeof(struct elf_phdr) || h->phnum == 0 ||
        h->phnum > ELF_PHDRS_MAX)
        return -ENOEXEC;
    if (!in_file(h->phoff, h->phnum * sizeof(struct elf_phdr), file_size))
        return -ENOEXEC;
    return 0;
}

/* One PT_LOAD by itself; floor: where the one before it ended. */
static bool segment_ok(const struct elf_phdr *p, u64 file_size, u64 floor)
{
    if (p->filesz > p->memsz || !in_file(p->offset, p->filesz, file_size))
        return false;
    if (p->vaddr < floor || p->vaddr > VADDR_MAX ||
        p->memsz > VADDR_MAX - p->vaddr)
        return false;
    return !p->filesz || (p->vaddr - p->offset) % ELF_PAGE == 0;
}

/* Takes one PT_LOAD into the span of all (floor 0: it is the first). */
static int take_segment(const struct elf_header *h, const struct elf_phdr *p,
                        u64 file_size, u64 *floor, struct elf_image *out)
{
    if (!p->memsz)
        return 0;
    if (!segment_ok(p, file_size, *floor))
        return -ENOEXEC;
    if (!*floor)
        out->start = ALIGN_DOWN(p->vaddr, ELF_PAGE);
    *floor = p->vaddr + p->memsz;
    out->end = ALIGN_UP(*floor, ELF_PAGE);
    if (!out->phdrs && p->offset <= h->phoff &&
        h->phoff - p->offset < p->filesz)
        out->phdrs = p->vaddr + (h->phoff - p->offset);
    return 0;
}

/* Largest alignment any segment asks for; nonsense is not heard. */
static u64 image_align(const struct elf_phdr *phdrs, unsigned n)
{
    u64 align = ELF_PAGE;

    for (unsigned i = 0; i < n; i++) {
        u64 a = phdrs[i].align;

        if (phdrs[i].type == PT_LOAD && a > align && !(a & (a - 1)))
            align = a;
    }
    return align;
}

/* Chooses the bias, and checks the whole span against the space. */
static int place_image(const struct elf_header *h, u64 align,
                       const struct elf_space *space, struct elf_image *out)
{
    u64 size = out->end - out->start;

    out->bias = 0;
    if (h->type == ET_DYN)
        out->bias = ALIGN_DOWN(space->pie_base, align) - out->start;
    out->start += out->bias;
    if (out->start < space->low || out->start > space->high ||
        size > space->high - out->start)
        return -ENOEXEC;
    out->end = out->start + size;
    out->entry = h->entry + out->bias;
    if (out->entry < space->low || out->entry >= space->high)
        return -ENOEXEC;
    if (out->phdrs)
        out->phdrs += out->bias;
    return 0;
}

int elf_decode(const struct elf_header *h, const struct elf_phdr *phdrs,
               u64 file_size, const struct elf_space *space,
               struct elf_image *out)
{
    u64 floor = 0;

    out->phdrs = 0;
    out->phnum = h->phnum;
    out->exec_stack = false;
    for (unsigned i = 0; i < h->phnum; i++) {
        const struct elf_phdr *p = &phdrs[i];

        if (p->type == PT_INTERP)
            return -ENOEXEC;
        if (p->type == PT_GNU_STACK)
            out->exec_stack = p->flags & PF_X;
        if (p->type == PT_LOAD && take_segment(h, p, file_size, &floor, out))
            return -ENOEXEC;
    }
    if (!floor)
        return -ENOEXEC;
    return place_image(h, image_align(phdrs, h->phnum), space, out);
}
