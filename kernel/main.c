/*
 * The order in which the kernel comes up. Entered from boot/start.S on the
 * boot stack, in long mode, interrupts off, the first 4 GiB mapped; at the end
 * this flow becomes the idle thread.
 */
#include <arch/machine.h>
#include <arch/setup.h>
#include <base/printk.h>
#include <kernel/boot_info.h>
#include <kernel/console.h>
#include <kernel/thread.h>
#include <kernel/trace.h>
#include <mm/mm.h>

#define VERSION "0.1"

/* `console=ttyS1` and `quiet`. */
static void console_options(void)
{
    char name[8];

    if (boot_option_value("console", name, sizeof(name)) == 5 &&
        name[4] >= '0' && name[4] <= '3')
        uart_select(name[4] - '0');
    console_set_quiet(boot_option("quiet"));
}

static u64 usable_mib(void)
{
    u64 bytes = 0;
    unsigned i;

    for (i = 0; i < boot_info.region_count; i++)
        if (boot_info.regions[i].type == BOOT_REGION_USABLE)
            bytes += boot_info.regions[i].length;
    return bytes >> 20;
}

static void say_hello(void)
{
    printk("faultline: %s, %lu MiB of memory, %u modules, loader %s\n", VERSION,
           usable_mib(), boot_info.module_count, boot_info.loader);
}

static void memory_init(void)
{
    boot_memory_init();
    arch_init_memory();
    page_alloc_init();
    slab_init();
    mm_init();
    vmalloc_init();
}

/* The number of `name=NUMBER`; false if there is none. */
static bool number_option(const char *name, u64 *number)
{
    char digits[12];
    const char *d;

    if (boot_option_value(name, digits, sizeof(digits)) < 0)
        return false;
    *number = 0;
    for (d = digits; *d >= '0' && *d <= '9'; d++)
        *number = *number * 10 + (u64)(*d - '0');
    return d != digits && !*d;
}

/* `limit=SECONDS` of guest time, and the knobs of Linux's names. */
static void number_options(void)
{
    u64 number;

    if (number_option("limit", &number))
        timer_set_limit(number * 1000000000ul);
    for (unsigned knob = 0; knob < KNOB_COUNT; knob++)
        if (number_option(overcommit_knob_names[knob], &number) &&
            overcommit_set(knob, (s64)number))
            printk("%s: no such mode\n", overcommit_knob_names[knob]);
}

/* `test=NAME` and `panic`. */
static void test_options(void)
{
    char name[24];

    if (boot_option_value("test", name, sizeof(name)) >= 0)
        arch_selftest(name);
    if (boot_option("panic"))
        panic("asked for on the command line");
}

void kernel_main(phys_addr_t info, u64 first_cycles);

void kernel_main(phys_addr_t info, u64 first_cycles)
{
    boot_info.first_cycles = first_cycles;
    arch_init_early();
    boot_info_read(info);
    console_options();
    say_hello();
    memory_init();
    arch_init_devices();
    thread_cache_init();
    sched_init();
    trace_init();
    smp_init();
    number_options();
    test_options();
    uart_enable_irq();
    init_task_start();
    sched_idle_loop();
}
