/*
 * Children that take more memory than there is, or than their group may have,
 * in the way that the first argument names.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../guest/elf_image.h"
#include "faultline/prctl.h"

#define MIB  (1UL << 20)
#define PAGE 4096UL

static void take_all(int flags)
{
    for (;;) {
        char *pages = mmap(NULL, MIB, PROT_READ | PROT_WRITE,
                           MAP_ANONYMOUS | flags, -1, 0);

        if (pages == MAP_FAILED)
            _exit(1);
        for (size_t at = 0; at < MIB; at += PAGE)
            pages[at] = 1;
    }
}

static void *take_all_thread(void *unused)
{
    (void)unused;
    take_all(MAP_PRIVATE);
    return NULL;
}

static void set_adj(const char *text)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY);

    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        _exit(2);
    close(fd);
}

static int ended_by(pid_t pid)
{
    int status;

    if (waitpid(pid, &status, 0) < 0)
        return -1;
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* One hog after another. */
static int rounds(int count)
{
    for (int i = 0; i < count; i++) {
        pid_t pid = fork();

        if (!pid)
            take_all(i & 1 ? MAP_PRIVATE : MAP_SHARED);
        if (pid < 0 || ended_by(pid) != SIGKILL)
            return 1;
    }
    printf("%d rounds\n", count);
    return 0;
}

/* Several at once, each with two threads. */
static int crowd(int count)
{
    int killed = 0;

    for (int i = 0; i < count; i++) {
        pthread_t thread;

        if (!fork()) {
            pthread_create(&thread, NULL, take_all_thread, NULL);
            take_all(MAP_PRIVATE);
        }
    }
    for (int i = 0; i < count; i++)
        killed += ended_by(-1) == SIGKILL;
    printf("%d killed\n", killed);
    return killed != count;
}

static void *ends(void *unused)
{
    return unused;
}

/* The kernel keeps what ended threads have left: how many pages a hog has got
 * after there were none, before it is killed. */
static int spare(int threads)
{
    pthread_t thread[64];
    long *more = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct sysinfo info;
    int hog;

    *more = 0;
    hog = fork();
    if (!hog) {
        char *at = mmap(NULL, 1024 * MIB, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        for (int i = 0; i < threads; i++)
            pthread_create(&thread[i], NULL, ends, NULL);
        for (int i = 0; i < threads; i++)
            pthread_join(thread[i], NULL);
        do {
            *at = 1;
            at += PAGE;
            sysinfo(&info);
        } while (info.freeram);
        for (;; at += PAGE, ++*more)
            *at = 1;
    }
    hog = ended_by(hog);
    printf("%ld more, ended by %d\n", *more, hog);
    return 0;
}

/* Nobody may be chosen: the one that asks dies, and only he. */
static int nobody(int unused)
{
    pid_t pid;

    (void)unused;
    set_adj("-1000");
    pid = fork();
    if (!pid)
        take_all(MAP_PRIVATE);
    printf("ended by %d\n", ended_by(pid));
    return 0;
}

/* The same in a system call, which fails. */
static int nobody_copy(int unused)
{
    int *failed = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid;

    (void)unused;
    *failed = 0;
    set_adj("-1000");
    pid = fork();
    if (!pid)
        for (;;) {
            char *pages = mmap(NULL, MIB, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

            for (size_t at = 0; at < MIB; at += PAGE)
                if (getrandom(pages + at, 1, 0) != 1) {
                    *failed = errno;
                    _exit(0);
                }
        }
    pid = ended_by(pid);
    printf("ended by %d, errno %d\n", pid, *failed);
    return 0;
}

static long group(long what, long pages)
{
    return prctl(PR_MEMORY_GROUP, what, pages);
}

static long touch(size_t pages)
{
    char *at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    for (size_t i = 0; i < pages; i++)
        at[i * PAGE] = 1;
    return group(PR_GROUP_USED, 0);
}

/* By write(2) to an object, which stays. */
static int write_pages(size_t count)
{
    int fd = syscall(SYS_memfd_create, "object", 0);
    char *bytes =
        mmap(NULL, count * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return write(fd, bytes, count * PAGE) != (ssize_t)(count * PAGE);
}

/* Exits with a sixteenth of its group's limit. */
extern const char program[], program_end[];
asm(".pushsection .rodata\n"
    "program:\n"
    "    mov $157, %eax\n" /* prctl(PR_MEMORY_GROUP, PR_GROUP_LIMIT, 0) */
    "    mov $0x464c0001, %edi\n"
    "    mov $3, %esi\n"
    "    xor %edx, %edx\n"
    "    syscall\n"
    "    mov %eax, %edi\n"
    "    shr $4, %edi\n"
    "    mov $231, %eax\n" /* exit_group() */
    "    syscall\n"
    "program_end:\n"
    ".popsection");

/* The limit of a program that we start. */
static size_t program_limit(void)
{
    int fd = syscall(SYS_memfd_create, "program", 0), status = 0;
    char *argv[] = {"program", NULL};
    pid_t pid;

    write_image(fd, program, program_end, PF_R | PF_X);
    pid = fork();
    if (!pid)
        _exit(syscall(SYS_execveat, fd, "", argv, argv + 1, AT_EMPTY_PATH));
    waitpid(pid, &status, 0);
    return (size_t)WEXITSTATUS(status) * 16;
}

/* A group of its own, in which a small task and a hog run. */
static int inside(size_t limit)
{
    pid_t small, hog;
    int code;

    if (group(PR_GROUP_CREATE, limit) ||
        group(PR_GROUP_LIMIT, 0) != (long)limit)
        return 1;
    if (touch(100) < 100 || group(PR_GROUP_USED, 0) > 120)
        return 2;
    if (write_pages(20) || group(PR_GROUP_USED, 0) < 120)
        return 6;
    if (program_limit() != limit)
        return 7;
    small = fork();
    if (!small) {
        touch(50);
        pause();
    }
    hog = fork();
    if (!hog)
        take_all(MAP_SHARED);
    if (ended_by(hog) != SIGKILL || kill(small, 0))
        return 3;
    /* A group inside counts against ours too, whatever it is allowed. */
    hog = fork();
    if (!hog) {
        if (group(PR_GROUP_CREATE, 1000 * limit))
            _exit(1);
        take_all(MAP_PRIVATE);
    }
    code = ended_by(hog) != SIGKILL || waitpid(small, NULL, WNOHANG) != 0;
    kill(small, SIGKILL);
    return code ? 4 : ended_by(small) != SIGKILL ? 5 : 0;
}

/* The group's limit is no matter to one outside who is larger than any of it,
 * nor are our pages its concern that we could do without. */
static int group_limit(int mib)
{
    char *lazy = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    volatile int *ready = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t large, pid;
    int status;

    if (group(PR_GROUP_USED, 0) != -1 || errno != ESRCH)
        return 1;
    large = fork();
    if (!large) {
        touch(mib * MIB / PAGE);
        *ready = 1;
        pause();
    }
    while (!*ready)
        usleep(1000);
    pid = fork();
    if (!pid)
        _exit(inside(512));
    memset(lazy, 'l', 16 * PAGE); /* the child has none of it */
    madvise(lazy, 16 * PAGE, MADV_FREE);
    waitpid(pid, &status, 0);
    for (int i = 0; i < 16; i++)
        if (lazy[i * PAGE] != 'l')
            return 6;
    if (waitpid(large, NULL, WNOHANG))
        return 7;
    kill(large, SIGKILL);
    printf("group: %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    return status != 0;
}

static int pauses(void *unused)
{
    (void)unused;
    return pause();
}

/* Another task has the hog's memory as well: they end together. */
static int shares(int unused)
{
    static char stack[16384] __attribute__((aligned(16)));
    pid_t pid = fork();

    (void)unused;
    if (!pid) {
        if (clone(pauses, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL) < 0)
            _exit(1);
        take_all(MAP_PRIVATE);
    }
    printf("ended by %d\n", ended_by(pid));
    return 0;
}

static const struct {
    const char *name;
    int (*run)(int number);
} ways[] = {
    {"rounds", rounds},           {"crowd", crowd},
    {"nobody", nobody},           {"spare", spare},
    {"group", group_limit},       {"shares", shares},
    {"nobody_copy", nobody_copy},
};

int main(int argc, char **argv)
{
    for (unsigned i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
        if (argc > 2 && !strcmp(argv[1], ways[i].name))
            return ways[i].run(atoi(argv[2]));
    return 99;
}
