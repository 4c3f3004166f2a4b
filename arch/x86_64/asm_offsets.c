/*
 * Numbers the assembly shares with C: compiled to assembly only, from which
 * the build makes asm_offsets.h, so that an offset cannot drift. Also checks
 * the offsets that asm/cpu.h, which cannot see struct cpu, has by hand.
 */
#include <asm/regs.h>
#include <kernel/cpu.h>
#include <kernel/syscall.h>
#include <kernel/thread.h>

#define DEFINE(name, value)                                                    \
    __asm__ volatile("\n->" #name " %0" ::"i"((u64)(value)))
#define OFFSET(name, type, member) DEFINE(name, offsetof(type, member))

_Static_assert(offsetof(struct cpu, self) == CPU_SELF_OFFSET, "asm/cpu.h");
_Static_assert(offsetof(struct cpu, running) == CPU_CURRENT_OFFSET,
               "asm/cpu.h");
_Static_assert(offsetof(struct cpu, id) == CPU_ID_OFFSET, "asm/cpu.h");
_Static_assert(offsetof(struct cpu, locks) == CPU_LOCKS_OFFSET, "asm/cpu.h");
_Static_assert(offsetof(struct cpu, owner) == CPU_OWNER_OFFSET, "asm/cpu.h");
_Static_assert(sizeof(struct regs) == 21 * 8, "entry.S pushes 21 words");

void asm_offsets(void);

void asm_offsets(void)
{
    OFFSET(CPU_CURRENT, struct cpu, running);
    OFFSET(CPU_KERNEL_STACK, struct cpu, kernel_stack);
    OFFSET(CPU_USER_STACK, struct cpu, user_stack);
    OFFSET(THREAD_WORK, struct thread, work);
    OFFSET(REGS_R11, struct regs, r11);
    OFFSET(REGS_AX, struct regs, ax);
    OFFSET(REGS_CX, struct regs, cx);
    OFFSET(REGS_ORIG_AX, struct regs, orig_ax);
    OFFSET(REGS_IP, struct regs, ip);
    OFFSET(REGS_CS, struct regs, cs);
    OFFSET(REGS_FLAGS, struct regs, flags);
    OFFSET(REGS_SP, struct regs, sp);
    DEFINE(REGS_SIZE, sizeof(struct regs));
    DEFINE(NR_SYSCALLS, SYSCALL_COUNT);
}
