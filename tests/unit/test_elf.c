/*
 * The ELF decoder against good images, every way of breaking one that matters,
 * and a great many mutated headers: whatever it accepts must lie in the file,
 * in the space, in order and without overlap.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../kernel/elf.c"

#define PHDRS     4
#define FILE_SIZE 0x5000ull

static const struct elf_space space = {0x10000, 0x7ffffffff000ull,
                                       0x555555554000ull};

/* A program as linkers make them: text, data with bss, a stack header. */
struct image {
    struct elf_header h;
    struct elf_phdr p[PHDRS];
};

static struct image good(u16 type)
{
    u64 base = type == ET_EXEC ? 0x400000 : 0;
    struct image i = {.h = {.ident = {0x7f, 'E', 'L', 'F', 2, 1, 1},
                            .type = type,
                            .machine = EM_X86_64,
                            .version = 1,
                            .entry = base + 0x1100,
                            .phoff = sizeof(struct elf_header),
                            .phentsize = sizeof(struct elf_phdr),
                            .phnum = PHDRS},
                      .p = {{PT_LOAD, PF_R, 0, base, 0, 0x800, 0x800, 0x1000},
                            {PT_LOAD, PF_R | PF_X, 0x1000, base + 0x1000, 0,
                             0x1800, 0x1800, 0x1000},
                            {PT_LOAD, PF_R | PF_W, 0x2f00, base + 0x3f00, 0,
                             0x200, 0x2200, 0x1000},
                            {PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 0, 0, 16}}};

    return i;
}

static int decode(const struct image *i, struct elf_image *out)
{
    int r = elf_check_header(&i->h, FILE_SIZE);

    return r ? r : elf_decode(&i->h, i->p, FILE_SIZE, &space, out);
}

static void test_exec(void **state)
{
    struct image i = good(ET_EXEC);
    struct elf_image e;

    (void)state;
    assert_int_equal(decode(&i, &e), 0);
    assert_int_equal(e.bias, 0);
    assert_int_equal(e.start, 0x400000);
    assert_int_equal(e.end, 0x407000);
    assert_int_equal(e.entry, 0x401100);
    assert_int_equal(e.phdrs, 0x400040);
    assert_int_equal(e.phnum, PHDRS);
    assert_false(e.exec_stack);
}

static void test_static_pie(void **state)
{
    struct image i = good(ET_DYN);
    struct elf_image e;

    (void)state;
    assert_int_equal(decode(&i, &e), 0);
    assert_int_equal(e.bias, 0x555555554000ull);
    assert_int_equal(e.entry, 0x555555555100ull);
    assert_int_equal(e.phdrs, 0x555555554040ull);
    i.p[1].align = 0x200000;
    assert_int_equal(decode(&i, &e), 0);
    assert_int_equal(e.start, 0x555555400000ull);
}

static void test_exec_stack(void **state)
{
    struct image i = good(ET_EXEC);
    struct elf_image e;

    (void)state;
    i.p[3].flags |= PF_X;
    assert_int_equal(decode(&i, &e), 0);
    assert_true(e.exec_stack);
}

/* The headers lie in no segment: AT_PHDR is 0. */
static void test_headers_unmapped(void **state)
{
    struct image i = good(ET_EXEC);
    struct elf_image e;

    (void)state;
    i.p[0].type = 0;
    assert_int_equal(decode(&i, &e), 0);
    assert_int_equal(e.phdrs, 0);
    assert_int_equal(e.start, 0x401000);
}

static void test_truncated_header(void **state)
{
    struct image i = good(ET_EXEC);

    (void)state;
    for (u64 size = 0; size < sizeof(i); size++)
        assert_int_equal(elf_check_header(&i.h, size), -ENOEXEC);
    assert_int_equal(elf_check_header(&i.h, sizeof(i)), 0);
}

/* Cut anywhere before the last segment's last byte. */
static void test_truncated_file(void **state)
{
    struct image i = good(ET_EXEC);
    struct elf_image e;

    (void)state;
    for (u64 size = sizeof(i); size < 0x3100; size++)
        assert_int_equal(elf_decode(&i.h, i.p, size, &space, &e), -ENOEXEC);
    assert_int_equal(elf_decode(&i.h, i.p, 0x3100, &space, &e), 0);
}

static void test_header_fields(void **state)
{
    struct image i = good(ET_EXEC);
    struct elf_image e;
    struct image b;

    (void)state;
#define BROKEN(change)                                                         \
    do {                                                                       \
        b = i;                                                                 \
        change;                                                                \
        assert_int_equal(decode(&b, &e), -ENOEXEC);                            \
    } while (0)
    BROKEN(b.h.ident[0] = 0);
    BROKEN(b.h.ident[4] = 1);
    BROKEN(b.h.ident[5] = 2);
    BROKEN(b.h.type = 1);
    BROKEN(b.h.machine = 3);
    BROKEN(b.h.phentsize = 55);
    BROKEN(b.h.phnum = 0);
    BROKEN(b.h.phnum = 0xffff);
    BROKEN(b.h.phoff = ~0ull);
    BROKEN(b.h.phoff = FILE_SIZE);
    BROKEN(b.h.entry = 0);
    BROKEN(b.h.entry = 0xffffffff80000000ull);
}

static void test_segment_fields(void **state)
{
    struct image i = good(ET_EXEC);
    struct elf_image e;
    struct image b;

    (void)state;
    BROKEN(b.p[3].type = PT_INTERP);
    BROKEN(b.p[0].type = b.p[1].type = b.p[2].type = 0);
    BROKEN(b.p[0].filesz = 0x801);
    BROKEN(b.p[2].offset = ~0ull - 0xff);
    BROKEN(b.p[2].offset = 0x2f01);
    BROKEN(b.p[2].memsz = ~0ull);
    BROKEN(b.p[2].memsz = 1ull << 47);
    BROKEN(b.p[2].vaddr = 0xffffffff80000f00ull);
    BROKEN(b.p[2].vaddr = ~0ull - 0x20ff);
    BROKEN(b.p[2].vaddr = 0x401f00);
    BROKEN(b.p[0].vaddr = 0x500000);
    BROKEN(b.p[0].vaddr = 0xf000);
    BROKEN(b.p[0].vaddr = 0);
    b = good(ET_DYN);
    b.p[1].align = 1ull << 62;
    assert_int_equal(decode(&b, &e), -ENOEXEC);
}

/* What must hold of anything that was accepted. */
static void check_accepted(const struct image *i, const struct elf_image *e)
{
    u64 floor = 0;

    assert_true(e->start >= space.low && e->end <= space.high);
    assert_true(e->start < e->end && e->start % ELF_PAGE == 0);
    assert_true(e->entry >= space.low && e->entry < space.high);
    for (unsigned n = 0; n < i->h.phnum; n++) {
        const struct elf_phdr *p = &i->p[n];
        u64 at = p->vaddr + e->bias;

        if (p->type != PT_LOAD || !p->memsz)
            continue;
        assert_true(p->filesz <= p->memsz);
        assert_true(p->offset + p->filesz <= FILE_SIZE);
        assert_true(at >= e->start && at >= floor);
        assert_true(p->memsz <= e->end - at);
        floor = at + p->memsz;
    }
}

/* A value that tends to break things. */
static u64 nasty(void)
{
    static const u64 values[] = {0,          1,
                                 0xfff,      0x1000,
                                 0x7fffffff, 1ull << 32,
                                 1ull << 47, 1ull << 63,
                                 ~0ull,      ~0xfffull,
                                 FILE_SIZE,  FILE_SIZE - 1,
                                 0x400000,   0x7fffffffe000};

    if (rand() % 4 == 0)
        return (u64)rand() << 33 ^ (u64)rand();
    return values[rand() % ARRAY_SIZE(values)] + (u64)(rand() % 3) - 1;
}

static void mutate(struct image *i)
{
    u64 value = nasty();
    size_t width = 1u << rand() % 4;
    size_t at = (size_t)rand() % (sizeof(*i) / width) * width;

    memcpy((char *)i + at, &value, width);
}

static void test_mutated(void **state)
{
    unsigned accepted = 0;

    (void)state;
    srand(1);
    for (int n = 0; n < 300000; n++) {
        struct image i = good(n & 1 ? ET_EXEC : ET_DYN);
        struct elf_image e;

        for (int k = rand() % 4; k >= 0; k--)
            mutate(&i);
        if (i.h.phnum > PHDRS || decode(&i, &e))
            continue;
        check_accepted(&i, &e);
        accepted++;
    }
    assert_true(accepted > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exec),
        cmocka_unit_test(test_static_pie),
        cmocka_unit_test(test_exec_stack),
        cmocka_unit_test(test_headers_unmapped),
        cmocka_unit_test(test_truncated_header),
        cmocka_unit_test(test_truncated_file),
        cmocka_unit_test(test_header_fields),
        cmocka_unit_test(test_segment_fields),
        cmocka_unit_test(test_mutated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
