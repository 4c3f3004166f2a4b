/*
 * Runs the programs it carries one after another, each from a memfd and in a
 * session of its own, and kills what they leave behind. The same binary on
 * both kernels. Its output: between the records "begin I" and "end I STATUS",
 * which start with the byte 0x1e, what program I prints; STATUS is 1000 + N if
 * it died of signal N, -1 if it took too long.
 */
#define _GNU_SOURCE
#include "batch.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define IMAGE_FD 900 /* out of the way */

extern char **environ;

static int image_open(const struct run *run)
{
    int fd = memfd_create(run->argv[0], MFD_CLOEXEC);

    for (const char *at = run->image; fd >= 0 && at < run->end;) {
        ssize_t put = write(fd, at, run->end - at);

        if (put <= 0)
            return -1;
        at += put;
    }
    return fd;
}

static pid_t start(const struct run *run)
{
    pid_t pid = fork();
    char image_is[24];
    sigset_t none;
    int fd;

    if (pid)
        return pid;
    fd = image_open(run);
    sprintf(image_is, "IMAGE=%d", fcntl(fd, F_DUPFD, IMAGE_FD));
    putenv(image_is);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    fexecve(fd, run->argv, environ);
    perror(run->argv[0]);
    _exit(126);
}

/* Waits for PID until DEADLINE; 0 if it has not ended by then. */
static int wait_until(pid_t pid, const struct timespec *deadline, int *status)
{
    struct timespec left;
    sigset_t child;

    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    while (waitpid(pid, status, WNOHANG) != pid) {
        clock_gettime(CLOCK_MONOTONIC, &left);
        left.tv_sec = deadline->tv_sec - left.tv_sec;
        left.tv_nsec = 0;
        if (left.tv_sec <= 0)
            return 0;
        sigtimedwait(&child, NULL, &left);
    }
    return 1;
}

/* Whoever is left of the session that GROUP led, until DEADLINE. */
static void wait_for_orphans(pid_t group, const struct timespec *deadline)
{
    const struct timespec pause = {0, 10000000};
    struct timespec now;

    do {
        nanosleep(&pause, NULL);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (!kill(-group, 0) && now.tv_sec < deadline->tv_sec);
}

/* Everybody but the first task and us. */
static void kill_the_rest(void)
{
    kill(-1, SIGKILL);
    while (waitpid(-1, NULL, 0) > 0)
        ;
}

static void set_overcommit(int mode)
{
    int fd = open("/proc/sys/vm/overcommit_memory", O_WRONLY);

    dprintf(fd, "%d\n", mode);
    close(fd);
}

static int run_one(const struct run *run)
{
    struct timespec deadline;
    int status = 0;
    pid_t pid;
    int ended;

    set_overcommit(run->overcommit);
    pid = start(run);
    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += run->seconds;
    ended = wait_until(pid, &deadline, &status);
    if (ended && run->orphans)
        wait_for_orphans(pid, &deadline);
    kill_the_rest();
    if (!ended)
        return -1;
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

int main(void)
{
    sigset_t child;

    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    for (int i = 0; runs[i].image; i++) {
        dprintf(1,
                "\x1e"
                "begin %d\n",
                i);
        int status = run_one(&runs[i]);

        dprintf(1,
                "\n\x1e"
                "end %d %d\n",
                i, status);
        tcdrain(1);
    }
    return 0;
}
