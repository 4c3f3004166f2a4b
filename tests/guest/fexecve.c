/*
 * execveat(2) of a memory object, and the C library's fexecve(3): a small
 * program is put together in a memfd and run. What it gets, what is refused,
 * and what becomes of it when its object changes.
 */
#define _GNU_SOURCE
#include "elf_image.h"
#include "memfd.h"

#include <sched.h>
#include <sys/eventfd.h>

#define WORD 0x800 /* offset of a byte that the program looks at */

/*
 * The program: by the first letter of its last argument
 *     c  exits with its argument count
 *     e  exits with 40 if its environment begins with an 'E'
 *     d  exits with 50 if descriptor 100 is closed, 51 if it is open
 *     w  waits until the byte at IMAGE_BASE + WORD is not zero and exits with
 * it s  exits with what is there after a store of 60
 */
extern const char program[], program_end[];
asm(".pushsection .rodata\n"
    "program:\n"
    "    mov (%rsp), %rbx\n"          /* argc */
    "    mov (%rsp,%rbx,8), %rcx\n"   /* argv[argc - 1] */
    "    mov 16(%rsp,%rbx,8), %rdx\n" /* envp[0] */
    "    movzbl (%rcx), %eax\n"
    "    mov %ebx, %edi\n"
    "    cmp $'c', %al\n"
    "    je 9f\n"
    "    cmp $'e', %al\n"
    "    je 1f\n"
    "    cmp $'d', %al\n"
    "    je 2f\n"
    "    cmp $'w', %al\n"
    "    je 3f\n"
    "    movb $60, 0x10000800\n"
    "    movzbl 0x10000800, %edi\n"
    "    jmp 9f\n"
    "1:  xor %edi, %edi\n"
    "    test %rdx, %rdx\n"
    "    jz 9f\n"
    "    cmpb $'E', (%rdx)\n"
    "    jne 9f\n"
    "    mov $40, %edi\n"
    "    jmp 9f\n"
    "2:  mov $72, %eax\n" /* fcntl(100, F_GETFD) */
    "    mov $100, %edi\n"
    "    mov $1, %esi\n"
    "    syscall\n"
    "    mov $50, %edi\n"
    "    test %rax, %rax\n"
    "    js 9f\n"
    "    inc %edi\n"
    "    jmp 9f\n"
    "3:  mov $24, %eax\n" /* sched_yield() */
    "    syscall\n"
    "    movzbl 0x10000800, %edi\n"
    "    test %edi, %edi\n"
    "    jz 3b\n"
    "9:  mov $231, %eax\n" /* exit_group() */
    "    syscall\n"
    "program_end:\n"
    ".popsection");

static int image(unsigned flags, unsigned rights)
{
    int fd = memfd("program", flags);

    must(fd >= 0);
    write_image(fd, program, program_end, rights);
    return fd;
}

struct run {
    int fd;
    char *argv[4], *envp[2];
};

static int execute(void *arg)
{
    struct run *r = arg;

    fexecve(r->fd, r->argv, r->envp);
    return 200 + errno;
}

static int run(int fd, const char *mode)
{
    struct run r = {fd, {"one", "two", (char *)mode}, {"E=1"}};

    return in_child(execute, &r);
}

static void test_running(void)
{
    int fd = image(0, PF_R | PF_X);

    is(run(fd, "c"), 3, "fexecve: it runs, with its arguments");
    is(run(fd, "e"), 40, "and its environment");
    is(run(fd, "s"), 1000 + SIGSEGV, "text is not written");
    fd = image(0, PF_R | PF_W | PF_X);
    is(run(fd, "s"), 60, "a writable segment is");
    is(run(fd, "s"), 60, "each time anew");
    is(pwrite(fd, "", 1, WORD), 1, "its object");
    is(run(fd, "s"), 60, "has not seen it");
    must(dup2(fd, 100) == 100);
    is(run(fd, "d"), 51, "a descriptor stays");
    must(fcntl(100, F_SETFD, FD_CLOEXEC) == 0);
    is(run(fd, "d"), 50, "or closes, when it is marked so");
    is(run(100, "d"), 50, "even the one of the program itself");
    close(100);
    fd = image(MFD_EXEC, PF_R | PF_X);
    is(run(fd, "c"), 3, "MFD_EXEC");
}

static void test_sealed(void)
{
    int fd = image(MFD_ALLOW_SEALING, PF_R | PF_W | PF_X);

    must(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK) == 0);
    is(run(fd, "s"), 60, "a sealed object runs; its copy is written");
    fd = image(MFD_NOEXEC_SEAL, PF_R | PF_X);
    is(run(fd, "c"), 200 + EACCES, "MFD_NOEXEC_SEAL: it does not run");
    fd = image(0, PF_R | PF_X);
    must(fchmod(fd, 0600) == 0);
    is(run(fd, "c"), 200 + EACCES, "without the right to, either");
    must(fchmod(fd, 0100) == 0);
    is(run(fd, "c"), 3, "anybody's right is root's");
}

/* A running program is no obstacle to writing to its object, and sees it. */
static void test_changed(void)
{
    int fd = image(0, PF_R | PF_X);
    struct run r = {fd, {"w"}, {NULL}};
    pid_t child = fork();

    must(child >= 0);
    if (!child)
        _exit(execute(&r));
    usleep(20000);
    is(pwrite(fd, "\x07", 1, WORD), 1, "the object of a running program");
    is(wait_status(child), 7, "is written, and the program sees it");
    is(pwrite(fd, "\0", 1, WORD), 1, "and back");
    child = fork();
    must(child >= 0);
    if (!child)
        _exit(execute(&r));
    usleep(20000);
    works(ftruncate(fd, 0), "it is even truncated");
    is(wait_status(child), 1000 + SIGBUS, "which the program does not survive");
}

static long at(int fd, const char *path, int flags)
{
    char *argv[] = {"x", NULL}, *envp[] = {NULL};

    return syscall(SYS_execveat, fd, path, argv, envp, flags);
}

static void test_errors(void)
{
    int fd = image(0, PF_R | PF_X);

    fails(at(fd, "", 0), ENOENT, "an empty path without AT_EMPTY_PATH");
    fails(at(fd, "", AT_EMPTY_PATH | 0x2000), EINVAL, "an unknown flag");
    fails(at(fd, "", 0x2000), ENOENT, "which comes after the path");
    fails(at(-1, "", AT_EMPTY_PATH), EBADF, "no descriptor");
    fails(at(AT_FDCWD, "", AT_EMPTY_PATH), EACCES, "the current directory");
    fails(at(eventfd(0, 0), "", AT_EMPTY_PATH), EACCES, "an eventfd");
    fails(at(fd, "name", AT_EMPTY_PATH), ENOTDIR, "a name within an object");
    fails(at(-1, "name", 0), EBADF, "a name within nothing");
    fails(at(-1, "/no/such/file", 0), ENOENT, "no such file");
    fails(at(fd, NULL, AT_EMPTY_PATH), EFAULT, "no path");
    fails(at(fd, (char *)8, AT_EMPTY_PATH), EFAULT, "a bad path");
    fails(syscall(SYS_execveat, fd, "", 8, NULL, AT_EMPTY_PATH), EFAULT,
          "bad arguments");
    fails(syscall(SYS_execveat, fd, "", NULL, 8, AT_EMPTY_PATH), EFAULT,
          "a bad environment");
}

/* The image with one field of another value. */
static int spoiled(off_t offset, unsigned char value)
{
    int fd = image(0, PF_R | PF_X);

    must(pwrite(fd, &value, 1, offset) == 1);
    return fd;
}

static void test_bad_images(void)
{
    int fd = memfd("x", 0);

    fails(at(fd, "", AT_EMPTY_PATH), ENOEXEC, "an empty object");
    must(write(fd, "some text, no program", 21) == 21);
    fails(at(fd, "", AT_EMPTY_PATH), ENOEXEC, "no program");
    fd = image(0, PF_R | PF_X);
    must(ftruncate(fd, 50) == 0);
    fails(at(fd, "", AT_EMPTY_PATH), ENOEXEC, "half a header");
    fails(at(spoiled(0, 'X'), "", AT_EMPTY_PATH), ENOEXEC, "a bad magic");
    fails(at(spoiled(16, ET_REL), "", AT_EMPTY_PATH), ENOEXEC,
          "an object file");
    fails(at(spoiled(18, EM_386), "", AT_EMPTY_PATH), ENOEXEC,
          "another machine's");
    fails(at(spoiled(54, 55), "", AT_EMPTY_PATH), ENOEXEC,
          "segments of another size");
    fails(at(spoiled(56, 0), "", AT_EMPTY_PATH), ENOEXEC, "no segments");
}

int main(void)
{
    test_running();
    test_sealed();
    test_changed();
    test_errors();
    test_bad_images();
    return done_testing();
}
