/*
 * The last word. A panic speaks whatever `quiet` says, prints where it
 * happened and stops the machine with END_PANIC; a panic inside a panic only
 * stops.
 */
#include <arch/cpu.h>
#include <arch/machine.h>
#include <base/printk.h>
#include <kernel/console.h>

static u32 panicking;

void panic_begin(void)
{
    irq_disable();
    if (__atomic_exchange_n(&panicking, 1, __ATOMIC_SEQ_CST))
        machine_end(-1, END_PANIC);
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
