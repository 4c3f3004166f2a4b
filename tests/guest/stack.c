/*
 * The main stack: it grows on demand down to RLIMIT_STACK, stops there with
 * a SIGSEGV that can be taken on an alternate stack, and MAP_GROWSDOWN
 * mappings grow likewise.
 */
#include "probe.h"

#include <sys/resource.h>

#define STEP     65536
#define ALT_SIZE (8 * PAGE)

static size_t stack_limit = 8 << 20;

/* Uses STEPS frames of 64 KiB; the result keeps the compiler honest. */
__attribute__((noinline)) static unsigned long use_stack(int steps)
{
    volatile char frame[STEP];

    frame[0] = steps;
    frame[STEP - 1] = steps;
    if (!steps)
        return frame[0];
    return use_stack(steps - 1) + frame[STEP - 1] - (char)steps;
}

/* The address that many bytes below the stack pointer. */
static char *below(size_t bytes)
{
    char *pointer;

    asm volatile("movq %%rsp, %0" : "=r"(pointer));
    return pointer - bytes;
}

static void test_grows(void)
{
    is(use_stack(16), 0, "the stack grows by 1 MiB");
    is(use_stack(16), 0, "and is there the second time");
    is(use_stack(112), 0, "and by 7 MiB");
}

/* One access far below the stack pointer is within the limit all the same. */
static void test_far_access(void)
{
    is(probe_read(below((7 << 20) + (300 << 10))), 0,
       "a far access within the limit grows it at once");
    is(probe_read(below(9 << 20)), SEGV_MAPERR,
       "one beyond the limit does not");
}

static int with_limit(void *unused)
{
    struct rlimit limit = {.rlim_cur = 1 << 20, .rlim_max = 8 << 20};

    (void)unused;
    if (setrlimit(RLIMIT_STACK, &limit))
        return 100;
    if (probe_read(below(900 << 10)))
        return 101;
    return probe_read(below(1200 << 10)) == SEGV_MAPERR;
}

static sigjmp_buf overflow_jump;
static char *volatile overflow_address;
static volatile int overflow_on_alt;
static char *alt_stack;

static void overflow_handler(int number, siginfo_t *info, void *context)
{
    char here;

    (void)number;
    (void)context;
    overflow_address = info->si_addr;
    overflow_on_alt = &here >= alt_stack && &here < alt_stack + ALT_SIZE;
    siglongjmp(overflow_jump, 1);
}

static void handle_on_alt_stack(void)
{
    stack_t alt = {.ss_size = ALT_SIZE};
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK};

    alt_stack = map_pages(ALT_SIZE / PAGE);
    alt.ss_sp = alt_stack;
    works(sigaltstack(&alt, NULL), "sigaltstack");
    action.sa_sigaction = overflow_handler;
    works(sigaction(SIGSEGV, &action, NULL), "sigaction with SA_ONSTACK");
}

static void test_overflow(void)
{
    char *here = (char *)&here;
    int steps = stack_limit / STEP + 64;
    size_t depth;

    handle_on_alt_stack();
    if (!sigsetjmp(overflow_jump, 1)) {
        use_stack(steps);
        ok(0, "the stack has an end");
        return;
    }
    ok(1, "the stack has an end");
    ok(overflow_on_alt, "its handler runs on the alternate stack");
    depth = here - overflow_address;
    ok(depth > stack_limit - (1 << 20) && depth <= stack_limit + STEP,
       "the end is at the limit");
    is(use_stack(16), 0, "the stack is usable afterwards");
    signal(SIGSEGV, SIG_DFL);
}

/* With no alternate stack there is nowhere to run a handler. */
static int overflow_without_alt(void *steps)
{
    stack_t none = {.ss_flags = SS_DISABLE};

    sigaltstack(&none, NULL);
    probe_begin();
    return use_stack(*(int *)steps);
}

static void test_overflow_kills(void)
{
    int steps = stack_limit / STEP + 64;

    is(in_child(overflow_without_alt, &steps), 1000 + SIGSEGV,
       "without an alternate stack the overflow kills, handler or not");
}

static void test_grows_down(void)
{
    char *pages = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *top = pages + 60 * PAGE;

    must(pages != MAP_FAILED);
    munmap(pages, 64 * PAGE);
    is(mmap(top, PAGE, PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0),
       top, "MAP_GROWSDOWN");
    is(probe_write(top - 2 * PAGE, 1), 0, "grows by two pages");
    is(top[-(long)PAGE], 0, "with zeros between");
    munmap(top - 2 * PAGE, 3 * PAGE);
}

static void test_limit(void)
{
    struct rlimit limit;

    must(getrlimit(RLIMIT_STACK, &limit) == 0);
    ok(limit.rlim_cur >= stack_limit, "the limit is 8 MiB or more");
    limit.rlim_cur = stack_limit;
    works(setrlimit(RLIMIT_STACK, &limit), "it can be set to 8 MiB");
    must(getrlimit(RLIMIT_STACK, &limit) == 0);
    is(limit.rlim_cur, stack_limit, "and then is");
}

int main(void)
{
    test_limit();
    /* First, while the stack is still small. */
    is(in_child(with_limit, NULL), 1, "setrlimit lowers the limit at once");
    test_grows();
    test_far_access();
    test_overflow();
    test_overflow_kills();
    test_grows_down();
    return done_testing();
}
