/*
 * The frame: vector registers survive a handler that uses them, also the
 * upper halves; what the context says of them; alternate stacks to their end;
 * jumps out of handlers.
 */
#define _GNU_SOURCE
#include "probe.h"

#include <cpuid.h>
#include <sched.h>
#include <ucontext.h>

typedef unsigned char vector[32];

static int have_avx(void)
{
    unsigned a, b, c, d;

    return __get_cpuid(1, &a, &b, &c, &d) && (c & 1u << 27) && (c & 1u << 28);
}

static int avx;

static void scribble(void)
{
    asm volatile("pcmpeqd %%xmm0, %%xmm0\n movdqa %%xmm0, %%xmm7\n"
                 "movdqa %%xmm0, %%xmm15\n fldpi\n" ::
                     : "xmm0", "xmm7", "xmm15");
    if (avx)
        asm volatile("vcmptrueps %%ymm0, %%ymm0, %%ymm0\n"
                     "vmovaps %%ymm0, %%ymm7\n vmovaps %%ymm0, %%ymm15\n" ::
                         : "xmm0", "xmm7", "xmm15");
}

static volatile int clean, runs, saw_xmm, saw_ymm, saw_magic;
static vector pattern;

static int initial(void)
{
    unsigned short cw;
    unsigned mxcsr;

    asm volatile("fnstcw %0\n stmxcsr %1" : "=m"(cw), "=m"(mxcsr));
    return cw == 0x37f && mxcsr == 0x1f80;
}

static void handler(int number, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    const unsigned char *fp = (void *)uc->uc_mcontext.fpregs;
    const unsigned *sw = (const void *)(fp + 464);

    (void)number;
    (void)info;
    clean = initial();
    saw_xmm = !memcmp(fp + 160 + 7 * 16, pattern, 16);
    saw_magic = sw[0] == 0x46505853u &&
                *(const unsigned *)(fp + sw[1] - 4) == 0x46505845u;
    saw_ymm = !avx || !memcmp(fp + 576 + 7 * 16, pattern + 16, 16);
    runs++;
    scribble();
}

/* Two registers hold the pattern, then a signal; returns whether they do. */
static int survives(void)
{
    vector out7, out15;
    long r;

    for (int i = 0; i < 32; i++)
        pattern[i] = (unsigned char)(i * 7 + 3);
    if (avx)
        asm volatile("vmovdqu (%2), %%ymm7\n vmovdqu (%2), %%ymm15\n"
                     "syscall\n vmovdqu %%ymm7, (%3)\n vmovdqu %%ymm15, (%4)\n"
                     "vzeroupper"
                     : "=a"(r)
                     : "a"(SYS_tkill), "r"(pattern), "r"(out7), "r"(out15),
                       "D"(getpid()), "S"(SIGUSR1)
                     : "rcx", "r11", "memory", "xmm7", "xmm15");
    else
        asm volatile("movdqu (%2), %%xmm7\n movdqu (%2), %%xmm15\n"
                     "syscall\n movdqu %%xmm7, (%3)\n movdqu %%xmm15, (%4)\n"
                     : "=a"(r)
                     : "a"(SYS_tkill), "r"(pattern), "r"(out7), "r"(out15),
                       "D"(getpid()), "S"(SIGUSR1)
                     : "rcx", "r11", "memory", "xmm7", "xmm15");
    return !r && !memcmp(out7, pattern, avx ? 32 : 16) &&
           !memcmp(out15, pattern, avx ? 32 : 16);
}

static void test_vectors(void)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO};
    unsigned short cw = 0x27f;
    int good = 1;

    avx = have_avx();
    diag("AVX: %s", avx ? "yes" : "no");
    action.sa_sigaction = handler;
    must(!sigaction(SIGUSR1, &action, NULL));
    asm volatile("fldcw %0" ::"m"(cw));
    ok(survives(), "vector registers survive a handler that changes them");
    is(runs, 1, "which has run");
    asm volatile("fnstcw %0" : "=m"(cw));
    is(cw, 0x27f, "so does the x87 control word");
    ok(clean, "the handler began with a fresh one");
    ok(saw_xmm, "the context has the xmm registers");
    ok(saw_ymm, "and the upper halves");
    ok(saw_magic, "and says so");
    for (int i = 0; i < 200; i++) {
        good &= survives();
        if (i % 8 == 0)
            sched_yield();
    }
    ok(good, "time and again");
    cw = 0x37f;
    asm volatile("fldcw %0" ::"m"(cw));
}

/* The handler changes xmm7 in the context: the interrupted code sees that. */
static void rewrite(int number, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;

    (void)number;
    (void)info;
    memset((char *)uc->uc_mcontext.fpregs + 160 + 7 * 16, 0x5a, 16);
}

static void test_rewrite(void)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO};

    action.sa_sigaction = rewrite;
    must(!sigaction(SIGUSR1, &action, NULL));
    must(!survives());
    memset(pattern, 0x5a, sizeof(pattern));
    vector out;
    long r;

    asm volatile("pxor %%xmm7, %%xmm7\n movdqu (%2), %%xmm7\n syscall\n"
                 "movdqu %%xmm7, (%3)"
                 : "=a"(r)
                 : "a"(SYS_tkill), "r"(out), "r"(out), "D"(getpid()),
                   "S"(SIGUSR1)
                 : "rcx", "r11", "memory", "xmm7");
    ok(!r && !memcmp(out, pattern, 16), "a changed context is restored");
}

/* ---- alternate stacks ---- */

static stack_t inside;
static volatile long inside_set;
static char *alt_stack;
static volatile int depth;

static void look(int number)
{
    stack_t other = {.ss_sp = alt_stack, .ss_size = 8192};

    (void)number;
    sigaltstack(NULL, &inside);
    errno = 0;
    inside_set = sigaltstack(&other, NULL) ? errno : 0;
}

static void set_stack(int flags)
{
    stack_t ss = {.ss_sp = alt_stack, .ss_size = 4 * PAGE, .ss_flags = flags};

    must(!sigaltstack(&ss, NULL));
}

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1u << 31)
#endif

static void test_altstack(void)
{
    struct sigaction action = {.sa_handler = look, .sa_flags = SA_ONSTACK};
    stack_t now;

    alt_stack = map_pages(4);
    must(!sigaction(SIGUSR1, &action, NULL));
    set_stack(0);
    raise(SIGUSR1);
    is(inside.ss_flags, SS_ONSTACK, "in the handler: SS_ONSTACK");
    is(inside_set, EPERM, "it cannot be changed there");
    set_stack((int)SS_AUTODISARM);
    sigaltstack(NULL, &now);
    is(now.ss_flags, (int)SS_AUTODISARM, "SS_AUTODISARM is remembered");
    raise(SIGUSR1);
    is(inside.ss_flags, SS_DISABLE, "in the handler there is none then");
    is(inside_set, 0, "so it can be set");
    sigaltstack(NULL, &now);
    ok(now.ss_flags == (int)SS_AUTODISARM && now.ss_size == 4 * PAGE,
       "the return restores the old one");
    now.ss_flags = 4;
    fails(sigaltstack(&now, NULL), EINVAL, "unknown flags");
}

static void deeper(int number)
{
    depth++;
    raise(number);
}

/* Handlers nested on the alternate stack until it is full. */
static int overflows(void *unused)
{
    struct sigaction action = {.sa_handler = deeper,
                               .sa_flags = SA_ONSTACK | SA_NODEFER};

    (void)unused;
    set_stack(0);
    must(!sigaction(SIGUSR1, &action, NULL));
    raise(SIGUSR1);
    return 0;
}

static int bad_stack(void *handle_it)
{
    if (handle_it)
        signal(SIGSEGV, look);
    signal(SIGUSR1, look);
    asm volatile("mov $8, %%rsp\n syscall" ::"a"(SYS_tkill), "D"(getpid()),
                 "S"(SIGUSR1)
                 : "memory");
    return 0;
}

static sigjmp_buf jump;

static void leave(int number)
{
    siglongjmp(jump, number);
}

static int recurse(int n)
{
    volatile char fill[4096];

    fill[0] = (char)n;
    return n ? recurse(n - 1) + fill[0] : 0;
}

static int overflow_jump(void *unused)
{
    struct sigaction action = {.sa_handler = leave, .sa_flags = SA_ONSTACK};

    (void)unused;
    set_stack(0);
    must(!sigaction(SIGSEGV, &action, NULL));
    for (volatile int i = 0; i < 3; i++)
        if (sigsetjmp(jump, 1) == 0)
            return recurse(1 << 20);
    return 7;
}

static int jumps(void *unused)
{
    volatile int n = 0;

    (void)unused;
    signal(SIGUSR1, leave);
    for (n = 0; n < 1000; n++)
        if (sigsetjmp(jump, 1) == 0)
            raise(SIGUSR1);
    return n == 1000 ? 0 : 1;
}

int main(void)
{
    test_vectors();
    test_rewrite();
    test_altstack();
    is(in_child(overflows, NULL), 1000 + SIGSEGV,
       "no room left on the alternate stack: SIGSEGV");
    is(in_child(bad_stack, NULL), 1000 + SIGSEGV, "no stack for the frame");
    is(in_child(bad_stack, alt_stack), 1000 + SIGSEGV,
       "nor for a handler of SIGSEGV");
    is(in_child(overflow_jump, NULL), 7, "siglongjmp after a stack overflow");
    is(in_child(jumps, NULL), 0, "a thousand jumps out of a handler");
    return done_testing();
}
