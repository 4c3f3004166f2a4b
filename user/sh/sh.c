/*
 * The shell on the console, for looking at the machine from inside. It is an
 * ordinary program: what it shows is read from /proc, what it runs are boot
 * modules.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "line.h"
#include "modules.h"
#include "sys.h"

#define WORDS_MAX 16

static void do_help(int argc, char **argv);

static const struct command {
    const char *name, *arguments, *what;
    int least; /* arguments */
    void (*run)(int argc, char **argv);
} commands[] = {
    {"demo", "NAME", "run a demo: file, anon, zip, ...", 1, do_demo},
    {"run", "PROGRAM [ARGS...]", "run a program among the boot modules", 1,
     do_run},
    {"tasks", "", "who is there and in what state", 0, do_tasks},
    {"vmas", "PID", "the areas of a task", 1, do_vmas},
    {"walk", "PID ADDRESS", "the four entries that translate an address", 2,
     do_walk},
    {"uffd", "[PID]", "areas that a pager serves, and who waits", 0, do_uffd},
    {"ledger", "[COUNT]", "the last faults (10)", 0, do_ledger},
    {"mem", "", "memory in use", 0, do_mem},
    {"help", "", "this list", 0, do_help},
    {"exit", "", "leave; the machine goes off", 0, NULL},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void do_help(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    for (size_t i = 0; i < COMMANDS; i++)
        printf("%-7s %-18s %s\n", commands[i].name, commands[i].arguments,
               commands[i].what);
}

/* Splits LINE at blanks; returns how many words there are. */
static int split(char *line, char **argv)
{
    int argc = 0;

    for (char *w = strtok(line, " \t"); w && argc < WORDS_MAX;
         w = strtok(NULL, " \t"))
        argv[argc++] = w;
    argv[argc] = NULL;
    return argc;
}

/* Returns 0 when the shell is to end. */
static int obey(int argc, char **argv)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        const struct command *c = &commands[i];

        if (strcmp(argv[0], c->name))
            continue;
        if (!c->run)
            return 0;
        if (argc <= c->least)
            printf("usage: %s %s\n", c->name, c->arguments);
        else
            c->run(argc, argv);
        return 1;
    }
    printf("%s: no such command; help lists them\n", argv[0]);
    return 1;
}

int main(void)
{
    const char *modules = getenv("MODULES");
    char line[256], *argv[WORDS_MAX + 1];
    int argc = 0;

    program_name = "sh";
    setvbuf(stdout, NULL, _IOLBF, 0);
    modules_parse(modules ? modules : "");
    puts("help lists the commands, exit turns the machine off");
    do {
        if (line_read("faultline> ", line, sizeof(line)) < 0)
            break;
        argc = split(line, argv);
    } while (!argc || obey(argc, argv));
    return 0;
}
