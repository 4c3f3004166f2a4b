/*
 * Has the kernel make the mistake of a number (see PR_OOPS) in a child and
 * says how that ended; what it reads for it is a page of the child's.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faultline/prctl.h"

static int child(int which)
{
    volatile char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int r;

    /* Read only once: the page of zeros, of which none is lost. */
    if (which < PR_OOPS_NO_FAULTS)
        (void)page[0];
    r = prctl(PR_OOPS, which, page);
    if (which == PR_OOPS_CORRUPT)
        (void)page[0];
    return r < 0 ? errno : 0;
}

int main(int argc, char **argv)
{
    int status;
    pid_t pid;

    (void)argc;
    pid = fork();
    if (!pid)
        _exit(child(atoi(argv[1])));
    if (waitpid(pid, &status, 0) != pid)
        return 1;
    if (WIFSIGNALED(status))
        printf("killed by %d\n", WTERMSIG(status));
    else
        printf("exited with %d\n", WEXITSTATUS(status));
    return 0;
}
