/*
 * Starting the other processors (Intel SDM vol. 3, 8.4): each gets a struct
 * cpu, stacks and a ring of the fault ledger, is woken by INIT and STARTUP,
 * and ends in the scheduler's idle loop. One that does not answer, or for
 * which there is no memory, is left out: the machine runs with fewer.
 */
#include <arch/machine.h>
#include <arch/setup.h>
#include <asm/msr.h>
#include <asm/setup.h>
#include <asm/smp.h>
#include <base/printk.h>
#include <base/string.h>
#include <kernel/cpu.h>
#include <kernel/thread.h>

#define INIT_WAIT_NS    10000000ull /* after INIT, 10 ms */
#define STARTUP_WAIT_NS 1000000ull
#define STARTUP_TRIES   2000 /* a busy host may keep it long */

extern const char ap_start[], ap_start_end[];

struct ap_hand_over ap_hand_over;
static u32 online; /* atomic: number of the CPU that came up last */

_Static_assert(offsetof(struct ap_hand_over, cr3) == AP_CR3 &&
                   offsetof(struct ap_hand_over, stack) == AP_STACK &&
                   offsetof(struct ap_hand_over, cpu) == AP_CPU,
               "ap_start.S");

static void wait_ns(u64 ns)
{
    u64 end = time_ns() + ns;

    while (time_ns() < end)
        cpu_relax();
}

/* First C of a starting processor, on its idle thread's stack. */
void ap_main(struct cpu *cpu) __noreturn;
void ap_main(struct cpu *cpu)
{
    wrmsr(MSR_GS_BASE, (u64)cpu);
    wrmsr(MSR_KERNEL_GS_BASE, 0);
    gdt_init(cpu);
    idt_load();
    features_init_cpu();
    fpu_init_cpu();
    ist_init(cpu);
    apic_init_cpu();
    sched_init();
    __atomic_store_n(&online, cpu->id, __ATOMIC_RELEASE);
    sched_idle_loop();
}

/* A struct cpu with its idle thread; NULL: no memory. */
static struct cpu *cpu_create(u32 id)
{
    struct cpu *cpu = kzalloc(sizeof(*cpu));
    struct thread *idle = kzalloc(sizeof(*idle));

    if (!cpu || !idle || !ledger_add_cpu(id))
        goto fail;
    idle->kstack_top = kstack_alloc();
    if (!idle->kstack_top)
        goto fail;
    thread_init_idle(idle, cpu);
    cpu->self = cpu;
    cpu->id = id;
    cpu->owner = id + 1;
    cpu->running = idle;
    cpu->kernel_stack = idle->kstack_top;
    return cpu;
fail:
    kfree(idle);
    kfree(cpu);
    return NULL;
}

static bool came_up(u32 id, u64 ns)
{
    u64 end = time_ns() + ns;

    while (__atomic_load_n(&online, __ATOMIC_ACQUIRE) != id) {
        if (time_ns() > end)
            return false;
        cpu_relax();
    }
    return true;
}

/* One that comes later finds nothing, or what is laid ready for the next one,
 * which then comes too late itself. False: it is just coming. */
static bool give_up(void)
{
    return __atomic_exchange_n(&ap_hand_over.cpu, NULL, __ATOMIC_ACQ_REL);
}

/* Starts the processor with that APIC as CPU number cpu_count. */
static void cpu_start(u32 apic_id)
{
    u32 id = cpu_count;
    struct cpu *cpu = cpu_create(id);
    int tries;

    if (!cpu) {
        printk("smp: no memory for the processor with APIC %u\n", apic_id);
        return;
    }
    ap_hand_over.cr3 = virt_to_phys(kernel_pgd);
    ap_hand_over.stack = cpu->kernel_stack;
    cpus[id] = cpu;
    __atomic_store_n(&ap_hand_over.cpu, cpu, __ATOMIC_RELEASE);
    ipi_startup(apic_id, AP_START_PA >> PAGE_SHIFT);
    for (tries = 1; !came_up(id, STARTUP_WAIT_NS); tries++) {
        if (tries >= STARTUP_TRIES && give_up()) {
            printk("smp: the processor with APIC %u does not answer\n",
                   apic_id);
            cpus[id] = NULL;
            return;
        }
        if (tries == 1)
            ipi_startup(apic_id, AP_START_PA >> PAGE_SHIFT);
    }
    WRITE_ONCE(cpu_count, id + 1);
}

void smp_init(void)
{
    u32 me = this_cpu()->arch.apic_id;
    unsigned i;

    if (acpi_apic_count <= 1)
        return;
    memcpy(phys_to_virt(AP_START_PA), ap_start,
           (size_t)(ap_start_end - ap_start));
    for (i = 0; i < acpi_apic_count; i++)
        if (acpi_apic_ids[i] != me)
            ipi_init(acpi_apic_ids[i]);
    wait_ns(INIT_WAIT_NS);
    for (i = 0; i < acpi_apic_count && cpu_count < MAX_CPUS; i++)
        if (acpi_apic_ids[i] != me)
            cpu_start(acpi_apic_ids[i]);
    printk("smp: %u processors\n", cpu_count);
}
