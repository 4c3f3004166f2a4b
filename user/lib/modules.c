/*
 * Parses and searches the list of boot modules. The list is set up once,
 * before the first fork, and only read afterwards.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "modules.h"
#include "sys.h"

static struct module modules[MODULES_MAX];
static int module_count;

/* Takes one NAME:FD of LENGTH bytes. */
static void add_module(const char *entry, size_t length)
{
    struct module *module = &modules[module_count];
    const char *colon = memchr(entry, ':', length);
    char *end;

    if (module_count == MODULES_MAX)
        die(2, "more than %d modules", MODULES_MAX);
    if (!colon || colon == entry ||
        (size_t)(colon - entry) >= sizeof(module->name))
        die(2, "MODULES: cannot understand \"%.*s\"", (int)length, entry);
    memcpy(module->name, entry, colon - entry);
    module->fd = strtol(colon + 1, &end, 10);
    if (end == colon + 1 || end != entry + length || module->fd < 0)
        die(2, "MODULES: cannot understand \"%.*s\"", (int)length, entry);
    module_count++;
}

void modules_parse(const char *text)
{
    while (*text) {
        size_t length = strcspn(text, ",");

        if (length)
            add_module(text, length);
        text += length;
        text += *text == ',';
    }
}

int module_find(const char *name)
{
    for (int i = 0; i < module_count; i++)
        if (!strcmp(modules[i].name, name))
            return modules[i].fd;
    return -1;
}

int module_need(const char *name)
{
    static char list[MODULES_MAX * (1 + sizeof(modules[0].name))];
    char *end = list;
    int fd = module_find(name);

    if (fd >= 0)
        return fd;
    for (int i = 0; i < module_count; i++)
        end = stpcpy(stpcpy(end, " "), modules[i].name);
    die(127, "no boot module named \"%s\" (there are:%s)", name,
        *list ? list : " none");
}

static void set_flags(int flags)
{
    for (int i = 0; i < module_count; i++)
        if (fcntl(modules[i].fd, F_SETFD, flags) < 0)
            die_errno(2, "module %s, descriptor %d", modules[i].name,
                      modules[i].fd);
}

void modules_close_on_exec(void)
{
    set_flags(FD_CLOEXEC);
}

void modules_keep_on_exec(void)
{
    set_flags(0);
}

int modules_fd_limit(void)
{
    int limit = STDERR_FILENO + 1;

    for (int i = 0; i < module_count; i++)
        if (modules[i].fd >= limit)
            limit = modules[i].fd + 1;
    return limit;
}
