/*
 * The local APIC (Intel SDM vol. 3, chapter 10): this CPU's interrupts and its
 * timer. In x2APIC mode the registers are MSRs, otherwise memory. The two
 * 8259s it replaces are silenced.
 */
#include <asm/msr.h>
#include <asm/setup.h>
#include <asm/traps.h>
#include <kernel/cpu.h>

#define APIC_BASE_ENABLE (1ul << 11)
#define APIC_BASE_X2APIC (1ul << 10)

/* Register offsets; as MSRs 0x800 + offset / 16. */
#define APIC_ID            0x020
#define APIC_TPR           0x080
#define APIC_EOI           0x0b0
#define APIC_SPURIOUS      0x0f0
#define APIC_ICR           0x300
#define APIC_ICR_HIGH      0x310
#define APIC_LVT_TIMER     0x320
#define APIC_LVT_LINT0     0x350
#define APIC_LVT_LINT1     0x360
#define APIC_LVT_ERROR     0x370
#define APIC_TIMER_INITIAL 0x380
#define APIC_TIMER_CURRENT 0x390
#define APIC_TIMER_DIVIDE  0x3e0

#define SPURIOUS_ENABLE (1u << 8)
#define ICR_PENDING     (1u << 12)
#define LVT_MASKED      (1u << 16)
#define LVT_NMI         (4u << 8)
#define DIVIDE_BY_16    0x03

#define PIC1_DATA 0x21
#define PIC2_DATA 0xa1

static volatile u32 *registers; /* NULL: x2APIC */

static u32 apic_read(u32 reg)
{
    return registers ? registers[reg / 4]
                     : (u32)rdmsr(MSR_X2APIC_BASE + reg / 16);
}

static void apic_write(u32 reg, u32 v)
{
    if (registers)
        registers[reg / 4] = v;
    else
        wrmsr(MSR_X2APIC_BASE + reg / 16, v);
}

static void enable(void)
{
    u64 base = rdmsr(MSR_APIC_BASE) | APIC_BASE_ENABLE;

    wrmsr(MSR_APIC_BASE, base);
    if (cpu_has_x2apic)
        wrmsr(MSR_APIC_BASE, base | APIC_BASE_X2APIC);
    else if (!registers)
        registers = mmio_map(base & 0x000ffffffffff000ul);
}

void apic_init(void)
{
    outb(PIC1_DATA, 0xff);
    outb(PIC2_DATA, 0xff);
    apic_init_cpu();
}

static u32 apic_id(void)
{
    u32 id = apic_read(APIC_ID);

    return registers ? id >> 24 : id;
}

void apic_init_cpu(void)
{
    enable();
    apic_write(APIC_TPR, 0);
    apic_write(APIC_LVT_TIMER, LVT_MASKED);
    apic_write(APIC_LVT_LINT0, LVT_MASKED);
    apic_write(APIC_LVT_LINT1, LVT_NMI);
    apic_write(APIC_LVT_ERROR, LVT_MASKED);
    apic_write(APIC_SPURIOUS, SPURIOUS_ENABLE | IRQ_VECTOR_SPURIOUS);
    apic_write(APIC_TIMER_DIVIDE, DIVIDE_BY_16);
    apic_write(APIC_LVT_TIMER, IRQ_VECTOR_TIMER); /* one shot */
    this_cpu()->arch.apic_id = apic_id();
}

void apic_icr_write(u32 apic_id, u32 command)
{
    if (!registers) {
        wrmsr(MSR_X2APIC_BASE + APIC_ICR / 16, (u64)apic_id << 32 | command);
        return;
    }
    while (apic_read(APIC_ICR) & ICR_PENDING)
        cpu_relax();
    apic_write(APIC_ICR_HIGH, apic_id << 24);
    apic_write(APIC_ICR, command);
}

void apic_eoi(void)
{
    apic_write(APIC_EOI, 0);
}

void apic_timer_set(u32 count)
{
    apic_write(APIC_TIMER_INITIAL, count);
}

u32 apic_timer_left(void)
{
    return apic_read(APIC_TIMER_CURRENT);
}
