/*
 * Looking: tasks, areas, walks, userfaultfds, faults and memory, all read
 * from /proc. There is no listing of /proc: pids are tried.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"

#define PID_TRIED 4096
#define LEVELS    4

/* Opens /proc/PID/NAME, or /proc/NAME without a pid. */
static FILE *proc_open(int pid, const char *name)
{
    char path[64];

    if (pid)
        snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
    else
        snprintf(path, sizeof(path), "/proc/%s", name);
    return fopen(path, "re");
}

/* Prints a file line by line; returns how many, or -1: it is not there. */
static int print_file(int pid, const char *name)
{
    FILE *file = proc_open(pid, name);
    char line[256];
    int count = 0;

    if (!file)
        return -1;
    for (; fgets(line, sizeof(line), file); count++)
        fputs(line, stdout);
    fclose(file);
    return count;
}

static void no_task(int pid)
{
    printf("no task has the number %d, or it has ended\n", pid);
}

/* The value of a row of /proc/PID/status, in VALUE. */
static void status_row(FILE *file, const char *row, char *value, size_t size)
{
    char line[128];
    size_t n = strlen(row);

    snprintf(value, size, "-");
    rewind(file);
    while (fgets(line, sizeof(line), file))
        if (!strncmp(line, row, n) && line[n] == ':') {
            line[strcspn(line, "\n")] = 0;
            snprintf(value, size, "%s",
                     line + n + 1 + strspn(line + n + 1, " \t"));
        }
}

static void print_task(int pid, FILE *file)
{
    static const char *const rows[] = {"PPid",  "Threads", "VmSize",
                                       "VmRSS", "State",   "Name"};
    static const int widths[] = {6, 8, 12, 12, -14, 0};
    char value[64];

    printf("%5d", pid);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        status_row(file, rows[i], value, sizeof(value));
        printf(" %*s", widths[i], value);
    }
    putchar('\n');
}

void do_tasks(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    puts("  pid parent  threads         size     resident state          name");
    for (int pid = 1; pid < PID_TRIED; pid++) {
        FILE *file = proc_open(pid, "status");

        if (!file)
            continue;
        print_task(pid, file);
        fclose(file);
    }
}

void do_vmas(int argc, char **argv)
{
    (void)argc;
    if (print_file(atoi(argv[1]), "maps") < 0)
        no_task(atoi(argv[1]));
}

/* An entry's bits by their names (Intel SDM vol. 3, 4.5). */
static void print_bits(unsigned long entry)
{
    static const char *const names[] = {
        "present",       "write",    "user",    "write-through",
        "cache-disable", "accessed", "dirty",   "large",
        "global",        "poison",   "uffd-wp", "soft-dirty",
    };

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (entry >> i & 1)
            printf(" %s", names[i]);
    puts(entry >> 63 ? " no-execute" : "");
}

void do_walk(int argc, char **argv)
{
    static const char *const levels[] = {"PML4", "PDPT", "PD", "PT"};
    unsigned long address = strtoul(argv[2], NULL, 0), entries[LEVELS];
    off_t offset = (off_t)(address / 4096 * sizeof(entries));
    FILE *file = proc_open(atoi(argv[1]), "walk");

    (void)argc;
    if (!file || pread(fileno(file), entries, sizeof(entries), offset) !=
                     sizeof(entries)) {
        no_task(atoi(argv[1]));
        if (file)
            fclose(file);
        return;
    }
    fclose(file);
    for (int i = 0; i < LEVELS; i++) {
        printf("%-4s[%3lu] %016lx", levels[i], address >> (39 - 9 * i) & 511,
               entries[i]);
        print_bits(entries[i]);
        if (!(entries[i] & 1))
            break;
    }
}

void do_uffd(int argc, char **argv)
{
    int first = argc > 1 ? atoi(argv[1]) : 1, found = 0;

    for (int pid = first; pid < (argc > 1 ? first + 1 : PID_TRIED); pid++) {
        int n = print_file(pid, "uffd");

        found += n > 0 ? n : 0;
    }
    if (!found)
        puts("no area is registered with a userfaultfd");
}

/* The last COUNT lines of the ledger. */
void do_ledger(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 10, lines = 0;
    FILE *file = proc_open(0, "ledger");
    char line[256];

    if (!file)
        return;
    while (fgets(line, sizeof(line), file))
        lines++;
    rewind(file);
    for (; fgets(line, sizeof(line), file); lines--)
        if (lines <= count)
            fputs(line, stdout);
    fclose(file);
}

void do_mem(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    print_file(0, "meminfo");
}
