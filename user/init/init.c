/*
 * init: the first task, pid 1. Starts the one program that the command line
 * asks for from a boot module, reaps every task that becomes its child and
 * exits with the program's status, which is the machine's.
 *
 *     init run         module `program` with the arguments in module `argv`
 *     init demo NAME   module `demo-NAME`, descriptor 3 = module `data`,
 *                      4 = module `pager-NAME`; or, if there is no such
 *                      module, `pager-NAME --demo`
 *     init shell       the demo "file", then module `sh` with all modules
 *
 * An ordinary Linux program: MODULES and inherited descriptors are all that
 * it knows of the kernel below it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "modules.h"
#include "sys.h"

#define ARGV_MAX              256
#define STATUS_USAGE          2
#define STATUS_NOT_EXECUTABLE 126
#define STATUS_KILLED         128

enum {
    DEMO_DATA_FD = 3,
    DEMO_PAGER_FD = 4,
};

static char *child_environment[] = {
    (char *)"PATH=/bin",
    (char *)"HOME=/",
    (char *)"TERM=linux",
    NULL,
};

static void usage(void)
{
    die(STATUS_USAGE, "usage: init run | init demo NAME | init shell");
}

/* Does not return: becomes the program FD or says why it cannot. */
static void become(int fd, const char *name, char *const argv[])
{
    exec_fd(fd, argv, child_environment);
    if (errno == ENOEXEC)
        die(STATUS_NOT_EXECUTABLE,
            "%s is not a static x86-64 ELF executable (or is truncated)", name);
    die_errno(STATUS_NOT_EXECUTABLE, "cannot execute %s", name);
}

/* Waits for MAIN_PID, burying all others that end before it. */
static int reap_until(pid_t main_pid)
{
    int status;
    pid_t pid;

    do {
        pid = waitpid(-1, &status, 0);
        if (pid < 0 && errno != EINTR)
            die_errno(STATUS_USAGE, "wait");
    } while (pid != main_pid);
    return status;
}

/* Exits as the child NAME did. */
static _Noreturn void exit_like(int status, const char *name)
{
    int signal_number;

    if (WIFEXITED(status))
        exit(WEXITSTATUS(status));
    signal_number = WTERMSIG(status);
    die(STATUS_KILLED + signal_number, "%s was killed by signal %d (%s)", name,
        signal_number, strsignal(signal_number));
}

/* Splits the NUL-terminated strings in TEXT; returns how many there are. */
static int split_strings(char *text, size_t size, char *argv[], int max)
{
    int count = 0;

    for (size_t at = 0; at < size; at += strlen(text + at) + 1) {
        if (count == max) {
            die(STATUS_USAGE, "more than %d arguments", max);
        }
        argv[count++] = text + at;
    }
    argv[count] = NULL;
    return count;
}

/* Reads the whole module FD; the text gets a NUL that it may lack. */
static char *read_module(int fd, const char *name, size_t *size)
{
    struct stat info;
    char *text;
    ssize_t got;

    if (fstat(fd, &info) < 0)
        die_errno(STATUS_USAGE, "fstat of module %s", name);
    text = malloc(info.st_size + 1);
    if (!text)
        die_errno(STATUS_USAGE, "module %s, %ld bytes", name,
                  (long)info.st_size);
    got = pread(fd, text, info.st_size, 0);
    if (got != info.st_size)
        die(STATUS_USAGE, "module %s: read %zd of %ld bytes", name, got,
            (long)info.st_size);
    text[got] = 0;
    *size = got;
    return text;
}

static pid_t fork_or_die(void)
{
    pid_t pid = fork();

    if (pid < 0)
        die_errno(STATUS_USAGE, "fork");
    return pid;
}

static _Noreturn void run(void)
{
    static char *argv[ARGV_MAX + 1];
    int program = module_need("program");
    size_t size;
    char *text = read_module(module_need("argv"), "argv", &size);
    const char *name;
    pid_t pid;

    name = split_strings(text, size, argv, ARGV_MAX) ? argv[0] : "program";
    pid = fork_or_die();
    if (!pid)
        become(program, name, argv);
    exit_like(reap_until(pid), name);
}

/* Moves module FD out of the way of the low numbers; -1 stays -1. */
static int move_up(int fd, int limit)
{
    int copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, limit);

    if (fd >= 0 && copy < 0)
        die_errno(STATUS_USAGE, "dup of descriptor %d", fd);
    return copy;
}

/*
 * Leaves descriptor TO open on module FROM. A demo that has no such module
 * finds TO closed, whatever was there before.
 */
static void place(int from, int to)
{
    if (from < 0)
        close(to);
    else if (dup2(from, to) < 0)
        die_errno(STATUS_USAGE, "dup2 to %d", to);
}

/* Runs the demo to its end; its wait status. */
static int run_demo(const char *name, char *program_module, size_t size)
{
    char pager_module[64];
    char *argv[] = {program_module, NULL, NULL};
    int program;
    pid_t pid;

    snprintf(program_module, size, "demo-%s", name);
    snprintf(pager_module, sizeof(pager_module), "pager-%s", name);
    if (module_find(program_module) < 0 && module_find(pager_module) >= 0) {
        /* A pager that brings its client along. */
        snprintf(program_module, size, "%s", pager_module);
        argv[1] = (char *)"--demo";
    }
    program = module_need(program_module);
    pid = fork_or_die();
    if (!pid) {
        int limit = modules_fd_limit();
        int pager = move_up(module_find(pager_module), limit);
        int data = move_up(module_find("data"), limit);

        program = move_up(program, limit);
        place(data, DEMO_DATA_FD);
        place(pager, DEMO_PAGER_FD);
        become(program, program_module, argv);
    }
    return reap_until(pid);
}

static _Noreturn void demo(const char *name)
{
    char program_module[64];
    int status = run_demo(name, program_module, sizeof(program_module));

    exit_like(status, program_module);
}

/* The demo "file", then the shell, which gets all modules and their list. */
static _Noreturn void shell(const char *modules)
{
    static char list[4096];
    char name[64];
    char *argv[] = {(char *)"sh", NULL};
    char *environment[] = {list, NULL};
    int program = module_need("sh");
    pid_t pid;

    run_demo("file", name, sizeof(name));
    pid = fork_or_die();
    if (!pid) {
        snprintf(list, sizeof(list), "MODULES=%s", modules);
        modules_keep_on_exec();
        exec_fd(program, argv, environment);
        die_errno(STATUS_NOT_EXECUTABLE, "cannot execute sh");
    }
    exit_like(reap_until(pid), "sh");
}

int main(int argc, char **argv)
{
    const char *modules = getenv("MODULES");

    program_name = "init";
    if (!modules)
        die(STATUS_USAGE, "no MODULES in the environment: not started by the "
                          "kernel?");
    modules_parse(modules);
    modules_close_on_exec();
    /* So that ^C reaches what we run. */
    ioctl(STDIN_FILENO, TIOCSCTTY, 0);
    if (argc == 1)
        demo("file");
    if (argc == 2 && !strcmp(argv[1], "run"))
        run();
    if (argc == 3 && !strcmp(argv[1], "demo"))
        demo(argv[2]);
    if (argc == 2 && !strcmp(argv[1], "shell"))
        shell(modules);
    usage();
    return STATUS_USAGE;
}
