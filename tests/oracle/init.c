/*
 * The first task of the Linux that judges us: runs the programs of /plan one
 * after another, each with the console for its output and nothing to read, and
 * switches the machine off. Relies on what tools/oracle put into the
 * initramfs; mounts nothing but /proc.
 *
 * /plan is words, each ended by a NUL: for every program the seconds of the
 * guest's time that it may take, its path here, how many arguments it has, and
 * these, from argv[0] on.
 *
 * On the console each program's output stands between records that begin with
 * the byte 0x1e: "begin I" and "end I". What is known of it goes to QEMU's
 * debug console: "boot TICKS", the time-stamp counter at our first
 * instruction, then "status I N" per program, N as a shell counts it, or
 * "hung I".
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define WORDS_MAX   256
#define STATUS_PORT 0x5e9
#define END_PORT    0xf4
#define HUNG        (-1)

struct program {
    int seconds;
    char *path;
    char *words[WORDS_MAX];
};

static char *environment[] = {
    (char *)"PATH=/bin",
    (char *)"HOME=/",
    (char *)"TERM=linux",
    NULL,
};

static uint64_t ticks(void)
{
    uint32_t low;
    uint32_t high;

    asm volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

static void die(const char *what)
{
    perror(what);
    tcdrain(STDERR_FILENO);
    reboot(RB_AUTOBOOT); /* QEMU ends, without a status */
    _exit(1);
}

/* The ports are ours only while we write: programs must not get them. */
static void write_port(unsigned short port, const char *bytes, size_t size)
{
    if (ioperm(port, 1, 1) < 0)
        die("ioperm");
    for (size_t i = 0; i < size; i++)
        outb(bytes[i], port);
    ioperm(port, 1, 0);
}

static void report(const char *what, unsigned long long number)
{
    char line[64];
    int size = snprintf(line, sizeof(line), "%s %llu\n", what, number);

    write_port(STATUS_PORT, line, size);
}

static void mark(const char *what, int number)
{
    dprintf(STDOUT_FILENO, "\x1e%s %d\n", what, number);
    tcdrain(STDOUT_FILENO);
}

/* Bytes go out as they are, like Faultline's. */
static void open_console(void)
{
    struct termios mode;
    int null = open("/dev/null", O_RDONLY);

    if (tcgetattr(STDOUT_FILENO, &mode) < 0 || null < 0)
        die("the console, /dev/null");
    cfmakeraw(&mode);
    tcsetattr(STDOUT_FILENO, TCSANOW, &mode);
    dup2(null, STDIN_FILENO);
    close(null);
}

/* /dev/userfaultfd has whatever number was free. */
static void make_device(void)
{
    FILE *misc = fopen("/proc/misc", "r");
    char name[64];
    unsigned minor;

    while (misc && fscanf(misc, "%u %63s", &minor, name) == 2)
        if (!strcmp(name, "userfaultfd"))
            mknod("/dev/userfaultfd", S_IFCHR | 0600, makedev(10, minor));
    if (misc)
        fclose(misc);
}

/* Tests look at address spaces through it. */
static void mount_proc(void)
{
    if (mkdir("/proc", 0555) < 0 || mount("proc", "/proc", "proc", 0, NULL) < 0)
        die("/proc");
}

/* The first child to end, or -1 if none does in SECONDS. */
static pid_t wait_for_child(int *status, int seconds)
{
    struct timespec limit = {.tv_sec = seconds};
    sigset_t child;
    pid_t pid = waitpid(-1, status, WNOHANG);

    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    while (!pid) {
        if (sigtimedwait(&child, NULL, &limit) < 0)
            return -1;
        pid = waitpid(-1, status, WNOHANG);
    }
    return pid;
}

/* Leaves nobody behind for the next program. */
static void kill_the_rest(void)
{
    kill(-1, SIGKILL);
    while (wait(NULL) > 0)
        ;
}

static pid_t start(const struct program *program)
{
    pid_t pid = fork();
    sigset_t none;

    if (pid < 0)
        die("fork");
    if (pid)
        return pid;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(program->path, program->words, environment);
    perror(program->path);
    _exit(126);
}

/* Its status as a shell counts it: 128 + N for signal N; or HUNG. */
static int run(const struct program *program)
{
    pid_t started = start(program);
    int status = 0;
    pid_t pid;

    do
        pid = wait_for_child(&status, program->seconds);
    while (pid > 0 && pid != started);
    kill_the_rest();
    if (pid != started)
        return HUNG;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* The whole file, and a NUL after it. */
static char *read_plan(void)
{
    int fd = open("/plan", O_RDONLY);
    struct stat about;
    char *text;

    if (fd < 0 || fstat(fd, &about) < 0)
        die("/plan");
    text = calloc(about.st_size + 1, 1);
    if (!text || read(fd, text, about.st_size) != about.st_size)
        die("/plan");
    close(fd);
    return text;
}

static char *next_word(char **plan)
{
    char *word = *plan;

    *plan += strlen(word) + 1;
    return word;
}

/* Cuts the next program off *PLAN; 0 if that is at its end. */
static int next_program(char **plan, struct program *program)
{
    int count;

    if (!**plan)
        return 0;
    program->seconds = atoi(next_word(plan));
    program->path = next_word(plan);
    count = atoi(next_word(plan));
    if (count >= WORDS_MAX)
        die("too many arguments");
    for (int i = 0; i < count; i++)
        program->words[i] = next_word(plan);
    program->words[count] = NULL;
    return 1;
}

static void run_one(const struct program *program, int number)
{
    char what[32];
    int status;

    mark("begin", number);
    status = run(program);
    mark("end", number);
    snprintf(what, sizeof(what), "%s %d", status == HUNG ? "hung" : "status",
             number);
    report(what, status == HUNG ? 0 : status);
}

int main(void)
{
    uint64_t boot = ticks();
    struct program program;
    sigset_t child;
    char *plan;

    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    open_console();
    mount_proc();
    make_device();
    report("boot", boot);
    plan = read_plan();
    for (int number = 0; next_program(&plan, &program); number++)
        run_one(&program, number);
    write_port(END_PORT, "\x10", 1); /* QEMU exits with 33 */
    die("the machine goes on");
}
