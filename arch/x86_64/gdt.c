/*
 * Segments: in 64-bit mode only their existence and privilege matter (Intel
 * SDM vol. 3, 3.2.4), and the task state segment gives the stacks (8.7). Each
 * CPU has its own table, because the TSS descriptor is in it.
 */
#include <asm/setup.h>
#include <base/printk.h>
#include <kernel/cpu.h>
#include <mm/mm.h>

#define SEGMENT_KERNEL_CODE 0x00af9b000000ffffull
#define SEGMENT_KERNEL_DATA 0x00cf93000000ffffull
#define SEGMENT_USER_DATA   0x00cff3000000ffffull
#define SEGMENT_USER_CODE   0x00affb000000ffffull
#define SEGMENT_TSS         0x0000890000000000ull

static void set_tss_descriptor(u64 *gdt, const struct tss *tss)
{
    u64 base = (u64)tss, limit = sizeof(*tss) - 1;

    gdt[TSS_SEL / 8] = SEGMENT_TSS | limit | (base & 0xffffff) << 16 |
                       (base >> 24 & 0xff) << 56;
    gdt[TSS_SEL / 8 + 1] = base >> 32;
}

/* The boot code's table has the same kernel selectors; CS may stay. */
static void load(const u64 *gdt)
{
    struct {
        u16 limit;
        u64 base;
    } __packed pointer = {GDT_ENTRIES * 8 - 1, (u64)gdt};

    __asm__ volatile("lgdt %0" ::"m"(pointer));
    __asm__ volatile("ltr %w0" ::"r"(TSS_SEL));
}

void gdt_init(struct cpu *cpu)
{
    u64 *gdt = cpu->arch.gdt;
    int i;

    gdt[KERNEL_CS / 8] = SEGMENT_KERNEL_CODE;
    gdt[KERNEL_DS / 8] = SEGMENT_KERNEL_DATA;
    gdt[USER_DS / 8] = SEGMENT_USER_DATA;
    gdt[USER_CS / 8] = SEGMENT_USER_CODE;
    set_tss_descriptor(gdt, &cpu->arch.tss);
    cpu->arch.tss.iomap_base = sizeof(struct tss);
    /* Until ist_init(): one stack for whatever goes wrong this early. */
    for (i = 0; i < IST_COUNT; i++)
        cpu->arch.tss.ist[i] = (u64)early_ist_top;
    load(gdt);
}

void ist_init(struct cpu *cpu)
{
    int i;

    for (i = 0; i < IST_COUNT; i++) {
        u64 top = kstack_alloc();

        if (!top)
            panic("no memory for the CPU's exception stacks");
        cpu->arch.tss.ist[i] = top;
    }
}
