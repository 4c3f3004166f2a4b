/* The fake machine's memory, boot, panic and random numbers. */
#include "fake.h"

#include <stdio.h>
#include <base/printk.h>
#include <base/sanitize.h>
#include <base/string.h>
#include <mm/object.h>

_Static_assert(sizeof(struct page) == FAKE_PAGE_DESC, "struct page's size");

char *fake_arena;
char fake_descriptors[FAKE_FRAMES * FAKE_PAGE_DESC] __aligned(64);
pte_t *kernel_pgd;
void (*fake_on_page_clear)(void);
void (*fake_on_page_copy)(void);
jmp_buf fake_panic_jmp;
bool fake_panic_armed, fake_quiet;

static u64 random_state = 1;
static const u8 *input, *input_end; /* NULL: none */

void fake_machine_bare(void)
{
    if (!fake_arena)
        fake_arena = aligned_alloc(PAGE_SIZE << MAX_ORDER, FAKE_PHYS_SIZE);
    assert_non_null(fake_arena);
    mem_unpoison(fake_arena, FAKE_PHYS_SIZE);
    mem_poison(fake_descriptors, sizeof(fake_descriptors));
    memblock_reset();
}

void fake_descriptors_init(void)
{
    phys_addr_t start, end;

    for (unsigned i = 0; memblock_ram_range(i, &start, &end); i++) {
        char *first = (char *)pfn_to_page(start >> PAGE_SHIFT);
        size_t n = ((end - start) >> PAGE_SHIFT) * FAKE_PAGE_DESC;

        mem_unpoison(first, n);
        memset(first, 0, n);
    }
}

static void module_fill(void)
{
    char *p = phys_to_virt(FAKE_MODULE_START);

    for (u64 i = 0; i < ALIGN_UP(FAKE_MODULE_SIZE, PAGE_SIZE); i++)
        p[i] = (char)(i * 7 + (i >> PAGE_SHIFT));
}

int fake_boot(void **state __maybe_unused)
{
    struct page *root;

    fake_machine_bare();
    memblock_add(FAKE_RAM_START, FAKE_RAM_END - FAKE_RAM_START);
    memblock_reserve(FAKE_MODULE_START, FAKE_MODULE_SIZE);
    fake_descriptors_init();
    page_alloc_init();
    module_fill();
    root = alloc_zeroed_page();
    assert_non_null(root);
    kernel_pgd = page_address(root);
    slab_init();
    vmalloc_init();
    mm_init();
    fake_seed();
    return 0;
}

struct mem_object *fake_object(void)
{
    char *name = kmalloc(8);

    assert_non_null(name);
    memcpy(name, "object", 7);
    return object_create_memfd(name);
}

u64 fake_frames_used(void)
{
    mm_shrink_all();
    return frames_total() - frames_free();
}

static u64 marked;

int fake_mark(void **state __maybe_unused)
{
    marked = fake_frames_used();
    return 0;
}

int fake_check_leaks(void **state __maybe_unused)
{
    u64 used = fake_frames_used();

    page_alloc_fail_nth(0);
    fake_mm = NULL;
    if (fake_frames_check() || !fake_may_run())
        return -1;
    if (used != marked)
        fprintf(stderr, "frames in use: %lu before, %lu after\n", marked, used);
    return used == marked ? 0 : -1;
}

/* ---- chance: xorshift64* ---- */

void fake_seed(void)
{
    const char *s = getenv("SEED");

    random_state = s ? strtoull(s, NULL, 0) : 20240607;
    random_state |= 1;
    fprintf(stderr, "seed: %lu\n", random_state);
}

void fake_input(const u8 *bytes, size_t count)
{
    input = bytes;
    input_end = bytes + count;
}

/* As few bytes as the number needs, of one, two and eight; 0 where there are
 * none. */
static u64 input_take(u64 below)
{
    u64 v = 0;

    for (unsigned i = below <= 256     ? 1
                      : below <= 65536 ? 2
                                       : 8;
         i && input < input_end; i--)
        v = v << 8 | *input++;
    return v % below;
}

bool fake_more(unsigned n, unsigned steps)
{
    return n < steps && (!input || input < input_end);
}

/* TEST=name INPUT=hex: that test with these bytes, as the fuzzer found them. */
static __attribute__((constructor)) void replay(void)
{
    const char *name = getenv("TEST"), *hex = getenv("INPUT");
    static u8 bytes[65536];
    size_t n = 0;

    if (name)
        cmocka_set_test_filter(name);
    for (; hex && n < sizeof(bytes) && sscanf(hex, "%2hhx", &bytes[n]) == 1;
         hex += 2)
        n++;
    if (hex)
        fake_input(bytes, n);
}

u64 fake_rand(u64 below)
{
    if (input)
        return input_take(below);
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (random_state * 0x2545f4914f6cdd1dul >> 16) % below;
}

/* ---- words ---- */

void printk(const char *fmt, ...)
{
    va_list ap;

    if (fake_quiet)
        return;
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
}

void panic(const char *fmt, ...)
{
    va_list ap;

    if (fake_panic_armed) {
        fake_panic_armed = false;
        longjmp(fake_panic_jmp, 1);
    }
    va_start(ap, fmt);
    fprintf(stderr, "PANIC: ");
    vfprintf(stderr, fmt, ap);
    fprintf(stderr, "\n");
    va_end(ap);
    abort();
}

int vsnprintk(char *buf, size_t size, const char *fmt, va_list ap)
{
    return vsnprintf(buf, size, fmt, ap);
}

int snprintk(char *buf, size_t size, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(buf, size, fmt, ap);
    va_end(ap);
    return n;
}

size_t str_copy(char *dst, const char *src, size_t size)
{
    size_t n = strnlen(src, size - 1);

    memcpy(dst, src, n);
    dst[n] = '\0';
    return n;
}
