/*
 * The system-call interface itself (registers, numbers) and the small calls:
 * identity, names, random numbers, limits, the thread pointer.
 */
#define _GNU_SOURCE
#include "probe.h"

#include <asm/prctl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>

/*
 * Makes system call NUMBER with known values in all registers and returns
 * which of them changed, as a set of bits; only rax, rcx and r11 may.
 */
static unsigned registers_changed(long number)
{
    unsigned changed;

    asm volatile("movq $101, %%rbx\n"
                 "movq $102, %%rdx\n"
                 "movq $103, %%rsi\n"
                 "movq $104, %%rdi\n"
                 "movq $105, %%r8\n"
                 "movq $106, %%r9\n"
                 "movq $107, %%r10\n"
                 "movq $108, %%r12\n"
                 "movq $109, %%r13\n"
                 "movq $110, %%r14\n"
                 "movq $111, %%r15\n"
                 "syscall\n"
                 "xorl %%eax, %%eax\n"
#define CHECK(register, value, bit)                                            \
    "cmpq $" #value ", %%" #register "\n"                                      \
                                     "je 1f\n"                                 \
                                     "orl $" #bit ", %%eax\n"                  \
                                     "1:\n"
                 CHECK(rbx, 101, 1) CHECK(rdx, 102, 2) CHECK(rsi, 103, 4)
                     CHECK(rdi, 104, 8) CHECK(r8, 105, 16) CHECK(r9, 106, 32)
                         CHECK(r10, 107, 64) CHECK(r12, 108, 128)
                             CHECK(r13, 109, 256) CHECK(r14, 110, 512)
                                 CHECK(r15, 111, 1024)
                 : "=a"(changed)
                 : "a"(number)
                 : "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11",
                   "r12", "r13", "r14", "r15", "memory", "cc");
    return changed;
}

/* The direction flag after a system call that was made with it set. */
static unsigned long direction_after(long number)
{
    unsigned long flags;

    /* The red zone below the stack pointer is the compiler's. */
    asm volatile("std\n"
                 "syscall\n"
                 "leaq -128(%%rsp), %%rsp\n"
                 "pushfq\n"
                 "popq %0\n"
                 "leaq 128(%%rsp), %%rsp\n"
                 "cld\n"
                 : "=d"(flags), "+a"(number)
                 :
                 : "rcx", "r11", "memory", "cc");
    return flags & 0x400;
}

static void test_registers(void)
{
    is(registers_changed(SYS_getppid), 0, "a system call keeps the registers");
    is(registers_changed(SYS_sched_yield), 0, "also one that may switch");
    is(registers_changed(9999), 0, "also one that there is not");
    is(direction_after(SYS_getppid), 0x400, "the direction flag is kept");
}

static void test_numbers(void)
{
    fails(syscall(600), ENOSYS, "system call 600");
    fails(syscall(100000), ENOSYS, "100000");
    fails(syscall(-1L), ENOSYS, "-1");
    fails(syscall(0x80000000L), ENOSYS, "2^31");
}

static void test_identity(void)
{
    ok(getpid() > 0 && getppid() >= 0, "a task has an id, and a parent");
    is(syscall(SYS_gettid), getpid(), "its first thread has the same");
    is(getuid(), geteuid(), "user and effective user");
    is(getgid(), getegid(), "group and effective group");
    is(syscall(SYS_set_tid_address, NULL), getpid(),
       "set_tid_address returns the thread's id");
}

static void test_uname(void)
{
    struct utsname name;

    memset(&name, 0xff, sizeof(name));
    works(uname(&name), "uname");
    ok(!strcmp(name.machine, "x86_64"), "the machine is x86_64");
    ok(strnlen(name.sysname, 65) < 65 && strnlen(name.release, 65) < 65 &&
           strnlen(name.version, 65) < 65 && strnlen(name.nodename, 65) < 65,
       "all names end");
    ok(name.release[0] >= '1' && name.release[0] <= '9',
       "the release begins with a number");
}

static void test_random(void)
{
    char bytes[64] = {0};
    char again[64] = {0};

    is(syscall(SYS_getrandom, bytes, 64, 0), 64, "getrandom");
    is(syscall(SYS_getrandom, again, 64, 0), 64, "once more");
    ok(memcmp(bytes, again, 64), "gives other bytes");
    is(syscall(SYS_getrandom, bytes, 0, 0), 0, "no bytes");
    fails(syscall(SYS_getrandom, bytes, 8, 0x100), EINVAL, "an unknown flag");
}

static void test_names(void)
{
    char name[16];

    works(prctl(PR_SET_NAME, "a name longer than the room"), "PR_SET_NAME");
    works(prctl(PR_GET_NAME, name), "PR_GET_NAME");
    ok(!strcmp(name, "a name longer t"), "keeps fifteen characters");
    fails(syscall(SYS_prctl, 0x7fff0000, 0, 0, 0, 0), EINVAL,
          "an unknown prctl");
}

static void test_limits(void)
{
    struct rlimit limit;

    works(syscall(SYS_prlimit64, 0, RLIMIT_STACK, NULL, &limit), "prlimit64");
    ok(limit.rlim_cur <= limit.rlim_max, "the limit is within its maximum");
    fails(syscall(SYS_prlimit64, 0, 99, NULL, &limit), EINVAL,
          "an unknown limit");
    limit.rlim_cur = 2;
    limit.rlim_max = 1;
    fails(syscall(SYS_prlimit64, 0, RLIMIT_STACK, &limit, NULL), EINVAL,
          "a limit above its maximum");
}

static void test_affinity(void)
{
    unsigned long mask[16] = {0};
    long size = syscall(SYS_sched_getaffinity, 0, sizeof(mask), mask);

    ok(size >= 8 && size % 8 == 0, "sched_getaffinity returns a size");
    ok(mask[0], "and the processors");
    fails(syscall(SYS_sched_getaffinity, 0, 7, mask), EINVAL,
          "the size is in words");
    works(sched_yield(), "sched_yield");
}

static void test_arch_prctl(void)
{
    unsigned long fs = 0;
    unsigned long self;

    works(syscall(SYS_arch_prctl, ARCH_GET_FS, &fs), "ARCH_GET_FS");
    asm volatile("movq %%fs:0, %0" : "=r"(self));
    ok(fs && fs == self, "is the thread pointer");
    fails(syscall(SYS_arch_prctl, ARCH_SET_FS, 1UL << 63), EPERM,
          "ARCH_SET_FS to the kernel's half");
    fails(syscall(SYS_arch_prctl, 0x7777, 0), EINVAL, "an unknown code");
    works(syscall(SYS_arch_prctl, ARCH_SET_FS, fs), "ARCH_SET_FS");
}

int main(void)
{
    test_registers();
    test_numbers();
    test_identity();
    test_uname();
    test_random();
    test_names();
    test_limits();
    test_affinity();
    test_arch_prctl();
    return done_testing();
}
