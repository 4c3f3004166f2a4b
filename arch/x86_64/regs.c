/* Registers in words, for panics and killed tasks. */
#include <arch/machine.h>
#include <arch/thread.h>
#include <asm/cpu.h>
#include <asm/msr.h>
#include <base/printk.h>

void regs_print(const struct regs *r)
{
    printk("ip %016lx  sp %016lx  flags %08lx\n", r->ip, r->sp, r->flags);
    printk("ax %016lx  bx %016lx  cx %016lx\n", r->ax, r->bx, r->cx);
    printk("dx %016lx  si %016lx  di %016lx\n", r->dx, r->si, r->di);
    printk("bp %016lx  r8 %016lx  r9 %016lx\n", r->bp, r->r8, r->r9);
    printk("10 %016lx  11 %016lx  12 %016lx\n", r->r10, r->r11, r->r12);
    printk("13 %016lx  14 %016lx  15 %016lx\n", r->r13, r->r14, r->r15);
    printk("cs %02lx  ss %02lx  orig_ax %lx\n", r->cs, r->ss, r->orig_ax);
}

void registers_print(void)
{
    printk("cpu %u  cr0 %lx  cr3 %lx  cr4 %lx  efer %lx\n", cpu_id(),
           cr0_read(), cr3_read(), cr4_read(), rdmsr(MSR_EFER));
}
