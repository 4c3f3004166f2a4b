/*
 * The boot modules as init and the shell see them: the kernel leaves each one
 * open on a descriptor and names them all in the environment,
 * MODULES=NAME:FD,...
 */
#pragma once

#define MODULES_MAX 64

struct module {
    char name[64];
    int fd;
};

/*
 * Reads the MODULES variable TEXT. Dies with a message that shows the entry
 * if it cannot be understood.
 */
void modules_parse(const char *text);

/* Returns the descriptor of the module NAME, or -1. */
int module_find(const char *name);

/* As module_find(), but dies naming the modules that there are. */
int module_need(const char *name);

/* Makes every module's descriptor close on exec; dies if it is not open. */
void modules_close_on_exec(void);

/* Undoes that, for a program that is to have them all. */
void modules_keep_on_exec(void);

/* Returns a number greater than any module's descriptor. */
int modules_fd_limit(void);
