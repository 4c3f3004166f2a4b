/* Running boot modules: a demo as init does it, or any program. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "commands.h"
#include "modules.h"
#include "sys.h"

extern char **environ;

static void tell(const char *name, int status)
{
    if (WIFSIGNALED(status))
        printf("%s was killed by signal %d (%s)\n", name, WTERMSIG(status),
               strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status))
        printf("%s exited with %d\n", name, WEXITSTATUS(status));
}

/* Runs module NAME with the words and waits for its end. */
static void run_module(const char *name, char *const argv[])
{
    int fd = module_find(name), status;
    pid_t pid;

    if (fd < 0) {
        printf("no boot module is named %s\n", name);
        return;
    }
    pid = fork();
    if (!pid) {
        exec_fd(fd, argv, environ);
        die_errno(126, "cannot execute %s", name);
    }
    if (pid < 0)
        printf("fork: %s\n", strerror(errno));
    else if (waitpid(pid, &status, 0) == pid)
        tell(argv[0], status);
}

/* The init program knows how to set a demo up, whoever runs it. */
void do_demo(int argc, char **argv)
{
    char name[64], pager[64];
    char *words[] = {(char *)"init", (char *)"demo", argv[1], NULL};

    (void)argc;
    snprintf(name, sizeof(name), "demo-%s", argv[1]);
    snprintf(pager, sizeof(pager), "pager-%s", argv[1]);
    if (module_find(name) < 0 && module_find(pager) < 0)
        printf("no demo is named %s\n", argv[1]);
    else
        run_module("init", words);
}

void do_run(int argc, char **argv)
{
    (void)argc;
    run_module(argv[1], argv + 1);
}
