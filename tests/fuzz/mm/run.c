/* Running a sequence: each operation, what came of it, and the children. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mmfuzz.h"
#include "ops.h"

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
        next = ops;
        end = ops + count;
        /* fork() takes its operations from the same list and comes back
         * where it left it: they run in the parent as well. */
        run_some(-1);
        log_text("look");
        look();
        log_text("\n");
        _exit(0);
    }
    if (waitpid(pid, &status, 0) != pid)
        abort();
    log_end(status);
}
