/*
 * vfork(2): the caller alone waits, until its child has run a program or
 * ended, by itself or killed; memory is shared till then; an exec that fails
 * changes nothing; CLONE_VFORK with a copy of the memory waits as well.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>

#include "elf_image.h"
#include "probe.h"

#define PROGRAM 100

/* Waits for ever. */
extern const char program[], program_end[];
asm(".pushsection .rodata\n"
    "program:\n"
    "    mov $34, %eax\n" /* pause() */
    "    syscall\n"
    "    jmp program\n"
    "program_end:\n"
    ".popsection");

static volatile long value;
static volatile long *shared;
static volatile int stop;

static void *counts(void *unused)
{
    while (!stop) {
        shared[0]++;
        usleep(500);
    }
    return unused;
}

/* In the child, whose stack is the parent's. */
static void run(const char *path)
{
    char *argv[] = {"program", NULL}, *envp[] = {NULL};

    syscall(SYS_execveat, PROGRAM, path, argv, envp, 0x1000);
}

static void test_exec(void)
{
    pid_t pid = vfork();
    int status;

    if (!pid) {
        value = 1;
        run("/no/such/program");
        value = errno == ENOENT ? 2 : 3;
        run("");
        _exit(9);
    }
    is(value, 2, "an exec that fails leaves the child where it was");
    is(waitpid(pid, &status, WNOHANG), 0, "one that does not lets us go on");
    value = 5;
    must(!kill(pid, SIGTERM));
    is(wait_status(pid), 1000 + SIGTERM, "the program runs until it is killed");
    is(value, 5, "and has nothing of ours");
}

/* Another thread goes on while this one waits. */
static void test_threads(void)
{
    pthread_t t;
    long before;
    pid_t pid;

    stop = 0;
    must(!pthread_create(&t, NULL, counts, NULL));
    while (!shared[0])
        usleep(500);
    before = shared[0];
    pid = vfork();
    if (!pid) {
        while (shared[0] < before + 5)
            sched_yield();
        _exit(0);
    }
    ok(shared[0] >= before + 5, "other threads are not stopped");
    is(wait_status(pid), 0, "the child has seen it");
    stop = 1;
    pthread_join(t, NULL);
}

static void *killer(void *unused)
{
    while (!shared[1])
        usleep(500);
    kill((pid_t)shared[1], SIGKILL);
    return unused;
}

static void test_killed(void)
{
    pthread_t t;
    pid_t pid;

    shared[1] = 0;
    must(!pthread_create(&t, NULL, killer, NULL));
    pid = vfork();
    if (!pid) {
        shared[1] = getpid();
        for (;;)
            pause();
    }
    is(wait_status(pid), 1000 + SIGKILL, "a child that is killed lets us go");
    pthread_join(t, NULL);
}

/* CLONE_VFORK alone: it waits, but the memory is a copy. */
static void test_copy(void)
{
    pid_t pid;

    value = shared[2] = 0;
    pid = syscall(SYS_clone, CLONE_VFORK | SIGCHLD, 0, 0, 0, 0);
    if (!pid) {
        usleep(3000);
        value = shared[2] = 1;
        _exit(0);
    }
    is(shared[2], 1, "CLONE_VFORK: the child was first");
    is(value, 0, "on memory of its own");
    is(wait_status(pid), 0, "it ends");
}

/* A child of the child makes nobody wait longer. */
static void test_nested(void)
{
    pid_t pid;

    shared[3] = shared[4] = 0;
    pid = vfork();
    if (!pid) {
        pid_t inner = vfork();

        if (!inner) {
            shared[3] = 1;
            _exit(0);
        }
        shared[4] = shared[3];
        _exit(wait_status(inner));
    }
    is(wait_status(pid), 0, "one in another");
    is(shared[4], 1, "each parent goes on after its child");
}

int main(void)
{
    int fd = memfd_create("program", 0);

    must(fd >= 0 && dup2(fd, PROGRAM) == PROGRAM);
    write_image(fd, program, program_end, PF_R | PF_X);
    shared = map_shared(1);
    test_exec();
    test_threads();
    test_killed();
    test_copy();
    test_nested();
    return done_testing();
}
