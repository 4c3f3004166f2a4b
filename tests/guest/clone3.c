/*
 * clone3(2): sizes of its structure, fields that exclude each other, and what
 * clone(2) and it have in common.
 */
#define _GNU_SOURCE
#include "tap.h"

#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define STACK        65536
#define SECOND(flag) ((uint64_t)(flag))

static long clone3(void *args, size_t size)
{
    return syscall(SYS_clone3, args, size);
}

/* A child that ends with 7; its pid. */
static pid_t child_of(struct clone_args *args, size_t size)
{
    pid_t pid = clone3(args, size);

    if (!pid)
        _exit(7);
    return pid;
}

static int status_of(pid_t pid)
{
    int status = -1;

    if (waitpid(pid, &status, __WALL) != pid)
        return -1;
    return status;
}

static void test_sizes(void)
{
    struct {
        struct clone_args args;
        char more[5000];
    } big = {.args = {.exit_signal = SIGCHLD}};
    struct clone_args *args = &big.args;
    char *page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    must(page != MAP_FAILED);
    is(status_of(child_of(args, 64)), 7 << 8, "the first edition, 64 bytes");
    is(status_of(child_of(args, 80)), 7 << 8, "the second, 80 bytes");
    is(status_of(child_of(args, 88)), 7 << 8, "the third, 88 bytes");
    is(status_of(child_of(args, 200)), 7 << 8, "larger, the rest is 0");
    fails(clone3(args, 63), EINVAL, "63 bytes are too few");
    fails(clone3(args, 0), EINVAL, "none are");
    fails(clone3(args, 4097), E2BIG, "more than a page is too much");
    big.more[100] = 1;
    fails(clone3(args, 88 + 120), E2BIG, "larger, and not 0");
    is(status_of(child_of(args, 88 + 100)), 7 << 8, "not 0 behind the end");
    fails(clone3(NULL, 88), EFAULT, "no structure");
    munmap(page + PAGE, PAGE);
    fails(clone3(page + PAGE - 64, 88), EFAULT, "half a structure");
}

static long with(struct clone_args args)
{
    return clone3(&args, sizeof(args));
}

static void test_fields(void)
{
    int tid = 0;
    uint64_t word = (uintptr_t)&tid;

    fails(with((struct clone_args){.exit_signal = 65}), EINVAL, "signal 65");
    fails(with((struct clone_args){.exit_signal = 1 << 8}), EINVAL,
          "signal 256");
    fails(with((struct clone_args){.flags = SIGCHLD}), EINVAL,
          "the signal is not a flag");
    fails(with((struct clone_args){.flags = 0x00400000}), EINVAL,
          "CLONE_DETACHED is no more");
    fails(with((struct clone_args){.flags = 1ull << 34}), EINVAL,
          "an unknown flag");
    fails(with((struct clone_args){.stack = 4096}), EINVAL,
          "a stack without a size");
    fails(with((struct clone_args){.stack_size = 4096}), EINVAL,
          "a size without a stack");
    fails(with((struct clone_args){.stack = 1ull << 63, .stack_size = 4096}),
          EINVAL, "a stack in the kernel's half");
    fails(with((struct clone_args){.flags = CLONE_PARENT,
                                   .exit_signal = SIGCHLD}),
          EINVAL, "CLONE_PARENT with a signal");
    fails(with((struct clone_args){.flags = CLONE_THREAD | CLONE_SIGHAND |
                                            CLONE_VM | CLONE_FILES,
                                   .exit_signal = SIGCHLD}),
          EINVAL, "CLONE_THREAD with a signal");
    fails(with((struct clone_args){.flags = CLONE_SIGHAND | CLONE_VM |
                                            SECOND(CLONE_CLEAR_SIGHAND)}),
          EINVAL, "handlers shared and cleared");
    fails(with((struct clone_args){.flags = CLONE_SIGHAND}), EINVAL,
          "CLONE_SIGHAND without CLONE_VM");
    fails(with((struct clone_args){.flags = CLONE_THREAD | CLONE_VM}), EINVAL,
          "CLONE_THREAD without CLONE_SIGHAND");
    fails(with((struct clone_args){.flags = CLONE_NEWNS | CLONE_FS}), EINVAL,
          "a name space of files shared");
    fails(with((struct clone_args){.set_tid = word}), EINVAL,
          "set_tid without a size");
    fails(with((struct clone_args){.set_tid_size = 1}), EINVAL,
          "a size without set_tid");
    fails(with((struct clone_args){.set_tid = word, .set_tid_size = 33}),
          EINVAL, "too many tids");
    fails(with((struct clone_args){.set_tid = 8, .set_tid_size = 1}), EFAULT,
          "set_tid nowhere");
    fails(with((struct clone_args){.flags = SECOND(CLONE_INTO_CGROUP),
                                   .cgroup = 1ull << 40}),
          EINVAL, "a control group beyond descriptors");
    fails(with((struct clone_args){.flags = SECOND(CLONE_INTO_CGROUP),
                                   .cgroup = 77}),
          EBADF, "no control group");
}

static void handler(int number)
{
    (void)number;
}

/* In the child: 1 if SIGUSR1's handler is still there, 2 if SIGUSR2 is no
 * longer ignored. */
static int handlers_left(void)
{
    struct sigaction usr1, usr2;

    sigaction(SIGUSR1, NULL, &usr1);
    sigaction(SIGUSR2, NULL, &usr2);
    return (usr1.sa_handler != SIG_DFL) | (usr2.sa_handler != SIG_IGN) << 1;
}

static void test_clear_sighand(void)
{
    struct clone_args args = {.exit_signal = SIGCHLD};
    pid_t pid;

    signal(SIGUSR1, handler);
    signal(SIGUSR2, SIG_IGN);
    pid = clone3(&args, sizeof(args));
    if (!pid)
        _exit(handlers_left());
    is(status_of(pid), 1 << 8, "handlers are inherited");
    args.flags = SECOND(CLONE_CLEAR_SIGHAND);
    pid = clone3(&args, sizeof(args));
    if (!pid)
        _exit(handlers_left());
    is(status_of(pid), 0, "CLONE_CLEAR_SIGHAND: but for those ignored");
}

static void test_tids(void)
{
    static volatile int parent_word, child_word;
    struct clone_args args = {
        .flags = CLONE_PARENT_SETTID | CLONE_CHILD_SETTID,
        .exit_signal = SIGCHLD,
        .parent_tid = (uintptr_t)&parent_word,
        .child_tid = (uintptr_t)&child_word,
    };
    pid_t pid = clone3(&args, sizeof(args));

    if (!pid)
        _exit(child_word == getpid() ? 5 : 6);
    is(parent_word, pid, "the parent's word");
    is(child_word, 0, "the child's word is not written here");
    is(status_of(pid), 5 << 8, "but there");
}

/* The child runs on the stack given and shares memory. */
static void test_stack(void)
{
    static volatile char *seen;
    char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct clone_args args = {
        .flags = CLONE_VM,
        .exit_signal = SIGCHLD,
        .stack = (uintptr_t)stack,
        .stack_size = STACK,
    };
    long pid;

    must(stack != MAP_FAILED);
    asm volatile("syscall\n"
                 "testq %%rax, %%rax\n"
                 "jnz 1f\n"
                 "movq %%rsp, %1\n"
                 "movl $60, %%eax\n"
                 "movl $9, %%edi\n"
                 "syscall\n"
                 "1:\n"
                 : "=a"(pid), "=m"(seen)
                 : "0"((long)SYS_clone3), "D"(&args), "S"(sizeof(args))
                 : "rcx", "r11", "memory");
    is(status_of(pid), 9 << 8, "a child on a stack of its own");
    ok(seen == stack + STACK, "which is the end of the area");
}

int main(void)
{
    test_sizes();
    test_fields();
    test_clear_sighand();
    test_tids();
    test_stack();
    return done_testing();
}
