/*
 * The flags register over system calls and signals: what a program has set, it
 * still has afterwards, also the bit of nested tasks, which only a trap's
 * handler could lose.
 */
#include "probe.h"

#define CF 0x1ul
#define TF 0x100ul
#define DF 0x400ul
#define NT 0x4000ul
#define AC 0x40000ul
#define ID 0x200000ul

static volatile int traps;

static void on_trap(int number)
{
    (void)number;
    traps++;
}

/* Sets flags, makes a system call, returns the flags, which are ordinary ones
 * again. */
static unsigned long over_a_call(unsigned long flags)
{
    unsigned long after;

    asm volatile("subq $128, %%rsp\n\t" /* the red zone */
                 "pushfq\n\t"
                 "orq %[flags], (%%rsp)\n\t"
                 "popfq\n\t"
                 "syscall\n\t"
                 "pushfq\n\t"
                 "popq %[after]\n\t"
                 "pushq $0x202\n\t"
                 "popfq\n\t"
                 "addq $128, %%rsp"
                 : [after] "=&r"(after)
                 : [flags] "r"(flags), "a"(SYS_getpid)
                 : "rcx", "r11", "memory", "cc");
    return after & flags;
}

static const struct {
    unsigned long flags;
    const char *name;
} rows[] = {
    {NT, "the bit of nested tasks"},
    {NT | TF, "the same, with a trap after each instruction"},
    {NT | AC | TF, "and alignment checks"},
    {ID | TF, "the identification bit, with traps"},
    {DF | TF, "the direction, with traps"},
    {AC | CF, "alignment checks and carry"},
};

int main(void)
{
    signal(SIGTRAP, on_trap);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        is(over_a_call(rows[i].flags), rows[i].flags, rows[i].name);
    ok(traps > 10, "the traps came");
    return done_testing();
}
