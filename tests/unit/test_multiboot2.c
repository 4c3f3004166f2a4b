/*
 * The boot-information parser on blobs made here: a good one, each way to be
 * malformed, and random mutations of the good one. The blob lies at the end of
 * an exactly sized allocation, so that ASan sees every byte read beyond it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "../../boot/multiboot2.c"
#include "../../boot/options.c"

#define BLOB_MAX     8192
#define KERNEL_START 0x100000u
#define KERNEL_END   0x180000u
#define MUTATIONS    200000

static u8 blob[BLOB_MAX];
static size_t blob_size;

static void put32(u32 v)
{
    memcpy(blob + blob_size, &v, 4);
    blob_size += 4;
}

static void put64(u64 v)
{
    put32((u32)v);
    put32((u32)(v >> 32));
}

/* The words of a tag are put by the caller; ends it and pads. */
static size_t tag_begin(u32 type)
{
    size_t at = blob_size;

    put32(type);
    put32(0);
    return at;
}

static void tag_end(size_t at)
{
    u32 size = (u32)(blob_size - at);

    memcpy(blob + at + 4, &size, 4);
    while (blob_size % 8)
        blob[blob_size++] = 0;
}

static void put_string(const char *s)
{
    memcpy(blob + blob_size, s, strlen(s) + 1);
    blob_size += strlen(s) + 1;
}

static void string_tag(u32 type, const char *s)
{
    size_t at = tag_begin(type);

    put_string(s);
    tag_end(at);
}

static void module_tag(u32 start, u32 end, const char *name)
{
    size_t at = tag_begin(TAG_MODULE);

    put32(start);
    put32(end);
    put_string(name);
    tag_end(at);
}

static void region(u64 base, u64 length, u32 type)
{
    put64(base);
    put64(length);
    put32(type);
    put32(0);
}

static void memory_tag(void)
{
    size_t at = tag_begin(TAG_MEMORY_MAP);

    put32(24);
    put32(0);
    region(0, 0x9fc00, 1);
    region(0x9fc00, 0x400, 2);
    region(0x100000, 0x7f00000, 1);
    region(0x8000000, 0x100000, 3);
    tag_end(at);
}

static void finish(void)
{
    u32 total;

    tag_end(tag_begin(TAG_END));
    total = (u32)blob_size;
    memcpy(blob, &total, 4);
}

static void begin(void)
{
    memset(blob, 0, sizeof(blob));
    blob_size = 0;
    put64(0);
}

static void good_blob(void)
{
    size_t at;

    begin();
    string_tag(TAG_CMDLINE, "trace  limit=30 -- demo file");
    string_tag(TAG_LOADER, "GRUB 2.06");
    module_tag(0x200000, 0x210123, "init");
    module_tag(0x211000, 0x211000, "data");
    memory_tag();
    string_tag(99, "unknown tags are skipped");
    at = tag_begin(TAG_FRAMEBUFFER);
    put64(0xfd000000);
    put32(5120);
    put32(1280);
    put32(800);
    put32(32 | 1 << 8);
    tag_end(at);
    at = tag_begin(TAG_RSDP_OLD);
    put_string("RSD PTR 123456789012345");
    tag_end(at);
    finish();
}

/* Parses the blob from memory that ends with it. */
static int parse(struct boot_info *out)
{
    u8 *copy = malloc(blob_size);
    int r;

    assert_non_null(copy);
    memcpy(copy, blob, blob_size);
    memset(out, 0, sizeof(*out));
    out->kernel_start = KERNEL_START;
    out->kernel_end = KERNEL_END;
    r = multiboot2_parse(copy, blob_size, out);
    free(copy);
    return r;
}

static void expect(int error, const char *why)
{
    struct boot_info out;

    assert_int_equal(parse(&out), error);
    assert_string_equal(multiboot2_reason(), why);
}

static void test_good(void **state)
{
    struct boot_info out;

    (void)state;
    good_blob();
    assert_int_equal(parse(&out), 0);
    assert_string_equal(out.cmdline, "trace  limit=30 -- demo file");
    assert_string_equal(out.loader, "GRUB 2.06");
    assert_int_equal(out.module_count, 2);
    assert_int_equal(out.modules[0].end, 0x210123);
    assert_string_equal(out.modules[1].name, "data");
    assert_int_equal(out.region_count, 4);
    assert_int_equal(out.regions[2].base, 0x100000);
    assert_int_equal(out.framebuffer.width, 1280);
    assert_int_equal(out.framebuffer.bpp, 32);
    assert_memory_equal(out.rsdp, "RSD PTR ", 8);
}

static void test_sizes(void **state)
{
    u32 v;

    (void)state;
    good_blob();
    v = 4;
    memcpy(blob + 8 + 4, &v, 4);
    expect(-EINVAL, "a tag is smaller than its header");
    good_blob();
    v = BLOB_MAX;
    memcpy(blob + 8 + 4, &v, 4);
    expect(-EINVAL, "a tag runs past the end");
    good_blob();
    v = (u32)blob_size + 1;
    memcpy(blob, &v, 4);
    expect(-EINVAL, "its total size is wrong");
    good_blob();
    v = (u32)blob_size - 8;
    memcpy(blob, &v, 4);
    expect(-EINVAL, "it has no end tag");
    blob_size = 8;
    expect(-EINVAL, "no room for the boot information");
}

static void test_alignment(void **state)
{
    struct boot_info out;
    u8 *copy = malloc(BLOB_MAX + 8);

    (void)state;
    assert_non_null(copy);
    good_blob();
    memcpy(copy + 4, blob, blob_size);
    assert_int_equal(multiboot2_parse(copy + 4, blob_size, &out), -EINVAL);
    assert_string_equal(multiboot2_reason(), "it is not 8-byte aligned");
    free(copy);
}

static void one_module(u32 start, u32 end)
{
    begin();
    memory_tag();
    module_tag(start, end, "m");
    finish();
}

static void test_modules(void **state)
{
    int i;

    (void)state;
    one_module(0x300000, 0x2ff000);
    expect(-EINVAL, "a module ends before it starts");
    one_module(0x300010, 0x301000);
    expect(-EINVAL, "a module is not page aligned");
    one_module(KERNEL_END - 0x1000, KERNEL_END + 0x1000);
    expect(-EINVAL, "a module overlaps the kernel");
    begin();
    memory_tag();
    module_tag(0x200000, 0x202000, "a");
    module_tag(0x201000, 0x203000, "b");
    finish();
    expect(-EINVAL, "two modules overlap");
    begin();
    memory_tag();
    for (i = 0; i <= BOOT_MAX_MODULES; i++)
        module_tag(0x200000 + (u32)i * 0x1000, 0x200001 + (u32)i * 0x1000, "m");
    finish();
    expect(-E2BIG, "too many modules");
}

static void test_memory_map(void **state)
{
    size_t at;

    (void)state;
    begin();
    finish();
    expect(-ENOENT, "no memory map, or no usable memory in it");
    begin();
    at = tag_begin(TAG_MEMORY_MAP);
    put32(8);
    put32(0);
    tag_end(at);
    finish();
    expect(-EINVAL, "the memory map's entry size is wrong");
    begin();
    at = tag_begin(TAG_MEMORY_MAP);
    put32(24);
    put32(0);
    region(~0xffful, 0x2000, 1);
    tag_end(at);
    finish();
    expect(-EINVAL, "a memory region wraps around");
    begin();
    memory_tag();
    memory_tag();
    finish();
    expect(-EINVAL, "a second memory map");
}

static void test_neighbours_join(void **state)
{
    struct boot_info out;
    size_t at;

    (void)state;
    begin();
    at = tag_begin(TAG_MEMORY_MAP);
    put32(24);
    put32(0);
    region(0x100000, 0x1000, 1);
    region(0x101000, 0x2000, 1);
    region(0x103000, 0x1000, 2);
    tag_end(at);
    finish();
    assert_int_equal(parse(&out), 0);
    assert_int_equal(out.region_count, 2);
    assert_int_equal(out.regions[0].length, 0x3000);
}

static void test_strings(void **state)
{
    size_t at;

    (void)state;
    begin();
    memory_tag();
    at = tag_begin(TAG_CMDLINE);
    put32(0x41414141);
    tag_end(at);
    finish();
    expect(-EINVAL, "a string is not terminated");
    begin();
    memory_tag();
    at = tag_begin(TAG_CMDLINE);
    memset(blob + blob_size, 'x', BOOT_CMDLINE_MAX);
    blob_size += BOOT_CMDLINE_MAX + 1;
    tag_end(at);
    finish();
    expect(-E2BIG, "a string is too long");
}

/* What a parse that succeeded must guarantee, whatever it was fed. */
static void check_guarantees(const struct boot_info *out)
{
    unsigned i;

    assert_true(out->region_count <= BOOT_MAX_REGIONS);
    assert_true(out->module_count <= BOOT_MAX_MODULES);
    assert_non_null(memchr(out->cmdline, 0, sizeof(out->cmdline)));
    assert_non_null(memchr(out->loader, 0, sizeof(out->loader)));
    for (i = 0; i < out->region_count; i++)
        assert_true(out->regions[i].base + out->regions[i].length >=
                    out->regions[i].base);
    for (i = 0; i < out->module_count; i++) {
        const struct boot_module *m = &out->modules[i];

        assert_true(m->start <= m->end && m->start % 4096 == 0);
        assert_true(m->start >= KERNEL_END || m->end <= KERNEL_START);
        assert_non_null(memchr(m->name, 0, sizeof(m->name)));
    }
}

static void test_mutations(void **state)
{
    struct boot_info out;
    int i, n;

    (void)state;
    srand(1);
    for (i = 0; i < MUTATIONS; i++) {
        good_blob();
        for (n = rand() % 8; n >= 0; n--)
            blob[(size_t)rand() % blob_size] = (u8)rand();
        if (rand() % 8 == 0)
            blob_size = (size_t)rand() % (blob_size + 1);
        if (blob_size && !parse(&out))
            check_guarantees(&out);
    }
}

static void set_cmdline(const char *s)
{
    strcpy(boot_info.cmdline, s);
}

static void test_options(void **state)
{
    char buf[8];

    (void)state;
    set_cmdline("quiet  console=ttyS1 limit= -- trace --  x ");
    assert_true(boot_option("quiet"));
    assert_false(boot_option("quie"));
    assert_false(boot_option("trace"));
    assert_int_equal(boot_option_value("console", buf, sizeof(buf)), 5);
    assert_string_equal(buf, "ttyS1");
    assert_int_equal(boot_option_value("console", buf, 3), 2);
    assert_string_equal(buf, "tt");
    assert_int_equal(boot_option_value("limit", buf, sizeof(buf)), 0);
    assert_int_equal(boot_option_value("quiet", buf, sizeof(buf)), -ENOENT);
    assert_string_equal(boot_init_args(), "trace --  x ");
    set_cmdline("quiet ");
    assert_string_equal(boot_init_args(), "");
    set_cmdline("");
    assert_false(boot_option(""));
    assert_string_equal(boot_init_args(), "");
    set_cmdline("--");
    assert_string_equal(boot_init_args(), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_alignment),
        cmocka_unit_test(test_modules),
        cmocka_unit_test(test_memory_map),
        cmocka_unit_test(test_neighbours_join),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_options),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
