/* What signals are called, see signal(7). */
#include <kernel/signal.h>

static const char *const names[SIGRTMIN] = {
    [SIGHUP] = "SIGHUP",     [SIGINT] = "SIGINT",   [SIGQUIT] = "SIGQUIT",
    [SIGILL] = "SIGILL",     [SIGTRAP] = "SIGTRAP", [SIGABRT] = "SIGABRT",
    [SIGBUS] = "SIGBUS",     [SIGFPE] = "SIGFPE",   [SIGKILL] = "SIGKILL",
    [SIGUSR1] = "SIGUSR1",   [SIGSEGV] = "SIGSEGV", [SIGUSR2] = "SIGUSR2",
    [SIGPIPE] = "SIGPIPE",   [SIGALRM] = "SIGALRM", [SIGTERM] = "SIGTERM",
    [16] = "SIGSTKFLT",      [SIGCHLD] = "SIGCHLD", [SIGCONT] = "SIGCONT",
    [SIGSTOP] = "SIGSTOP",   [SIGTSTP] = "SIGTSTP", [SIGTTIN] = "SIGTTIN",
    [SIGTTOU] = "SIGTTOU",   [SIGURG] = "SIGURG",   [24] = "SIGXCPU",
    [25] = "SIGXFSZ",        [26] = "SIGVTALRM",    [27] = "SIGPROF",
    [SIGWINCH] = "SIGWINCH", [29] = "SIGIO",        [30] = "SIGPWR",
    [SIGSYS] = "SIGSYS",
};

const char *signal_name(int sig)
{
    if (sig < 1 || sig > SIG_COUNT)
        return "signal ?";
    return sig < SIGRTMIN ? names[sig] : "SIGRT";
}
