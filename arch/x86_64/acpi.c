/*
 * The one ACPI table we read: the MADT ("APIC", ACPI 6.5, 5.2.12), for which
 * processors there are, where the I/O APIC is and which of its inputs the ISA
 * interrupts are wired to. Runs while the boot tables map the first 4 GiB; what
 * lies above, is too short or has a bad checksum is not believed, and the PC's
 * defaults stay.
 */
#include <arch/page.h>
#include <asm/setup.h>
#include <asm/smp.h>
#include <base/string.h>

#define MAPPED_LIMIT (4ul << 30)
#define TABLE_MAX    (1u << 20)

#define MADT_LAPIC    0
#define MADT_IOAPIC   1
#define MADT_OVERRIDE 2

struct rsdp {
    char signature[8];
    u8 checksum, oem[6], revision;
    u32 rsdt;
    u32 length;
    u64 xsdt;
} __packed;

struct table {
    char signature[4];
    u32 length;
    u8 rest[28];
} __packed;

struct madt_entry {
    u8 type, length;
    union {
        struct {
            u8 processor, id;
            u32 flags; /* bit 0: enabled */
        } __packed lapic;
        struct {
            u8 id, reserved;
            u32 address, gsi_base;
        } __packed ioapic;
        struct {
            u8 bus, source;
            u32 gsi;
            u16 flags;
        } __packed override;
    };
} __packed;

struct acpi_info acpi_info = {
    .ioapic = 0xfec00000,
    .irq_gsi = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
};

u8 acpi_apic_ids[ACPI_MAX_CPUS];
unsigned acpi_apic_count;

static bool sum_is_zero(const void *p, size_t n)
{
    const u8 *b = p;
    u8 sum = 0;

    while (n--)
        sum += *b++;
    return !sum;
}

/* The table at pa, if it is a whole and sound one. */
static const struct table *table_at(u64 pa)
{
    const struct table *t = phys_to_virt(pa);

    if (!pa || pa > MAPPED_LIMIT - TABLE_MAX)
        return NULL;
    if (t->length < sizeof(*t) || t->length > TABLE_MAX)
        return NULL;
    return sum_is_zero(t, t->length) ? t : NULL;
}

static void use_entry(const struct madt_entry *e)
{
    if (e->type == MADT_LAPIC && e->length >= 8 && (e->lapic.flags & 1)) {
        if (acpi_apic_count < ACPI_MAX_CPUS)
            acpi_apic_ids[acpi_apic_count++] = e->lapic.id;
    } else if (e->type == MADT_IOAPIC && e->length >= 12 &&
               e->ioapic.gsi_base == 0) {
        acpi_info.ioapic = e->ioapic.address;
    } else if (e->type == MADT_OVERRIDE && e->length >= 10 &&
               e->override.source < 16) {
        acpi_info.irq_gsi[e->override.source] = e->override.gsi;
        acpi_info.irq_flags[e->override.source] = e->override.flags;
    }
}

static void read_madt(const struct table *madt)
{
    u32 at = sizeof(*madt) + 8; /* APIC address, flags */

    while (at + 2 <= madt->length) {
        const struct madt_entry *e = (const void *)((const u8 *)madt + at);

        if (e->length < 2 || e->length > madt->length - at)
            return;
        use_entry(e);
        at += e->length;
    }
}

/* The root table: addresses of `width` bytes after its header. */
static void read_root(const struct table *root, u32 width)
{
    const struct table *t;
    u32 at;

    for (at = sizeof(*root); at + width <= root->length; at += width) {
        u64 pa = 0;

        memcpy(&pa, (const u8 *)root + at, width);
        t = table_at(pa);
        if (t && !memcmp(t->signature, "APIC", 4))
            read_madt(t);
    }
}

void acpi_init(const u8 *bytes)
{
    const struct table *root = NULL;
    struct rsdp rsdp;

    memcpy(&rsdp, bytes, sizeof(rsdp));
    if (memcmp(rsdp.signature, "RSD PTR ", 8) || !sum_is_zero(bytes, 20))
        return;
    if (rsdp.revision >= 2)
        root = table_at(rsdp.xsdt);
    if (root) {
        read_root(root, 8);
        return;
    }
    root = table_at(rsdp.rsdt);
    if (root)
        read_root(root, 4);
}
