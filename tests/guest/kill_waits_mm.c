/*
 * SIGKILL in waits that have to do with memory and programs: for the address
 * space's lock that others want as well, for a pager that was told of a fork,
 * an unmap or a removal, for a protected or a shared page, for a page of
 * another task, in the middle of exec, and while exec ends the other threads.
 */
#define _GNU_SOURCE
#include <sys/uio.h>

#include "elf_image.h"
#include "kill_wait.h"

#define PROGRAM   100 /* a descriptor */
#define BIG_PAGES 256

static volatile int never;

/* ---- the address space's lock ---- */

static void *map_and_unmap(void *pages)
{
    size_t size = (size_t)pages * PAGE;

    while (!never) {
        char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

        must(p != MAP_FAILED);
        mprotect(p, PAGE, PROT_READ);
        (void)*(volatile char *)p;
        munmap(p, size);
    }
    return NULL;
}

/* One holds it for long, many want it. */
static void wait_lock(void)
{
    thread_start(map_and_unmap, (void *)BIG_PAGES);
    for (long i = 0; i < 5; i++)
        thread_start(map_and_unmap, (void *)1);
    map_and_unmap((void *)2);
}

/* A fork copies what others change. */
static void wait_lock_fork(void)
{
    thread_start(map_and_unmap, (void *)BIG_PAGES);
    thread_start(map_and_unmap, (void *)1);
    for (;;) {
        pid_t pid = fork();

        if (!pid)
            _exit(0);
        waitpid(pid, NULL, 0);
    }
}

/* ---- pagers that do nothing ---- */

static int pager_of(unsigned long features, char *pages, unsigned long mode)
{
    int fd = uffd_new_with(0, features);

    must(!uffd_register_mode(fd, pages, 4 * PAGE, mode));
    leave_hope();
    return fd;
}

static char *watched(unsigned long features)
{
    char *pages = map_pages(4);

    pager_of(features, pages, UFFDIO_REGISTER_MODE_MISSING);
    return pages;
}

static void wait_fork_event(void)
{
    watched(UFFD_FEATURE_EVENT_FORK);
    if (!fork())
        _exit(0);
}

static void wait_unmap_event(void)
{
    munmap(watched(UFFD_FEATURE_EVENT_UNMAP), 4 * PAGE);
}

static void wait_remove_event(void)
{
    madvise(watched(UFFD_FEATURE_EVENT_REMOVE), PAGE, MADV_DONTNEED);
}

static void wait_remap_event(void)
{
    must(mremap(watched(UFFD_FEATURE_EVENT_REMAP), 4 * PAGE, 8 * PAGE,
                MREMAP_MAYMOVE) != MAP_FAILED);
}

static void wait_protected(void)
{
    char *pages = map_pages(4);
    int fd;

    pages[0] = 1;
    fd = pager_of(0, pages, UFFDIO_REGISTER_MODE_WP);
    must(!uffd_protect(fd, pages, PAGE, UFFDIO_WRITEPROTECT_MODE_WP));
    *(volatile char *)pages = 2;
}

static void wait_shared(void)
{
    char *pages = map_shared(4);

    pager_of(0, pages, UFFDIO_REGISTER_MODE_MISSING);
    (void)*(volatile char *)pages;
}

/* Of its parent, which is ourselves before the fork. */
static void wait_other_task(void)
{
    char *pages = watched(0);
    struct iovec mine = {(char[1]){0}, 1}, theirs = {pages, 1};

    process_vm_readv(getpid(), &mine, 1, &theirs, 1, 0);
}

static void wait_populate(void)
{
    madvise(watched(0), 4 * PAGE, 22); /* MADV_POPULATE_READ */
}

static void wait_lock_in_memory(void)
{
    mlock(watched(0), 4 * PAGE);
}

/* ---- exec ---- */

/* Runs itself anew for ever, or, with an argument, sleeps. */
extern const char program[], program_end[];
asm(".pushsection .rodata\n"
    "program:\n"
    "    cmpq $1, (%rsp)\n"
    "    jne 2f\n"
    "1:  mov $322, %eax\n" /* execveat(PROGRAM, "", argv, NULL, EMPTY_PATH) */
    "    mov $100, %edi\n"
    "    lea 3f(%rip), %rsi\n"
    "    lea 8(%rsp), %rdx\n"
    "    xor %r10d, %r10d\n"
    "    mov $0x1000, %r8d\n"
    "    syscall\n"
    "    mov $231, %eax\n"
    "    mov $9, %edi\n"
    "    syscall\n"
    "2:  mov $34, %eax\n" /* pause() */
    "    syscall\n"
    "    jmp 2b\n"
    "3:  .byte 0\n"
    "program_end:\n"
    ".popsection");

static void make_program(void)
{
    int fd = memfd_create("program", 0);

    must(fd >= 0 && dup2(fd, PROGRAM) == PROGRAM);
    write_image(fd, program, program_end, PF_R | PF_X);
}

static void run_program(char *argument)
{
    char *argv[] = {"program", argument, NULL}, *envp[] = {NULL};

    syscall(SYS_execveat, PROGRAM, "", argv, envp, 0x1000);
}

static void wait_exec(void)
{
    run_program(NULL);
}

static void *sleep_for_ever(void *unused)
{
    for (;;)
        pause();
    return unused;
}

static void *run_for_ever(void *unused)
{
    while (!never)
        sched_yield();
    return unused;
}

/* Its other threads wait for a pager, sleep and run. */
static void wait_exec_threads(void)
{
    char *pages = watched(0);

    for (int i = 0; i < 4; i++) {
        thread_start(read_byte, pages + i * PAGE);
        thread_start(sleep_for_ever, NULL);
        thread_start(run_for_ever, NULL);
    }
    let_run();
    run_program("sleep");
}

/* The strings are with a pager. */
static void wait_exec_strings(void)
{
    run_program(watched(0));
}

/* ---- killed at all kinds of moments ---- */

/* Not once in a wait, but after so many microseconds. */
static int dies_after(void (*work)(void), int us)
{
    pid_t pid = fork();

    must(pid >= 0);
    if (!pid) {
        work();
        _exit(3);
    }
    usleep(us);
    must(!kill(pid, SIGKILL));
    return dies(pid) == 1000 + SIGKILL;
}

static void test_moments(const char *name, void (*work)(void))
{
    int good = 0;

    for (int i = 0; i < 8; i++)
        good += dies_after(work, i * 600);
    is(good, 8, "killed at any time in: %s", name);
}

static const struct {
    const char *name;
    void (*wait)(void);
} waits[] = {
    {"the address space's lock", wait_lock},
    {"the address space's lock, with forks", wait_lock_fork},
    {"fork, whose event nobody reads", wait_fork_event},
    {"munmap, whose event nobody reads", wait_unmap_event},
    {"MADV_DONTNEED, whose event nobody reads", wait_remove_event},
    {"mremap, whose event nobody reads", wait_remap_event},
    {"a write to a protected page", wait_protected},
    {"a missing page of an object", wait_shared},
    {"process_vm_readv of a missing page", wait_other_task},
    {"MADV_POPULATE_READ", wait_populate},
    {"mlock", wait_lock_in_memory},
    {"exec over and over", wait_exec},
    {"exec, its strings missing", wait_exec_strings},
};

int main(void)
{
    shared = map_shared(1);
    make_program();
    for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++)
        test_wait(waits[i].name, waits[i].wait);
    test_moments("exec over and over", wait_exec);
    test_moments("exec with other threads", wait_exec_threads);
    test_moments("the address space's lock", wait_lock);
    return done_testing();
}
