/*
 * What the CPU's exceptions become, and that user code can hand the kernel
 * any register, flag or signal frame: it may die of it, nobody else does.
 */
#define _GNU_SOURCE
#include "tap.h"

#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>

#define NON_CANONICAL 0x8000000000000000ul
#define KERNEL_HALF   0xffffffff80101000ul
#define FLAG_TF       0x100ul
#define FLAG_DF       0x400ul
#define FLAG_NT       0x4000ul
#define FLAG_AC       0x40000ul

static sigjmp_buf again;
static volatile int seen_sig, seen_code;
static volatile uintptr_t seen_addr;
static volatile long seen_trap, seen_err, seen_cr2, seen_ip;

static void note(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;

    seen_sig = sig;
    seen_code = info->si_code;
    seen_addr = (uintptr_t)info->si_addr;
    seen_trap = uc->uc_mcontext.gregs[REG_TRAPNO];
    seen_err = uc->uc_mcontext.gregs[REG_ERR];
    seen_cr2 = uc->uc_mcontext.gregs[REG_CR2];
    seen_ip = uc->uc_mcontext.gregs[REG_RIP];
    siglongjmp(again, 1);
}

static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};

static void handle(void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction sa = {.sa_flags = SA_SIGINFO | SA_ONSTACK};

    sa.sa_sigaction = handler;
    for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        sigaction(signals[i], &sa, NULL);
}

/* Runs the statement; afterwards seen_* say what it raised. */
#define RAISES(statement)                                                      \
    do {                                                                       \
        seen_sig = seen_code = 0;                                              \
        seen_addr = 0;                                                         \
        if (!sigsetjmp(again, 1)) {                                            \
            statement;                                                         \
        }                                                                      \
    } while (0)

static void test_exceptions(void)
{
    volatile int one = 1, zero = 0;
    static const uint16_t unmasked = 0x37b; /* division by zero */

    RAISES(one /= zero);
    ok(seen_sig == SIGFPE && seen_code == FPE_INTDIV &&
           seen_addr == (uintptr_t)seen_ip && seen_trap == 0,
       "#DE: SIGFPE, FPE_INTDIV, at the instruction");
    RAISES(__asm__ volatile("ud2"));
    ok(seen_sig == SIGILL && seen_code == ILL_ILLOPN &&
           seen_addr == (uintptr_t)seen_ip && seen_trap == 6,
       "#UD: SIGILL, ILL_ILLOPN, at the instruction");
    RAISES(__asm__ volatile("int3"));
    ok(seen_sig == SIGTRAP && seen_code == SI_KERNEL, "#BP: SIGTRAP");
    RAISES(__asm__ volatile("hlt"));
    ok(seen_sig == SIGSEGV && seen_code == SI_KERNEL && seen_addr == 0 &&
           seen_trap == 13,
       "#GP: SIGSEGV, SI_KERNEL, no address");
    RAISES(__asm__ volatile("cli"));
    ok(seen_sig == SIGSEGV && seen_code == SI_KERNEL, "CLI is privileged");
    RAISES(__asm__ volatile("outb %%al, $0x80" ::: "memory"));
    ok(seen_sig == SIGSEGV && seen_code == SI_KERNEL, "so are ports");
    RAISES(*(volatile char *)NON_CANONICAL = 1);
    ok(seen_sig == SIGSEGV && seen_code == SI_KERNEL && seen_addr == 0,
       "a non-canonical address: SI_KERNEL, no address");
    /* Not SSE: QEMU does not raise #XM. */
    RAISES(__asm__ volatile(
        "fninit; fldcw %0; fld1; fldz; fdivrp; fwait" ::"m"(unmasked)));
    __asm__ volatile("fninit");
    ok(seen_sig == SIGFPE && seen_code == FPE_FLTDIV && seen_trap == 16,
       "#MF: SIGFPE, FPE_FLTDIV");
}

static void test_page_faults(void)
{
    char *ro = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    volatile char sink;

    RAISES(ro[5] = 1);
    ok(seen_sig == SIGSEGV && seen_code == SEGV_ACCERR &&
           seen_addr == (uintptr_t)ro + 5,
       "a write to a read-only page: SEGV_ACCERR at the byte");
    ok(seen_trap == 14 && (seen_err & 6) == 6 &&
           seen_cr2 == (long)(uintptr_t)ro + 5,
       "the context tells vector, error code and CR2");
    RAISES(sink = *(volatile char *)KERNEL_HALF);
    ok(seen_sig == SIGSEGV && seen_code == SEGV_MAPERR &&
           seen_addr == KERNEL_HALF,
       "a read of kernel text: SEGV_MAPERR");
    RAISES(((void (*)(void))ro)());
    ok(seen_sig == SIGSEGV && seen_addr == (uintptr_t)ro && seen_err & 16,
       "a jump to data: an instruction fetch");
    (void)sink;
    munmap(ro, PAGE);
}

/* A child runs fn and must die of SIGSEGV; or of SIGBUS, which the CPU's #SS
 * gives where QEMU raises #GP. */
static void dies(void (*fn)(void), const char *what)
{
    int status;
    pid_t pid = fork();

    if (!pid) {
        for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
            signal(signals[i], SIG_DFL);
        fn();
        _exit(0);
    }
    ok(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
           (WTERMSIG(status) == SIGSEGV || WTERMSIG(status) == SIGBUS),
       "%s kills", what);
}

static void wild_rip(void)
{
    __asm__ volatile("jmp *%0" ::"r"(NON_CANONICAL));
}

static void wild_ret(void)
{
    __asm__ volatile("push %0; ret" ::"r"(0x00007ffffffff000ul));
}

static void kernel_rip(void)
{
    __asm__ volatile("jmp *%0" ::"r"(KERNEL_HALF));
}

/* The next syscall works without a stack; the touch after it cannot. */
static void wild_rsp(void)
{
    __asm__ volatile("mov %0, %%rsp; mov $39, %%eax; syscall; push %%rax" ::"r"(
        NON_CANONICAL));
}

static void kernel_rsp(void)
{
    __asm__ volatile("mov %0, %%rsp; mov $39, %%eax; syscall; push %%rax" ::"r"(
        0xffffffff80130000ul));
}

static void int_0xff(void)
{
    __asm__ volatile("int $0xff");
}

static void signal_without_stack(void)
{
    handle(note);
    __asm__ volatile("mov %0, %%rsp; ud2" ::"r"(NON_CANONICAL));
}

static void handler_nowhere(void)
{
    struct sigaction sa = {.sa_handler = (void (*)(int))NON_CANONICAL};

    sigaction(SIGUSR1, &sa, NULL);
    raise(SIGUSR1);
}

/* Handlers that return to a context of their own making. */
static unsigned long wild_ip, wild_sp;

static void rewrite(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;

    (void)sig;
    (void)info;
    uc->uc_mcontext.gregs[REG_RIP] = wild_ip;
    uc->uc_mcontext.gregs[REG_RSP] = wild_sp;
    uc->uc_mcontext.gregs[REG_CSGSFS] = 0;
    uc->uc_mcontext.gregs[REG_EFL] = -1;
    uc->uc_mcontext.gregs[REG_CR2] = -1;
}

static void return_to(unsigned long ip, unsigned long sp)
{
    handle(rewrite);
    wild_ip = ip;
    wild_sp = sp;
    __asm__ volatile("ud2");
}

static void return_non_canonical(void)
{
    return_to(NON_CANONICAL, 0);
}

static void return_kernel(void)
{
    return_to(KERNEL_HALF, KERNEL_HALF);
}

static void return_edge(void)
{
    return_to(0x00007fffffffffff, NON_CANONICAL);
}

static void frame_at(unsigned long sp)
{
    __asm__ volatile("mov %0, %%rsp; mov $15, %%eax; syscall; ud2" ::"r"(sp));
}

static void frame_nowhere(void)
{
    frame_at(0x1000);
}

static void frame_of_ones(void)
{
    void *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    memset(p, 0xff, 4 * PAGE);
    frame_at((unsigned long)p + PAGE);
}

/* The FPU image of the frame is user memory, too. */
static void break_fpu(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    unsigned char *image = (unsigned char *)uc->uc_mcontext.fpregs;

    (void)sig;
    (void)info;
    memset(image + 24, 0xff, 4);         /* MXCSR: reserved bits */
    memset(image + 512 + 8, 0xff, 56);   /* XSAVE header: reserved bits */
    uc->uc_mcontext.gregs[REG_RIP] += 2; /* behind the ud2 */
}

static void bad_xsave_header(void)
{
    struct sigaction sa = {.sa_flags = SA_SIGINFO};

    sa.sa_sigaction = break_fpu;
    sigaction(SIGILL, &sa, NULL);
    __asm__ volatile("ud2");
}

static void test_wild(void)
{
    dies(wild_rip, "a jump to a non-canonical address");
    dies(wild_ret, "a return to the end of user space");
    dies(kernel_rip, "a jump into the kernel");
    dies(wild_rsp, "a syscall with a non-canonical stack");
    dies(kernel_rsp, "a syscall with a kernel stack");
    dies(int_0xff, "INT of a vector that is not for users");
    dies(signal_without_stack, "a signal without a stack");
    dies(handler_nowhere, "a handler at a non-canonical address");
    dies(return_non_canonical, "sigreturn to a non-canonical address");
    dies(return_kernel, "sigreturn into the kernel");
    dies(return_edge, "sigreturn to the last user byte");
    dies(frame_nowhere, "sigreturn without a frame");
    dies(frame_of_ones, "sigreturn from a frame of ones");
    dies(bad_xsave_header, "sigreturn with a bad XSAVE header");
}

/* A system call by hand: flags before, and after. */
static unsigned long syscall_with_flags(unsigned long flags)
{
    unsigned long after;
    long nr = SYS_getpid;

    __asm__ volatile("pushfq; pushfq; orq %2, (%%rsp); popfq\n"
                     "syscall\n"
                     "pushfq; pop %1; popfq"
                     : "+a"(nr), "=&r"(after)
                     : "r"(flags)
                     : "rcx", "r11", "memory");
    return nr == getpid() ? after : 0;
}

static volatile int steps;

static void count_step(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)context;
    steps += info->si_code == TRAP_TRACE;
}

static void test_flags(void)
{
    handle(count_step);
    ok(syscall_with_flags(FLAG_DF) & FLAG_DF, "DF survives a system call");
    ok(syscall_with_flags(FLAG_AC) & FLAG_AC, "AC survives a system call");
    ok(syscall_with_flags(FLAG_NT) & FLAG_NT, "NT survives a system call");
    steps = 0;
    ok(syscall_with_flags(FLAG_TF) && steps > 2,
       "single steps around a system call");
    handle(note);
    __asm__ volatile("std");
    RAISES(__asm__ volatile("ud2"));
    __asm__ volatile("cld");
    is(seen_sig, SIGILL, "an exception with DF set");
}

/* Every register but rax, rcx and r11 comes back from a system call. */
static void test_registers(void)
{
    unsigned long mismatch;

    __asm__ volatile("push %%rbp; push %%rbx\n"
                     "mov $0x101, %%rbx; mov $0x102, %%rbp; mov $0x103, %%rdi\n"
                     "mov $0x104, %%rsi; mov $0x105, %%rdx; mov $0x106, %%r8\n"
                     "mov $0x107, %%r9; mov $0x108, %%r10; mov $0x109, %%r12\n"
                     "mov $0x10a, %%r13; mov $0x10b, %%r14; mov $0x10c, %%r15\n"
                     "mov $0x7fff, %%eax; syscall\n"
                     "add $38, %%rax\n" /* -ENOSYS + 38 == 0 */
                     "xor $0x101, %%rbx; or %%rbx, %%rax; xor $0x102, %%rbp\n"
                     "or %%rbp, %%rax; xor $0x103, %%rdi; or %%rdi, %%rax\n"
                     "xor $0x104, %%rsi; or %%rsi, %%rax; xor $0x105, %%rdx\n"
                     "or %%rdx, %%rax; xor $0x106, %%r8; or %%r8, %%rax\n"
                     "xor $0x107, %%r9; or %%r9, %%rax; xor $0x108, %%r10\n"
                     "or %%r10, %%rax; xor $0x109, %%r12; or %%r12, %%rax\n"
                     "xor $0x10a, %%r13; or %%r13, %%rax; xor $0x10b, %%r14\n"
                     "or %%r14, %%rax; xor $0x10c, %%r15; or %%r15, %%rax\n"
                     "pop %%rbx; pop %%rbp"
                     : "=a"(mismatch)
                     :
                     : "rdi", "rsi", "rdx", "r8", "r9", "r10", "r12", "r13",
                       "r14", "r15", "rcx", "r11", "memory");
    is(mismatch, 0, "a system call keeps the registers");
}

int main(void)
{
    static char alt[4 * PAGE] __attribute__((aligned(16)));
    stack_t ss = {.ss_sp = alt, .ss_size = sizeof(alt)};

    handle(note);
    test_registers();
    test_exceptions();
    test_page_faults();
    test_flags();
    test_wild();
    sigaltstack(&ss, NULL);
    is(getppid() > 0, 1, "and the machine goes on");
    return done_testing();
}
