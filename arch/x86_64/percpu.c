/* The CPUs' data. GS base points at this CPU's struct cpu all the time the
 * kernel runs; in user mode it waits in KERNEL_GS_BASE. */
#include <asm/msr.h>
#include <asm/setup.h>
#include <base/list.h>
#include <kernel/cpu.h>
#include <kernel/thread.h>

static struct cpu boot_cpu = {.owner = 1};
/* The boot flow as a thread; the scheduler makes it the idle one. */
static struct thread boot_thread = {
    .kstack_top = (u64)boot_stack_top,
    .run_link = LIST_HEAD_INIT(boot_thread.run_link),
    .task_link = LIST_HEAD_INIT(boot_thread.task_link),
    .timer_link = LIST_HEAD_INIT(boot_thread.timer_link),
    .all_link = LIST_HEAD_INIT(boot_thread.all_link),
    .name = "idle/0",
};
struct cpu *cpus[MAX_CPUS] = {&boot_cpu};
unsigned cpu_count = 1;

void percpu_init_boot(void)
{
    boot_cpu.self = &boot_cpu;
    boot_cpu.running = &boot_thread;
    boot_cpu.kernel_stack = boot_thread.kstack_top;
    wrmsr(MSR_GS_BASE, (u64)&boot_cpu);
    wrmsr(MSR_KERNEL_GS_BASE, 0);
}
