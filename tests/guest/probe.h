/*
 * Touching memory that may not be there, and the small mappings that nearly
 * every test wants. A probe takes the SIGSEGV that it causes and reports it;
 * it relies on sigaction(2) with SA_SIGINFO and on siglongjmp(3).
 */
#pragma once

#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "tap.h"

static sigjmp_buf probe_jump;
static volatile int probe_code;      /* si_code of the last fault, 0: none */
static void *volatile probe_address; /* its si_addr */
static volatile int probe_signal;    /* its number */

static inline void probe_handler(int number, siginfo_t *info, void *context)
{
    (void)context;
    probe_signal = number;
    probe_code = info->si_code;
    probe_address = info->si_addr;
    siglongjmp(probe_jump, 1);
}

static inline void probe_begin(void)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO};

    action.sa_sigaction = probe_handler;
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    probe_code = 0;
    probe_address = NULL;
    probe_signal = 0;
}

static inline int probe_end(void)
{
    signal(SIGSEGV, SIG_DFL);
    signal(SIGBUS, SIG_DFL);
    return probe_code;
}

/* Reads a byte: returns 0 or the si_code of the fault. */
static inline int probe_read(const void *address)
{
    probe_begin();
    if (!sigsetjmp(probe_jump, 1))
        (void)*(const volatile unsigned char *)address;
    return probe_end();
}

/* Writes VALUE to a byte: returns 0 or the si_code of the fault. */
static inline int probe_write(void *address, int value)
{
    probe_begin();
    if (!sigsetjmp(probe_jump, 1))
        *(volatile unsigned char *)address = value;
    return probe_end();
}

/* Calls code at ADDRESS: returns 0 or the si_code of the fault. */
static inline int probe_call(const void *address)
{
    probe_begin();
    if (!sigsetjmp(probe_jump, 1))
        ((void (*)(void))(uintptr_t)address)();
    return probe_end();
}

/* New private anonymous read-write pages; never fails. */
static inline char *map_pages(size_t count)
{
    char *pages = mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    must(pages != MAP_FAILED);
    return pages;
}

/* New pages that stay shared over fork(2); never fails. */
static inline void *map_shared(size_t count)
{
    void *pages = mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    must(pages != MAP_FAILED);
    return pages;
}

/* Whether all SIZE bytes at ADDRESS are VALUE. */
static inline int all_bytes(const void *address, int value, size_t size)
{
    const unsigned char *bytes = address;

    for (size_t i = 0; i < size; i++)
        if (bytes[i] != (unsigned char)value)
            return 0;
    return 1;
}

/* Waits for one child: its exit status, or 1000 + the signal it died of. */
static inline int wait_status(pid_t pid)
{
    int status;
    pid_t got;

    do
        got = waitpid(pid, &status, 0);
    while (got < 0 && errno == EINTR);
    must(got == pid);
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Runs WORK(ARGUMENT) in a child, which exits with the result. */
static inline int in_child(int (*work)(void *), void *argument)
{
    pid_t pid = fork();

    must(pid >= 0);
    if (!pid)
        _exit(work(argument));
    return wait_status(pid);
}
