/*
 * The multiboot2 boot information (specification 3.6): a list of tags, read
 * with distrust. Pure C over a bounded buffer, so it also runs on the host
 * (tests/unit/test_multiboot2.c). Relies on nothing but the string functions.
 */
#include <base/errno.h>
#include <base/string.h>
#include "multiboot2.h"

#define TAG_END          0
#define TAG_CMDLINE      1
#define TAG_LOADER       2
#define TAG_MODULE       3
#define TAG_MEMORY_MAP   6
#define TAG_FRAMEBUFFER  8
#define TAG_RSDP_OLD     14
#define TAG_RSDP_NEW     15
#define INFO_SIZE_MAX    (1u << 20)
#define MODULE_ALIGNMENT 4096u
/* Memory and modules end below: the direct map's room. */
#define PHYS_LIMIT (1ul << 46)

struct tag {
    u32 type, size; /* size: this header included, padding not */
    u8 data[];
};

struct memory_map_entry {
    u64 base, length;
    u32 type, reserved;
};

static const char *reason = "";

const char *multiboot2_reason(void)
{
    return reason;
}

static int refuse(int error, const char *why)
{
    reason = why;
    return error;
}

static u32 load32(const u8 *p)
{
    u32 v;

    memcpy(&v, p, sizeof(v));
    return v;
}

static u64 load64(const u8 *p)
{
    return load32(p) | (u64)load32(p + 4) << 32;
}

/* Copies the string in data[0..n) that must end inside it. */
static int copy_string(char *dst, size_t size, const u8 *data, size_t n)
{
    size_t len = 0;

    while (len < n && data[len])
        len++;
    if (len == n)
        return refuse(-EINVAL, "a string is not terminated");
    if (len >= size)
        return refuse(-E2BIG, "a string is too long");
    memcpy(dst, data, len + 1);
    return 0;
}

static int parse_module(struct boot_info *out, const u8 *data, size_t n)
{
    struct boot_module *m = &out->modules[out->module_count];

    if (n < 8)
        return refuse(-EINVAL, "a module tag is too short");
    if (out->module_count == BOOT_MAX_MODULES)
        return refuse(-E2BIG, "too many modules");
    m->start = load32(data);
    m->end = load32(data + 4);
    if (m->start > m->end)
        return refuse(-EINVAL, "a module ends before it starts");
    if (m->start % MODULE_ALIGNMENT)
        return refuse(-EINVAL, "a module is not page aligned");
    if (m->start < out->kernel_end && m->end > out->kernel_start)
        return refuse(-EINVAL, "a module overlaps the kernel");
    out->module_count++;
    return copy_string(m->name, sizeof(m->name), data + 8, n - 8);
}

/* Neighbours of one type become one region: UEFI's maps are long. */
static bool join_region(struct boot_info *out, const struct boot_region *r)
{
    struct boot_region *last;

    if (!out->region_count)
        return false;
    last = &out->regions[out->region_count - 1];
    if (last->type != r->type || last->base + last->length != r->base)
        return false;
    last->length += r->length;
    return true;
}

static int parse_region(struct boot_info *out, const u8 *entry)
{
    struct boot_region r = {
        .base = load64(entry),
        .length = load64(entry + 8),
        .type = load32(entry + 16),
    };

    if (!r.length)
        return 0;
    if (r.base + r.length < r.base)
        return refuse(-EINVAL, "a memory region wraps around");
    if (r.type == BOOT_REGION_USABLE && r.base + r.length > PHYS_LIMIT)
        return refuse(-EINVAL, "memory beyond 64 TiB");
    if (join_region(out, &r))
        return 0;
    if (out->region_count == BOOT_MAX_REGIONS)
        return refuse(-E2BIG, "too many memory regions");
    out->regions[out->region_count++] = r;
    return 0;
}

static int parse_memory_map(struct boot_info *out, const u8 *data, size_t n)
{
    u32 entry_size;
    int err = 0;

    if (n < 8)
        return refuse(-EINVAL, "the memory map is too short");
    if (out->region_count)
        return refuse(-EINVAL, "a second memory map");
    entry_size = load32(data);
    if (entry_size < sizeof(struct memory_map_entry) || entry_size % 8)
        return refuse(-EINVAL, "the memory map's entry size is wrong");
    data += 8;
    n -= 8;
    for (; !err && n >= entry_size; data += entry_size, n -= entry_size)
        err = parse_region(out, data);
    return err;
}

static int parse_framebuffer(struct boot_info *out, const u8 *data, size_t n)
{
    struct boot_framebuffer *fb = &out->framebuffer;

    if (n < 22)
        return refuse(-EINVAL, "the framebuffer tag is too short");
    fb->base = load64(data);
    fb->pitch = load32(data + 8);
    fb->width = load32(data + 12);
    fb->height = load32(data + 16);
    fb->bpp = data[20];
    fb->type = data[21];
    return 0;
}

/* Revision 1 has 20 bytes, later ones 36; the newest tag wins. */
static int parse_rsdp(struct boot_info *out, const u8 *data, size_t n)
{
    if (n < 20)
        return refuse(-EINVAL, "the ACPI tag is too short");
    memset(out->rsdp, 0, sizeof(out->rsdp));
    memcpy(out->rsdp, data, min(n, sizeof(out->rsdp)));
    return 0;
}

static int parse_tag(struct boot_info *out, u32 type, const u8 *data, size_t n)
{
    switch (type) {
    case TAG_CMDLINE:
        return copy_string(out->cmdline, sizeof(out->cmdline), data, n);
    case TAG_LOADER:
        return copy_string(out->loader, sizeof(out->loader), data, n);
    case TAG_MODULE:
        return parse_module(out, data, n);
    case TAG_MEMORY_MAP:
        return parse_memory_map(out, data, n);
    case TAG_FRAMEBUFFER:
        return parse_framebuffer(out, data, n);
    case TAG_RSDP_OLD:
        return out->rsdp[0] ? 0 : parse_rsdp(out, data, n);
    case TAG_RSDP_NEW:
        return parse_rsdp(out, data, n);
    default:
        return 0; /* 3.6: unknown tags are skipped */
    }
}

static int overlaps(const struct boot_module *a, const struct boot_module *b)
{
    return a->start < b->end && b->start < a->end;
}

/* What no single tag can tell. */
static int check_whole(const struct boot_info *out)
{
    unsigned i, j, usable = 0;

    for (i = 0; i < out->region_count; i++)
        usable += out->regions[i].type == BOOT_REGION_USABLE;
    if (!usable)
        return refuse(-ENOENT, "no memory map, or no usable memory in it");
    for (i = 0; i < out->module_count; i++)
        for (j = 0; j < i; j++)
            if (overlaps(&out->modules[i], &out->modules[j]))
                return refuse(-EINVAL, "two modules overlap");
    return 0;
}

int multiboot2_parse(const void *info, size_t avail, struct boot_info *out)
{
    const u8 *base = info;
    size_t total, at = 8;
    u32 type, size;
    int err;

    if ((uintptr_t)info % 8)
        return refuse(-EINVAL, "it is not 8-byte aligned");
    if (avail < 16)
        return refuse(-EINVAL, "no room for the boot information");
    total = load32(base);
    if (total < 16 || total > avail || total > INFO_SIZE_MAX)
        return refuse(-EINVAL, "its total size is wrong");
    for (;; at = ALIGN_UP(at + size, 8)) {
        if (at > total - sizeof(struct tag))
            return refuse(-EINVAL, "it has no end tag");
        type = load32(base + at);
        size = load32(base + at + 4);
        if (size < sizeof(struct tag))
            return refuse(-EINVAL, "a tag is smaller than its header");
        if (size > total - at)
            return refuse(-EINVAL, "a tag runs past the end");
        if (type == TAG_END)
            return check_whole(out);
        err = parse_tag(out, type, base + at + sizeof(struct tag),
                        size - sizeof(struct tag));
        if (err)
            return err;
    }
}
