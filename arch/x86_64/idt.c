/*
 * The interrupt descriptor table (Intel SDM vol. 3, 6.14): 256 interrupt
 * gates, so interrupts are off on every entry. entry.S has the stubs, 16 bytes
 * each.
 */
#include <asm/setup.h>
#include <asm/traps.h>
#include <base/types.h>

#define VECTORS        256
#define GATE_INTERRUPT 0x8e
#define GATE_USER      0x60 /* INT3 and INTO work from ring 3 */

struct gate {
    u16 offset_low, selector;
    u8 ist, type;
    u16 offset_middle;
    u32 offset_high, reserved;
};

extern char trap_stubs[];
void page_fault_entry(void);
void nmi_entry(void);
void double_fault_entry(void);
void machine_check_entry(void);

static struct gate idt[VECTORS] __aligned(16);

static void set_gate(unsigned vector, u64 handler, u8 ist, u8 extra)
{
    idt[vector] = (struct gate){
        .offset_low = (u16)handler,
        .selector = KERNEL_CS,
        .ist = ist,
        .type = GATE_INTERRUPT | extra,
        .offset_middle = (u16)(handler >> 16),
        .offset_high = (u32)(handler >> 32),
    };
}

void idt_init(void)
{
    unsigned v;

    for (v = 0; v < VECTORS; v++)
        set_gate(v, (u64)trap_stubs + v * 16, 0, 0);
    set_gate(TRAP_BP, (u64)trap_stubs + TRAP_BP * 16, 0, GATE_USER);
    set_gate(TRAP_OF, (u64)trap_stubs + TRAP_OF * 16, 0, GATE_USER);
    set_gate(TRAP_PF, (u64)page_fault_entry, 0, 0);
    set_gate(TRAP_NMI, (u64)nmi_entry, IST_NMI, 0);
    set_gate(TRAP_DF, (u64)double_fault_entry, IST_DF, 0);
    set_gate(TRAP_MC, (u64)machine_check_entry, IST_MC, 0);
    idt_load();
}

void idt_load(void)
{
    struct {
        u16 limit;
        u64 base;
    } __packed pointer = {sizeof(idt) - 1, (u64)idt};

    __asm__ volatile("lidt %0" ::"m"(pointer));
}
