/*
 * The initial stack of a program, see the System V ABI, x86-64 supplement,
 * figure 3.9, and getauxval(3). From the top down:
 *
 *   STACK_TOP -> 8 bytes of 0
 *                name (AT_EXECFN), environment and argument strings
 *                "x86_64" (AT_PLATFORM), 16 random bytes (AT_RANDOM)
 *                auxiliary vector, ending with AT_NULL
 *                envp[], NULL, argv[], NULL
 *         sp ->  argc                                    16-byte aligned
 *
 * Written page by page through the kernel's own mapping of the new space.
 */
#include <arch/machine.h>
#include <base/string.h>
#include <kernel/elf.h>
#include <kernel/exec.h>
#include <kernel/random.h>
#include <mm/mm.h>
#include <uapi/faultline/mman.h>

#define STACK_ROOM (128ull << 10) /* mapped below the vectors at the start */
#define AUX_MAX    20             /* pairs */
#define CLOCK_TICK 100            /* of times(2), per second */

enum {
    AT_NULL = 0,
    AT_PHDR = 3,
    AT_PHENT = 4,
    AT_PHNUM = 5,
    AT_PAGESZ = 6,
    AT_BASE = 7,
    AT_FLAGS = 8,
    AT_ENTRY = 9,
    AT_UID = 11,
    AT_EUID = 12,
    AT_GID = 13,
    AT_EGID = 14,
    AT_PLATFORM = 15,
    AT_HWCAP = 16,
    AT_CLKTCK = 17,
    AT_SECURE = 23,
    AT_RANDOM = 25,
    AT_EXECFN = 31,
    AT_SYSINFO_EHDR = 33,
};

/* The stack as it grows down, and where the pieces ended up. */
struct stack {
    struct mm_struct *mm;
    u64 sp;
    u64 name, strings, platform, random;
    u64 *words; /* argc, vectors, auxiliary vector */
    unsigned count;
};

/* Writes into another address space; 0, -ENOMEM, -EINTR. */
static int mm_write(struct mm_struct *mm, u64 addr, const void *src, size_t n)
{
    while (n) {
        size_t offset = addr % PAGE_SIZE;
        size_t part = min(n, PAGE_SIZE - offset);
        struct page *page;
        int r = mm_pin_page(mm, addr, PIN_WRITE, &page);

        if (r)
            return r == -EFAULT ? -ENOMEM : r;
        memcpy((char *)page_address(page) + offset, src, part);
        put_page(page);
        addr += part;
        src = (const char *)src + part;
        n -= part;
    }
    return 0;
}

/* Puts n bytes on the stack; *where says where. */
static int push(struct stack *s, const void *src, size_t n, u64 *where)
{
    s->sp -= n;
    *where = s->sp;
    return mm_write(s->mm, s->sp, src, n);
}

static int push_strings(struct stack *s, const char *name,
                        const struct exec_args *args)
{
    static const char platform[] = "x86_64";
    u8 random[16];
    int r;

    random_bytes(random, sizeof(random));
    s->sp -= sizeof(u64);
    r = push(s, name, strlen(name) + 1, &s->name);
    if (!r)
        r = push(s, args->strings, args->bytes, &s->strings);
    if (!r)
        r = push(s, platform, sizeof(platform), &s->platform);
    return r ? r : push(s, random, sizeof(random), &s->random);
}

static void word(struct stack *s, u64 value)
{
    s->words[s->count++] = value;
}

static void aux(struct stack *s, u64 type, u64 value)
{
    word(s, type);
    word(s, value);
}

/* Pointers to n strings that begin at *at in the buffer, and the NULL. */
static void pointers(struct stack *s, const struct exec_args *args, unsigned n,
                     size_t *at)
{
    while (n--) {
        word(s, s->strings + *at);
        *at += strlen(args->strings + *at) + 1;
    }
    word(s, 0);
}

static void fill_words(struct stack *s, const struct elf_image *elf, u64 vdso,
                       const struct exec_args *args)
{
    size_t at = 0;

    word(s, args->argc);
    pointers(s, args, args->argc, &at);
    pointers(s, args, args->envc, &at);
    aux(s, AT_SYSINFO_EHDR, vdso);
    aux(s, AT_HWCAP, arch_hwcap());
    aux(s, AT_PAGESZ, PAGE_SIZE);
    aux(s, AT_CLKTCK, CLOCK_TICK);
    aux(s, AT_PHDR, elf->phdrs);
    aux(s, AT_PHENT, sizeof(struct elf_phdr));
    aux(s, AT_PHNUM, elf->phnum);
    aux(s, AT_BASE, 0);
    aux(s, AT_FLAGS, 0);
    aux(s, AT_ENTRY, elf->entry);
    aux(s, AT_UID, 0);
    aux(s, AT_EUID, 0);
    aux(s, AT_GID, 0);
    aux(s, AT_EGID, 0);
    aux(s, AT_SECURE, 0);
    aux(s, AT_RANDOM, s->random);
    aux(s, AT_EXECFN, s->name);
    aux(s, AT_PLATFORM, s->platform);
    aux(s, AT_NULL, 0);
}

/* Maps the stack: `used` bytes and some room, within the limit. */
static int map_stack(struct mm_struct *mm, u64 used, bool exec)
{
    u64 size = ALIGN_UP(used, PAGE_SIZE) + STACK_ROOM;
    u64 limit = ALIGN_DOWN(rlimit_current(RLIMIT_STACK).cur, PAGE_SIZE);
    int r;

    if (used > limit)
        return -E2BIG;
    size = min(size, limit);
    r = mmap_stack(mm, STACK_TOP, size);
    if (!r && exec)
        r = do_mprotect(mm, STACK_TOP - size, size,
                        PROT_READ | PROT_WRITE | PROT_EXEC);
    return r;
}

int exec_stack_build(struct exec_program *program, const struct elf_image *elf,
                     const char *name, const struct exec_args *args)
{
    struct stack s = {.mm = program->mm, .sp = STACK_TOP};
    size_t words = 3 + args->argc + args->envc + 2 * AUX_MAX;
    size_t strings = args->bytes + strlen(name) + 64;
    int r = map_stack(s.mm, strings + words * sizeof(u64), elf->exec_stack);

    if (r)
        return r;
    s.words = kmalloc(words * sizeof(u64));
    if (!s.words)
        return -ENOMEM;
    r = push_strings(&s, name, args);
    if (!r) {
        fill_words(&s, elf, program->vdso, args);
        s.sp = ALIGN_DOWN(s.sp - s.count * sizeof(u64), 16);
        r = mm_write(s.mm, s.sp, s.words, s.count * sizeof(u64));
    }
    kfree(s.words);
    program->sp = s.mm->start_stack = s.sp;
    return r;
}
