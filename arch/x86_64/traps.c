/*
 * Exceptions other than page faults (Intel SDM vol. 3, 6.15). In user mode an
 * exception becomes a signal, with Linux's si_code and si_addr; in the kernel
 * it is an announced user access that failed, or the end.
 */
#include <arch/machine.h>
#include <arch/thread.h>
#include <asm/fpu.h>
#include <asm/setup.h>
#include <asm/traps.h>
#include <base/printk.h>
#include <kernel/oops.h>
#include <kernel/thread.h>

#define ADDR_NONE false
#define ADDR_IP   true

extern char iret_to_user[];

static u64 nmi_ignored; /* for GDB */

static const char *const trap_names[32] = {
    [TRAP_DE] = "divide error",
    [TRAP_DB] = "debug exception",
    [TRAP_NMI] = "non-maskable interrupt",
    [TRAP_BP] = "breakpoint",
    [TRAP_OF] = "overflow",
    [TRAP_BR] = "bound range exceeded",
    [TRAP_UD] = "invalid opcode",
    [TRAP_NM] = "device not available",
    [TRAP_DF] = "double fault",
    [TRAP_TS] = "invalid TSS",
    [TRAP_NP] = "segment not present",
    [TRAP_SS] = "stack segment fault",
    [TRAP_GP] = "general protection fault",
    [TRAP_PF] = "page fault",
    [TRAP_MF] = "x87 floating-point error",
    [TRAP_AC] = "alignment check",
    [TRAP_MC] = "machine check",
    [TRAP_XM] = "SIMD floating-point error",
};

/* What user code is told. Those not listed: SIGSEGV with SI_KERNEL. */
static const struct trap_signal {
    u8 sig, code;
    bool address; /* si_addr is the instruction's */
} trap_signals[32] = {
    [TRAP_DE] = {SIGFPE, FPE_INTDIV, ADDR_IP},
    [TRAP_DB] = {SIGTRAP, TRAP_TRACE, ADDR_IP},
    [TRAP_BP] = {SIGTRAP, SI_KERNEL, ADDR_NONE},
    [TRAP_UD] = {SIGILL, ILL_ILLOPN, ADDR_IP},
    [TRAP_NP] = {SIGBUS, SI_KERNEL, ADDR_NONE},
    [TRAP_SS] = {SIGBUS, SI_KERNEL, ADDR_NONE},
    [TRAP_MF] = {SIGFPE, 0, ADDR_IP}, /* code: what the FPU says */
    [TRAP_AC] = {SIGBUS, BUS_ADRALN, ADDR_NONE},
    [TRAP_XM] = {SIGFPE, 0, ADDR_IP},
};

static void user_trap(struct regs *regs, u64 vector, u64 error_code)
{
    struct trap_signal s = trap_signals[vector];
    int code = s.code;

    if (!s.sig) {
        s.sig = SIGSEGV;
        code = SI_KERNEL;
    }
    if (vector == TRAP_MF || vector == TRAP_XM)
        code = fpu_exception_code(vector == TRAP_MF);
    trap_note(current, vector, error_code, 0);
    irq_enable();
    signal_force(s.sig, code, s.address ? regs->ip : 0);
}

/*
 * The IRET to user mode refused what thread_regs() held. That has been checked
 * wherever it can be set, so this is the second line: the thread gets a
 * SIGSEGV at address 0. regs overlaps the frame, which is made anew.
 */
static void bad_return_to_user(void) __noreturn;
static void bad_return_to_user(void)
{
    arch_thread_exec(0, 0);
    irq_enable();
    signal_force(SIGSEGV, SI_KERNEL, 0);
    arch_enter_user();
}

void die(const char *reason, struct regs *regs)
{
    u64 cr2 = cr2_read();
    bool safe = !regs_user(regs) && oops_is_safe(regs->flags & RFLAGS_IF);

    if (!safe)
        panic_begin();
    printk("%s: %s\n", safe ? "OOPS" : "PANIC", reason);
    printk("at");
    address_print(regs->ip);
    regs_print(regs);
    registers_print();
    if (!regs_user(regs))
        backtrace_print(regs->bp);
    printk("cr2 %016lx\n", cr2);
    walk_print(cr2);
    if (!safe)
        machine_end(-1, END_PANIC);
    printk("killing task %s[%u]\n", current->name, thread_pid(current));
    irq_enable();
    oops_end();
}

static bool stack_overflowed(u64 address)
{
    return kstack_is_guard(address) ||
           (address >= (u64)boot_stack_guard && address < (u64)boot_stack);
}

/* Traps that need no repair in the kernel's own code. */
static void kernel_trap(struct regs *regs, u64 vector)
{
    char reason[64];

    if (regs->ip == (u64)iret_to_user)
        bad_return_to_user();
    if (vector == TRAP_DF && stack_overflowed(cr2_read()))
        die("kernel stack overflow", regs);
    if ((vector == TRAP_GP || vector == TRAP_SS) && extable_fixup(regs))
        return;
    if (vector == TRAP_DB) { /* nobody sets one: a stray single step */
        regs->flags &= ~RFLAGS_TF;
        return;
    }
    if (!trap_names[vector])
        snprintk(reason, sizeof(reason), "exception %lu in the kernel", vector);
    else
        snprintk(reason, sizeof(reason), "%s in the kernel",
                 trap_names[vector]);
    die(reason, regs);
}

void trap_dispatch(struct regs *regs, u64 vector, u64 error_code)
{
    if (vector >= 32)
        irq_dispatch(regs, vector);
    else if (vector == TRAP_NMI && panic_is_on())
        cpu_stop();
    else if (vector == TRAP_NMI)
        nmi_ignored++; /* it may have come in the middle of a printk() */
    else if (vector == TRAP_MC)
        die("machine check", regs);
    else if (regs_user(regs) && vector != TRAP_DF)
        user_trap(regs, vector, error_code);
    else
        kernel_trap(regs, vector);
}
