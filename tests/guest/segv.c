/*
 * SIGSEGV: si_code and si_addr, handlers that jump out or repair and return,
 * the register state in between, and that an unhandled one ends only the
 * task that caused it.
 */
#define _GNU_SOURCE
#include "probe.h"

#include <ucontext.h>

#define KERNEL_HALF   ((char *)0xffff888000000000UL)
#define NON_CANONICAL ((char *)0x0000900000000000UL)

#define SI_FROM_KERNEL 0x80

static void test_codes(void)
{
    char *page = map_pages(1);

    mprotect(page, PAGE, PROT_READ);
    is(probe_read(NULL), SEGV_MAPERR, "a null pointer is SEGV_MAPERR");
    ok(probe_address == NULL, "at 0");
    is(probe_write((char *)0x123, 1), SEGV_MAPERR, "near null as well");
    ok(probe_address == (void *)0x123, "with the exact address");
    is(probe_write(page + 99, 1), SEGV_ACCERR, "a read-only page SEGV_ACCERR");
    ok(probe_address == page + 99, "with the exact address");
    is(probe_read(KERNEL_HALF), SEGV_MAPERR, "the kernel's half: SEGV_MAPERR");
    ok(probe_address == KERNEL_HALF, "with the address");
    is(probe_write(KERNEL_HALF, 1), SEGV_MAPERR, "also for a write");
    is(probe_call(KERNEL_HALF), SEGV_MAPERR, "and a jump");
    is(probe_read(NON_CANONICAL), SI_FROM_KERNEL,
       "a non-canonical address is a general protection fault");
    ok(probe_address == NULL, "which has no address");
    munmap(page, PAGE);
    is(probe_read(page), SEGV_MAPERR, "an unmapped page is SEGV_MAPERR");
    is(probe_signal, SIGSEGV, "all of them SIGSEGV");
}

static char *repair_page;
static volatile int repair_count;

static void repair(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    repair_count++;
    if (info->si_addr == repair_page)
        mprotect(repair_page, PAGE, PROT_READ | PROT_WRITE);
    else
        _exit(77);
}

static void handle_with(void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction action = {.sa_flags = SA_SIGINFO};

    action.sa_sigaction = handler;
    works(sigaction(SIGSEGV, &action, NULL), "a handler is set");
}

static void test_repair(void)
{
    repair_page = map_pages(1);
    mprotect(repair_page, PAGE, PROT_NONE);
    handle_with(repair);
    *(volatile char *)repair_page = 42;
    is(repair_count, 1, "a handler that repairs runs once");
    is(*repair_page, 42, "and the store is done again");
    signal(SIGSEGV, SIG_DFL);
    munmap(repair_page, PAGE);
}

static volatile long skip_error;
static volatile long skip_trap;
static volatile long skip_address;

/* Steps over the two-byte instruction that faulted. */
static void skip(int number, siginfo_t *info, void *context)
{
    gregset_t *registers = &((ucontext_t *)context)->uc_mcontext.gregs;

    (void)number;
    (void)info;
    skip_error = (*registers)[REG_ERR];
    skip_trap = (*registers)[REG_TRAPNO];
    skip_address = (*registers)[REG_CR2];
    (*registers)[REG_RIP] += 2;
    (*registers)[REG_RBX] = 0x5eed;
}

/* A one-byte load from ADDRESS with known values around it. */
static int load_checked(const char *address, long *rbx)
{
    long value = 0x1234567;
    unsigned char carry;

    *rbx = 1;
    asm volatile("stc\n"
                 "movb (%%rcx), %%al\n"
                 "setc %1\n"
                 : "+b"(*rbx), "=r"(carry), "+r"(value)
                 : "c"(address)
                 : "rax", "memory", "cc");
    return value == 0x1234567 && carry == 1;
}

static void test_context(void)
{
    char *page = map_pages(1);
    long rbx;

    mprotect(page, PAGE, PROT_NONE);
    handle_with(skip);
    ok(load_checked(page, &rbx), "registers and flags survive a handler");
    is(rbx, 0x5eed, "a register the handler changes is changed");
    is(skip_trap, 14, "the trap number is that of a page fault");
    is(skip_address, (long)page, "cr2 is the address");
    is(skip_error & 6, 4, "the error code says: user, read");
    signal(SIGSEGV, SIG_DFL);
    munmap(page, PAGE);
}

static __attribute__((noipa)) int die_of_fault(void *address)
{
    *(volatile char *)address = 1;
    return 0;
}

static int die_of_trap(void *unused)
{
    (void)unused;
    asm volatile("ud2");
    return 0;
}

static int die_of_privilege(void *unused)
{
    (void)unused;
    asm volatile("cli");
    return 0;
}

static int die_of_division(void *zero)
{
    volatile int one = 1;

    return one / *(volatile int *)zero;
}

/* With SIGSEGV blocked or ignored the fault kills nevertheless. */
static int die_though_ignored(void *unused)
{
    sigset_t set;

    (void)unused;
    signal(SIGSEGV, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGSEGV);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return die_of_fault((void *)8);
}

static void test_unhandled(void)
{
    static int zero;

    is(in_child(die_of_fault, NULL), 1000 + SIGSEGV, "unhandled: SIGSEGV");
    is(in_child(die_of_fault, KERNEL_HALF), 1000 + SIGSEGV,
       "the kernel's half: SIGSEGV");
    is(in_child(die_of_fault, NON_CANONICAL), 1000 + SIGSEGV,
       "a non-canonical address: SIGSEGV");
    is(in_child(die_though_ignored, NULL), 1000 + SIGSEGV,
       "ignored and blocked: SIGSEGV all the same");
    is(in_child(die_of_trap, NULL), 1000 + SIGILL, "ud2: SIGILL");
    is(in_child(die_of_privilege, NULL), 1000 + SIGSEGV, "cli: SIGSEGV");
    is(in_child(die_of_division, &zero), 1000 + SIGFPE, "1 / 0: SIGFPE");
    ok(1, "the parent has noticed nothing");
}

int main(void)
{
    test_codes();
    test_repair();
    test_context();
    test_unhandled();
    return done_testing();
}
