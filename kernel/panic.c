/*
 * The last word. A panic speaks whatever `quiet` says, prints where it
 * happened and stops the machine with END_PANIC; a panic inside a panic only
 * stops, and the other CPUs are stopped first, so that it speaks alone.
 */
#include <arch/cpu.h>
#include <arch/machine.h>
#include <base/printk.h>
#include <kernel/console.h>

static u32 panicking; /* 0, or 1 + the CPU whose panic it is */

bool panic_is_on(void)
{
    return READ_ONCE(panicking);
}

void panic_begin(void)
{
    u32 me = cpu_owner(), whose = 0;

    irq_disable();
    __atomic_compare_exchange_n(&panicking, &whose, me, false, __ATOMIC_SEQ_CST,
                                __ATOMIC_SEQ_CST);
    if (whose == me)
        machine_end(-1, END_PANIC);
    if (whose)
        cpu_stop();
    cpus_stop_others();
    console_panic_mode();
}

void panic(const char *fmt, ...)
{
    char reason[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintk(reason, sizeof(reason), fmt, ap);
    va_end(ap);
    panic_begin();
    printk("PANIC: %s\n", reason);
    registers_print();
    backtrace_print((u64)__builtin_frame_address(0));
    machine_end(-1, END_PANIC);
}
