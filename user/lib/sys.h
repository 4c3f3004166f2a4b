/*
 * The system calls that musl has no wrapper for, and the way our programs
 * give up. Relies on nothing but syscall(2), so it is the same on Linux.
 */
#pragma once

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE_SIZE 4096UL
#define PAGE_MASK (PAGE_SIZE - 1)

/* Linux asks for this flag where the caller lacks CAP_SYS_PTRACE. */
#define UFFD_USER_ONLY 1

/* Replaces this program by the one in memory object or file FD. */
static inline int exec_fd(int fd, char *const argv[], char *const envp[])
{
    return syscall(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH);
}

/* Returns a new userfaultfd or -1 with errno, see userfaultfd(2). */
static inline int userfaultfd(int flags)
{
    return syscall(SYS_userfaultfd, flags);
}

/* Prints "NAME: message" on the standard error and exits with STATUS. */
_Noreturn void die(int status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* As die(), with ": " and the text of errno behind the message. */
_Noreturn void die_errno(int status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* mmap(2) of SIZE bytes to read and write; dies when there is no room. */
void *map_or_die(unsigned long size, int flags, int fd);

/* The name that die() puts before the message. */
extern const char *program_name;
