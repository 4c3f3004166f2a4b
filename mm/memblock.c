/*
 * Memory before there are frame descriptors: which ranges are RAM and which
 * of it is taken. Two sorted tables of byte ranges; RAM minus reserved is
 * free. Relies on nothing but panic().
 */
#include <base/printk.h>
#include <base/string.h>
#include <mm/page.h>

#define MAX_RANGES 128

struct range {
    u64 start, end;
};

struct range_table {
    const char *name;
    unsigned count;
    struct range r[MAX_RANGES];
};

static struct range_table ram = {.name = "RAM"};
static struct range_table reserved = {.name = "reserved"};

/* Replaces ranges [first, last) by one range. */
static void table_replace(struct range_table *t, unsigned first, unsigned last,
                          struct range with)
{
    unsigned tail = t->count - last;

    if (t->count + 1 - (last - first) > MAX_RANGES)
        panic("memblock: more than %d %s ranges", MAX_RANGES, t->name);
    memmove(&t->r[first + 1], &t->r[last], tail * sizeof(t->r[0]));
    t->r[first] = with;
    t->count = first + 1 + tail;
}

/* Adds a range, joined with all that it overlaps or touches. */
static void table_add(struct range_table *t, u64 start, u64 end)
{
    unsigned first = 0, last;

    while (first < t->count && t->r[first].end < start)
        first++;
    for (last = first; last < t->count && t->r[last].start <= end; last++) {
        start = min(start, t->r[last].start);
        end = max(end, t->r[last].end);
    }
    table_replace(t, first, last, (struct range){start, end});
}

/* End of a range as the firmware reports it, kept from wrapping. */
static u64 range_end(u64 base, u64 size)
{
    u64 end = base + size;

    return end < base ? ALIGN_DOWN(~0ul, PAGE_SIZE) : end;
}

void memblock_add(phys_addr_t base, u64 size)
{
    u64 end = ALIGN_DOWN(range_end(base, size), PAGE_SIZE);

    if (base < end && ALIGN_UP(base, PAGE_SIZE) < end)
        table_add(&ram, ALIGN_UP(base, PAGE_SIZE), end);
}

void memblock_reserve(phys_addr_t base, u64 size)
{
    u64 end = range_end(base, size);

    if (base == end)
        return;
    if (end <= ALIGN_DOWN(~0ul, PAGE_SIZE))
        end = ALIGN_UP(end, PAGE_SIZE);
    table_add(&reserved, ALIGN_DOWN(base, PAGE_SIZE), end);
}

/* First free range that ends after pos: RAM minus reserved. */
static bool next_free(u64 pos, struct range *out)
{
    for (unsigned i = 0; i < ram.count; i++) {
        u64 start = max(ram.r[i].start, pos), end = ram.r[i].end;

        for (unsigned j = 0; j < reserved.count && start < end; j++) {
            if (reserved.r[j].end <= start)
                continue;
            if (reserved.r[j].start > start) {
                end = min(end, reserved.r[j].start);
                break;
            }
            start = reserved.r[j].end;
        }
        if (start < end) {
            *out = (struct range){start, end};
            return true;
        }
    }
    return false;
}

phys_addr_t memblock_alloc(u64 size, u64 align, phys_addr_t limit)
{
    struct range f = {0, 0};
    u64 best = 0;

    align = max(align, (u64)PAGE_SIZE);
    size = ALIGN_UP(size, PAGE_SIZE);
    if (!limit)
        limit = ~0ul;
    while (next_free(f.end, &f)) {
        u64 end = min(f.end, limit);

        if (end > f.start && end - f.start >= size &&
            ALIGN_DOWN(end - size, align) >= f.start)
            best = ALIGN_DOWN(end - size, align);
    }
    if (best)
        memblock_reserve(best, size);
    return best;
}

bool memblock_free_range(unsigned i, phys_addr_t *start, phys_addr_t *end)
{
    struct range f = {0, 0};

    do {
        if (!next_free(f.end, &f))
            return false;
    } while (i--);
    *start = f.start;
    *end = f.end;
    return true;
}

bool memblock_ram_range(unsigned i, phys_addr_t *start, phys_addr_t *end)
{
    if (i >= ram.count)
        return false;
    *start = ram.r[i].start;
    *end = ram.r[i].end;
    return true;
}

#ifdef FAULTLINE_HOST
/* Unit tests boot the fake machine more than once. */
void memblock_reset(void)
{
    ram.count = 0;
    reserved.count = 0;
}
#endif
