/*
 * Each thread has its own floating-point state (registers, MXCSR, x87 control
 * word), over voluntary switches, preemption, signals and fork; and a loop
 * that never enters the kernel does not keep others from running.
 */
#include "probe.h"

#include <pthread.h>
#include <sched.h>

enum {
    THREADS = 4,
    ROUNDS = 200
};

#define MXCSR_DEFAULT 0x1f80u
#define X87_DEFAULT   0x37f

static unsigned get_mxcsr(void)
{
    unsigned value;

    asm volatile("stmxcsr %0" : "=m"(value));
    return value;
}

static void set_mxcsr(unsigned value)
{
    asm volatile("ldmxcsr %0" : : "m"(value));
}

static unsigned short get_x87(void)
{
    unsigned short value;

    asm volatile("fnstcw %0" : "=m"(value));
    return value;
}

static void set_x87(unsigned short value)
{
    asm volatile("fldcw %0" : : "m"(value));
}

/*
 * Puts SEED+i in all sixteen registers, enters the kernel with system call
 * NUMBER (or spins SPINS times if that is negative) and compares: returns
 * how many have changed.
 */
static int registers_lost(uint64_t seed, long number, long spins)
{
    uint64_t in[16][2];
    uint64_t out[16][2];
    long result;

    for (int i = 0; i < 16; i++)
        in[i][0] = in[i][1] = seed + i;
#define EACH(X)                                                                \
    X(0)                                                                       \
    X(1)                                                                       \
    X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#define LOAD(n)    "movups 16*" #n "(%[in]), %%xmm" #n "\n"
#define STORE(n)   "movups %%xmm" #n ", 16*" #n "(%[out])\n"
#define CLOBBER(n) "xmm" #n,
    asm volatile(EACH(LOAD) "testq %%rax, %%rax\n"
                            "js 1f\n"
                            "syscall\n"
                            "jmp 2f\n"
                            "1: decq %[spins]\n"
                            "jnz 1b\n"
                            "2:\n" EACH(STORE)
                 : "=a"(result), [spins] "+r"(spins)
                 : "a"(number), [in] "r"(in), [out] "r"(out)
                 : EACH(CLOBBER) "rcx", "r11", "memory", "cc");
    return memcmp(in, out, sizeof(in)) != 0;
}

static void *keep_state(void *argument)
{
    long id = (long)argument;
    unsigned mxcsr = MXCSR_DEFAULT | (id % 4) << 13; /* rounding mode */
    unsigned short x87 = X87_DEFAULT | (id % 4) << 10;
    long wrong = get_mxcsr() != MXCSR_DEFAULT || get_x87() != X87_DEFAULT;

    set_mxcsr(mxcsr);
    set_x87(x87);
    for (int i = 0; i < ROUNDS; i++) {
        wrong += registers_lost(id << 32 | i, SYS_sched_yield, 0);
        wrong += get_mxcsr() != mxcsr || get_x87() != x87;
    }
    /* Long enough for the timer to interrupt it now and then. */
    for (int i = 0; i < 8; i++)
        wrong += registers_lost(id << 40 | i, -1, 300000);
    wrong += get_mxcsr() != mxcsr || get_x87() != x87;
    return (void *)wrong;
}

static void test_threads(void)
{
    pthread_t threads[THREADS];
    long wrong = 0;

    for (long i = 0; i < THREADS; i++)
        must(!pthread_create(&threads[i], NULL, keep_state, (void *)(i + 1)));
    for (int i = 0; i < THREADS; i++) {
        void *result;

        pthread_join(threads[i], &result);
        wrong += (long)result;
    }
    is(wrong, 0, "registers, MXCSR and control word are each thread's own");
    is(get_mxcsr(), MXCSR_DEFAULT, "the first thread's MXCSR is the default");
}

/* Linux lets the new thread and the new task begin with the old state. */
static int child_state(void *unused)
{
    (void)unused;
    return get_mxcsr() != (MXCSR_DEFAULT | 0x6000) || get_x87() != 0x0f7f;
}

static void test_fork(void)
{
    set_mxcsr(MXCSR_DEFAULT | 0x6000);
    set_x87(0x0f7f);
    is(in_child(child_state, NULL), 0, "a forked task inherits the state");
    set_mxcsr(MXCSR_DEFAULT);
    set_x87(X87_DEFAULT);
}

static volatile unsigned handler_mxcsr;

static void clobber(int number)
{
    uint64_t ones[2] = {-1UL, -1UL};

    (void)number;
    handler_mxcsr = get_mxcsr();
    set_mxcsr(MXCSR_DEFAULT | 0x2000);
    /* Unknown to the compiler on purpose: the kernel must restore it. */
    asm volatile("movups %0, %%xmm3\n"
                 "movups %0, %%xmm12\n"
                 :
                 : "m"(ones));
}

static void test_signal(void)
{
    uint64_t seed = 0x1111222233334444;
    uint64_t low = 0;
    uint64_t high = 0;
    pid_t self = getpid();

    signal(SIGUSR1, clobber);
    set_mxcsr(MXCSR_DEFAULT | 0x4000);
    asm volatile("movq %[seed], %%xmm3\n"
                 "movq %[seed], %%xmm12\n"
                 "syscall\n"
                 "movq %%xmm3, %[low]\n"
                 "movq %%xmm12, %[high]\n"
                 : [low] "=r"(low), [high] "=r"(high)
                 : [seed] "r"(seed), "a"(SYS_kill), "D"(self), "S"(SIGUSR1)
                 : "rcx", "r11", "xmm3", "xmm12", "memory");
    ok(low == seed && high == seed, "a signal handler spoils no registers");
    is(get_mxcsr(), MXCSR_DEFAULT | 0x4000, "nor MXCSR");
    set_mxcsr(MXCSR_DEFAULT);
    signal(SIGUSR1, SIG_DFL);
}

static volatile int stop;
static volatile int progress;

static void *spin(void *unused)
{
    while (!stop)
        progress++;
    return unused;
}

/* One CPU or many, both threads get on, though one never yields. */
static void test_preemption(void)
{
    pthread_t thread;
    int seen;

    must(!pthread_create(&thread, NULL, spin, NULL));
    while (!progress)
        ;
    ok(1, "a thread that only waits is preempted for the other");
    seen = progress;
    while (progress == seen)
        ;
    ok(1, "and again");
    stop = 1;
    pthread_join(thread, NULL);
    ok(1, "the spinning thread sees the end");
}

int main(void)
{
    test_threads();
    test_fork();
    test_signal();
    test_preemption();
    return done_testing();
}
