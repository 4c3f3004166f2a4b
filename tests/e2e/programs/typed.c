/*
 * What the terminal makes of what is typed: says "ready WHAT", does what its
 * argument asks for and prints what came of it. `int`, `quit`, `stop`: waits
 * for the signal in a child of the foreground group; `raw`: ISIG off, reads a
 * byte; `flush`: reads the line after a signal; `die`: no handler;
 * `kill`: a child that waits for a line, which never ends, is killed.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static volatile int got;

static void note(int number)
{
    got = number;
}

static void ready(const char *what)
{
    printf("ready %s\n", what);
    fflush(stdout);
}

static int wait_for(int number)
{
    struct sigaction action = {.sa_handler = note};

    sigaction(number, &action, NULL);
    ready("signal");
    while (!got)
        usleep(1000);
    printf("signal %d\n", got);
    return got != number;
}

/* The child's group is stopped and continued as a shell does it. */
static int stop(void)
{
    pid_t pid = fork();
    int status;

    if (!pid) {
        setpgid(0, 0);
        for (;;)
            pause();
    }
    setpgid(pid, pid);
    tcsetpgrp(0, pid);
    ready("stop");
    waitpid(pid, &status, WUNTRACED);
    printf("stopped %d\n", WIFSTOPPED(status) ? WSTOPSIG(status) : -1);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return 0;
}

static int raw(void)
{
    struct termios t;
    char c = 0;

    tcgetattr(0, &t);
    t.c_lflag &= ~(ISIG | ICANON);
    tcsetattr(0, TCSANOW, &t);
    ready("raw");
    if (read(0, &c, 1) != 1)
        return 1;
    printf("byte %d\n", c);
    return 0;
}

static int flush(void)
{
    char line[64] = "";

    wait_for(SIGINT);
    ready("line");
    if (read(0, line, sizeof(line) - 1) < 0)
        return 1;
    printf("line %s", line);
    return 0;
}

/* Its child reads; SIGKILL must end that. */
static int kill_reader(void)
{
    pid_t pid = fork();
    int status;
    char c;

    if (!pid)
        _exit(read(0, &c, 1) == 1);
    usleep(20000);
    ready("kill");
    usleep(20000);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    printf("reader %d\n", status);
    return 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    if (!strcmp(what, "int"))
        return wait_for(SIGINT);
    if (!strcmp(what, "quit"))
        return wait_for(SIGQUIT);
    if (!strcmp(what, "stop"))
        return stop();
    if (!strcmp(what, "raw"))
        return raw();
    if (!strcmp(what, "kill"))
        return kill_reader();
    if (!strcmp(what, "flush"))
        return flush();
    ready("die");
    for (;;)
        pause();
}
