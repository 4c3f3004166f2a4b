/* Running a sequence: each operation, what came of it, and the children. */
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mmfuzz.h"
#include "ops.h"
#include "uffd.h"

int in_fork;
static const struct op *next, *end;

static void log_result(long result)
{
    if (touch_signal) {
        log_text(": signal %d code %d at ", touch_signal, touch_code);
        if (touch_address >= ARENA && touch_address < ARENA_END)
            log_text("+%#lx", touch_address - ARENA);
        else if (touch_address - (uintptr_t)at(0) < BREAK_SPACE)
            log_text("break+%#lx", touch_address - (uintptr_t)at(0));
        else
            log_text("%#lx", touch_address);
        if (touch_signal == SIGSEGV && touch_code == SEGV_PKUERR)
            log_text(" key %u", touch_key);
    } else if (is_error(result)) {
        log_text(" = %ld", result);
    } else {
        log_text(" = %#lx", result);
    }
}

static void run_one(const struct op *op)
{
    long result;

    if (in_fork)
        log_text("  ");
    log_op(op);
    touch_signal = 0;
    result = op->call->run(op->args);
    server_sync();
    log_result(result);
    log_text("\n");
}

void run_some(int count)
{
    while (next < end && count) {
        const struct op *op = next++;

        if (op_masked(op))
            continue;
        count--;
        run_one(op);
    }
}

static void log_end(int status)
{
    if (WIFSIGNALED(status))
        log_text("ended: signal %d\n", WTERMSIG(status));
    else if (WEXITSTATUS(status))
        log_text("ended: %d\n", WEXITSTATUS(status));
}

/* What takes longer hangs, and is ended by the signal. */
void limit_time(void)
{
    static const struct itimerval limit = {.it_value.tv_usec = 300000};

    setitimer(ITIMER_REAL, &limit, NULL);
}

void run_sequence(const struct op *ops, int count)
{
    int status;
    pid_t pid;

    log_reset();
    pid = fork();
    if (pid < 0)
        abort();
    if (!pid) {
        touch_begin();
        objects_begin();
        limits_begin();
        limit_time();
        next = ops;
        end = ops + count;
        /* fork() takes its operations from the same list and comes back
         * where it left it: they run in the parent as well. */
        run_some(-1);
        log_text("look");
        look();
        server_sync();
        log_text("\n");
        _exit(0);
    }
    if (waitpid(pid, &status, 0) != pid)
        abort();
    log_end(status);
}
