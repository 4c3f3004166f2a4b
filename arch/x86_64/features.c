/*
 * What this CPU offers and what the kernel turns on: protection (WP, SMEP,
 * SMAP, UMIP, global pages) and SYSCALL. FSGSBASE stays off, so user code
 * changes its bases only through arch_prctl(2).
 */
#include <arch/machine.h>
#include <asm/cpu.h>
#include <asm/extable.h>
#include <asm/msr.h>
#include <asm/pkey.h>
#include <asm/setup.h>

#define CPUID1_C_X2APIC (1u << 21)
#define CPUID7_B_SMEP   (1u << 7)
#define CPUID7_B_SMAP   (1u << 20)
#define CPUID7_C_UMIP   (1u << 2)
#define CPUID7_C_PKU    (1u << 3)

#define CPUID_EXT1_D_RDTSCP (1u << 27) /* leaf 0x80000001 */

bool cpu_has_smap, cpu_has_smep, cpu_has_umip, cpu_has_x2apic, cpu_has_rdtscp;
bool cpu_has_pku;

void (*syscall_stub)(void) = syscall_entry;

static void identify(void)
{
    struct cpuid leaf7 = {0};

    if (cpuid(0, 0).a >= 7)
        leaf7 = cpuid(7, 0);
    cpu_has_smap = leaf7.b & CPUID7_B_SMAP;
    cpu_has_smep = leaf7.b & CPUID7_B_SMEP;
    cpu_has_umip = leaf7.c & CPUID7_C_UMIP;
    cpu_has_pku = leaf7.c & CPUID7_C_PKU;
    cpu_has_x2apic = cpuid(1, 0).c & CPUID1_C_X2APIC;
    cpu_has_rdtscp = cpuid(0x80000001, 0).d & CPUID_EXT1_D_RDTSCP;
}

/* SYSCALL loads CS from STAR 47:32 and SS 8 above; SYSRET loads SS 8 and CS
 * 16 above STAR 63:48. The flags in SFMASK are cleared on entry. */
static void syscall_init(void)
{
    wrmsr(MSR_STAR, (u64)USER32_CS << 48 | (u64)KERNEL_CS << 32);
    wrmsr(MSR_LSTAR, (u64)syscall_stub);
    wrmsr(MSR_SFMASK, RFLAGS_TF | RFLAGS_IF | RFLAGS_DF | RFLAGS_IOPL |
                          RFLAGS_NT | RFLAGS_RF | RFLAGS_AC);
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE | EFER_NXE);
}

void features_init(void)
{
    identify();
    if (!cpu_has_smap)
        smap_sites_disable();
    features_init_cpu();
}

void features_init_cpu(void)
{
    u64 cr4 = cr4_read() | CR4_PGE;

    cr4 |= cpu_has_smep ? CR4_SMEP : 0;
    cr4 |= cpu_has_smap ? CR4_SMAP : 0;
    cr4 |= cpu_has_umip ? CR4_UMIP : 0;
    cr4 |= cpu_has_pku ? CR4_PKE : 0;
    cr4_write(cr4);
    cr0_write((cr0_read() | CR0_WP | CR0_NE | CR0_MP | CR0_AM) &
              ~(CR0_EM | CR0_TS));
    syscall_init();
    if (cpu_has_rdtscp)
        wrmsr(MSR_TSC_AUX, cpu_id());
}

u32 arch_hwcap(void)
{
    return cpuid(1, 0).d;
}
