/* Reading the files of /proc: whole texts, lines for an address, rows. */
#pragma once

#include <fcntl.h>

#include "probe.h"

static char proc_text[1 << 18];

/* The text of a file in proc_text; its length, or -errno. */
static inline long proc_read_all(const char *path)
{
    int fd = open(path, O_RDONLY);
    ssize_t n = 0;
    long size = 0;

    if (fd < 0)
        return -errno;
    while ((n = read(fd, proc_text + size, sizeof(proc_text) - 1 - size)) > 0)
        size += n;
    if (n < 0)
        size = -errno;
    proc_text[size < 0 ? 0 : size] = '\0';
    close(fd);
    return size;
}

/* A child that has ended and was not waited for. */
static inline pid_t proc_zombie(void)
{
    pid_t child = fork();
    siginfo_t info;

    must(child >= 0);
    if (!child)
        _exit(0);
    must(waitid(P_PID, child, &info, WEXITED | WNOWAIT) == 0);
    return child;
}

/* The line of proc_text, a maps or smaps, whose area holds ADDRESS; NULL. */
static inline char *proc_line(const void *address)
{
    for (char *line = proc_text; *line; line = strchr(line, '\n') + 1) {
        unsigned long start, end;

        if (sscanf(line, "%lx-%lx %*4c %*x %*2x:", &start, &end) == 2 &&
            start <= (unsigned long)address && (unsigned long)address < end)
            return line;
    }
    return NULL;
}

/* The number in the first row NAME at or after TEXT; -1 if there is none. */
static inline long proc_row(const char *text, const char *name)
{
    size_t size = strlen(name);

    for (; text && *text; text = strchr(text, '\n') + 1)
        if (!strncmp(text, name, size) && text[size] == ':')
            return strtol(text + size + 1, NULL, 10);
    return -1;
}

/* A row of a fresh reading of PATH. */
static inline long proc_number(const char *path, const char *name)
{
    must(proc_read_all(path) > 0);
    return proc_row(proc_text, name);
}

/* Writes TEXT; 0 or the errno. */
static inline int proc_store(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY);
    int error;

    must(fd >= 0);
    error = write(fd, text, strlen(text)) < 0 ? errno : 0;
    close(fd);
    return error;
}

/* One area holds all of the range. */
static inline int proc_is_one_area(const char *at, size_t size)
{
    unsigned long start, end;
    const char *line;

    must(proc_read_all("/proc/self/maps") > 0);
    line = proc_line(at);
    must(line && sscanf(line, "%lx-%lx", &start, &end) == 2);
    return start <= (unsigned long)at && (unsigned long)at + size <= end;
}
