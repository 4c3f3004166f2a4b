/*
 * Making an address space out of an ELF image: reads and decodes the headers
 * (kernel/elf.c), then performs - every segment a private mapping of the
 * memory object, the rest of it zeroed or anonymous as Linux leaves it. A
 * failure drops the half-made space and changes nothing else.
 */
#include <base/string.h>
#include <kernel/elf.h>
#include <kernel/exec.h>
#include <kernel/thread.h>
#include <uapi/faultline/mman.h>

/* Where Linux puts static-pie programs when it does not randomise. */
#define PIE_BASE 0x555555554000ull

_Static_assert(ELF_PAGE == PAGE_SIZE, "elf.c works in machine pages");

/* What is known of the file while it is loaded. */
struct loader {
    struct mem_object *image;
    struct mm_struct *mm;
    struct elf_header header;
    struct elf_phdr *phdrs;
    struct elf_image elf;
};

static int read_headers(struct loader *l)
{
    const struct elf_space space = {MMAP_MIN_ADDR, TASK_SIZE, PIE_BASE};
    struct elf_header *h = &l->header;
    size_t size;

    if (object_read(l->image, 0, h, sizeof(*h)) != sizeof(*h) ||
        elf_check_header(h, l->image->size))
        return -ENOEXEC;
    size = h->phnum * sizeof(*l->phdrs);
    l->phdrs = kmalloc(size);
    if (!l->phdrs)
        return -ENOMEM;
    if (object_read(l->image, h->phoff, l->phdrs, size) != size)
        return -ENOEXEC;
    return elf_decode(h, l->phdrs, l->image->size, &space, &l->elf);
}

static u64 segment_prot(const struct elf_phdr *p)
{
    return (p->flags & PF_R ? PROT_READ : 0) |
           (p->flags & PF_W ? PROT_WRITE : 0) |
           (p->flags & PF_X ? PROT_EXEC : 0);
}

/* One fixed private mapping; nothing for an empty range. */
static int map_range(struct loader *l, u64 start, u64 end, u64 prot,
                     struct mem_object *object, u64 offset)
{
    u64 flags = MAP_PRIVATE | MAP_FIXED | (object ? 0 : MAP_ANONYMOUS);
    long r;

    if (start >= end)
        return 0;
    r = do_mmap(l->mm, start, end - start, prot, flags, object,
                offset >> PAGE_SHIFT, false);
    return r < 0 ? (int)r : 0;
}

/* Clears what lies behind the file's bytes in their last page, if the program
 * may write there (else it sees the file's, as on Linux). */
static int clear_tail(struct mm_struct *mm, u64 from)
{
    size_t offset = from % PAGE_SIZE;
    struct page *page;
    int r;

    if (!offset)
        return 0;
    r = mm_pin_page(mm, from, PIN_WRITE, &page);
    if (r)
        return r == -EFAULT ? -ENOMEM : r;
    memset((char *)page_address(page) + offset, 0, PAGE_SIZE - offset);
    put_page(page);
    return 0;
}

static int map_segment(struct loader *l, const struct elf_phdr *p)
{
    u64 start = l->elf.bias + p->vaddr;
    u64 file_end = start + p->filesz, end = start + p->memsz;
    u64 prot = segment_prot(p);
    u64 mapped = ALIGN_DOWN(start, PAGE_SIZE); /* so far, from the file */
    int r;

    if (p->filesz) {
        mapped = ALIGN_UP(file_end, PAGE_SIZE);
        r = map_range(l, ALIGN_DOWN(start, PAGE_SIZE), mapped, prot, l->image,
                      ALIGN_DOWN(p->offset, PAGE_SIZE));
        if (!r && p->memsz > p->filesz && (prot & PROT_WRITE))
            r = clear_tail(l->mm, file_end);
        if (r)
            return r;
    }
    return map_range(l, mapped, ALIGN_UP(end, PAGE_SIZE), prot, NULL, 0);
}

/* The lowest and highest executable bytes, for whoever shows the space, and
 * the last segment, for RLIMIT_DATA. */
static void note_segment(struct loader *l, const struct elf_phdr *p)
{
    u64 start = l->elf.bias + p->vaddr;

    l->mm->start_data = start;
    l->mm->end_data = start + p->filesz;
    if (!(p->flags & PF_X))
        return;
    if (!l->mm->start_code)
        l->mm->start_code = start;
    l->mm->end_code = start + p->filesz;
}

static int map_image(struct loader *l)
{
    int r;

    for (unsigned i = 0; i < l->header.phnum; i++) {
        const struct elf_phdr *p = &l->phdrs[i];

        if (p->type != PT_LOAD || !p->memsz)
            continue;
        r = map_segment(l, p);
        if (r)
            return r;
        note_segment(l, p);
    }
    l->mm->start_brk = l->mm->brk = l->elf.end;
    return 0;
}

static int load(struct loader *l, const char *name,
                const struct exec_args *args, struct exec_program *program)
{
    int r = read_headers(l);

    if (r)
        return r;
    l->mm = mm_create();
    if (!l->mm)
        return -ENOMEM;
    if (current->mm) {
        mm_set_group(l->mm, current->mm->group);
        l->mm->mdwe = mdwe_inherited(current->mm);
    }
    mm_note_limit(l->mm, RLIMIT_AS, rlimit_current(RLIMIT_AS).cur);
    mm_note_limit(l->mm, RLIMIT_DATA, rlimit_current(RLIMIT_DATA).cur);
    program->mm = l->mm;
    program->ip = l->elf.entry;
    r = map_image(l);
    if (!r)
        r = vdso_map(l->mm, &program->vdso);
    if (!r)
        r = exec_stack_build(program, &l->elf, name, args);
    if (r)
        mm_put(l->mm);
    return r;
}

int exec_load(struct mem_object *image, const char *name,
              const struct exec_args *args, struct exec_program *program)
{
    struct loader l = {.image = image};
    int r = load(&l, name, args, program);

    kfree(l.phdrs);
    return r;
}
