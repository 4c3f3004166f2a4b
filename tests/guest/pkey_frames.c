/*
 * Protection keys and the kernel's own doings: a signal reaches a thread that
 * has closed all keys, even that of memory without one, and leaves the
 * register as it was; a sealed area that the register does not let write is
 * not discarded. See pkeys(7), mseal(2).
 */
#include "pkru.h"
#include "mm_util.h"

#define CLOSED  0x55555555u
#define INITIAL 0x55555554u

static volatile int seen, seen_code;
static volatile unsigned seen_pkru;
static void *volatile seen_address;
static sigjmp_buf jump;

static void handler(int number, siginfo_t *info, void *context)
{
    (void)context;
    seen = number;
    seen_pkru = rdpkru();
    seen_code = info->si_code;
    seen_address = info->si_addr;
    if (number == SIGSEGV)
        siglongjmp(jump, 1);
}

static void on(int number)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO};

    action.sa_sigaction = handler;
    must(!sigaction(number, &action, NULL));
}

/* With every key closed there is no stack and no variable: all in registers. */
static void test_fault(void)
{
    on(SIGSEGV);
    if (!sigsetjmp(jump, 1))
        asm volatile("wrpkru\n\tmovl $1, 1"
                     :
                     : "a"(CLOSED), "c"(0), "d"(0)
                     : "memory");
    wrpkru(INITIAL);
    is(seen, SIGSEGV, "a fault with all keys closed has its handler");
    is(seen_code, SEGV_MAPERR, "which hears what was wrong");
    ok(seen_address == (void *)1, "and where");
    is(seen_pkru, INITIAL, "and can use its memory");
    signal(SIGSEGV, SIG_DFL);
}

static void test_signal(void)
{
    register long tid asm("r12") = syscall(SYS_gettid);
    unsigned after;

    on(SIGUSR1);
    seen = 0;
    asm volatile("wrpkru\n\t"
                 "mov %%r12, %%rdi\n\t"
                 "mov %[sig], %%esi\n\t"
                 "mov %[tkill], %%eax\n\t"
                 "syscall\n\t"
                 "xor %%ecx, %%ecx\n\t"
                 "rdpkru\n\t"
                 "mov %%eax, %%r13d\n\t"
                 "mov %[open], %%eax\n\t"
                 "xor %%edx, %%edx\n\t"
                 "wrpkru\n\t"
                 "mov %%r13d, %[after]"
                 : [after] "=r"(after), "+r"(tid)
                 : "a"(CLOSED), "c"(0), "d"(0), [sig] "i"(SIGUSR1),
                   [tkill] "i"(SYS_tkill), [open] "i"(INITIAL)
                 : "memory", "rdi", "rsi", "r11", "r13");
    is(seen, SIGUSR1, "a signal with all keys closed has its handler");
    is(seen_pkru, INITIAL, "which can use its memory");
    is(after, CLOSED, "afterwards they are closed again");
}

static void test_seal(void)
{
    char *page = map_pages(1);
    int key = syscall(SYS_pkey_alloc, 0, 0);

    must(key > 0);
    *page = 1;
    must(!syscall(SYS_pkey_mprotect, page, PAGE, RW, key));
    must(!syscall(462, page, PAGE, 0));
    wrpkru(INITIAL | 2u << 2 * key);
    fails(madvise(page, PAGE, MADV_DONTNEED), EPERM,
          "sealed, and the key forbids to write");
    wrpkru(INITIAL & ~(3u << 2 * key));
    is(*page, 1, "the page is still there");
    works(madvise(page, PAGE, MADV_DONTNEED), "the key allows to write");
    is(*page, 0, "now it is gone");
}

int main(void)
{
    if (syscall(SYS_pkey_alloc, 0, 0) < 0) {
        is(errno, ENOSPC, "the processor has no protection keys");
        return done_testing();
    }
    test_fault();
    test_signal();
    test_seal();
    return done_testing();
}
