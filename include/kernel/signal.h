/*
 * Signals, see signal(7). Numbers and structures are the ABI's.
 */
#pragma once

#include <base/types.h>

#define SIG_COUNT 64 /* signals 1..64; index n - 1 */
#define SIGRTMIN  32 /* from here on each one sent is kept */

#define SIGHUP    1
#define SIGINT    2
#define SIGQUIT   3
#define SIGILL    4
#define SIGTRAP   5
#define SIGABRT   6
#define SIGBUS    7
#define SIGFPE    8
#define SIGKILL   9
#define SIGUSR1   10
#define SIGSEGV   11
#define SIGUSR2   12
#define SIGPIPE   13
#define SIGALRM   14
#define SIGTERM   15
#define SIGCHLD   17
#define SIGCONT   18
#define SIGSTOP   19
#define SIGTSTP   20
#define SIGTTIN   21
#define SIGTTOU   22
#define SIGURG    23
#define SIGXCPU   24
#define SIGXFSZ   25
#define SIGVTALRM 26
#define SIGPROF   27
#define SIGWINCH  28
#define SIGSYS    31

#define SIG_DFL 0ul
#define SIG_IGN 1ul

#define SA_NOCLDSTOP 0x00000001ul
#define SA_NOCLDWAIT 0x00000002ul
#define SA_SIGINFO   0x00000004ul
#define SA_RESTORER  0x04000000ul
#define SA_ONSTACK   0x08000000ul
#define SA_RESTART   0x10000000ul
#define SA_NODEFER   0x40000000ul
#define SA_RESETHAND 0x80000000ul

#define SIG_BLOCK   0
#define SIG_UNBLOCK 1
#define SIG_SETMASK 2

#define SI_USER       0
#define SI_KERNEL     0x80
#define SI_TIMER      (-2)
#define SI_TKILL      (-6)
#define SEGV_MAPERR   1
#define SEGV_ACCERR   2
#define SEGV_PKUERR   4
#define BUS_ADRALN    1
#define BUS_ADRERR    2
#define BUS_MCEERR_AR 4
#define ILL_ILLOPN    2
#define FPE_INTDIV    1
#define FPE_FLTINV    7
#define TRAP_BRKPT    1
#define TRAP_TRACE    2
#define CLD_EXITED    1
#define CLD_KILLED    2
#define CLD_STOPPED   5
#define CLD_CONTINUED 6

#define SS_ONSTACK    1
#define SS_DISABLE    2
#define SS_AUTODISARM (1u << 31)
#define MINSIGSTKSZ   2048

#define SIG_BIT(n) (1ul << ((n)-1))

/* What the ABI's siginfo_t carries; it has SIGINFO_SIZE bytes, the rest 0. */
#define SIGINFO_SIZE 128
struct siginfo {
    s32 si_signo, si_errno, si_code, si_pad_;
    union {
        struct {
            s32 si_pid;
            u32 si_uid;
            s32 si_status;
            s32 si_pad2_;
            s64 si_utime, si_stime; /* ticks of 10 ms */
        };
        struct { /* SI_TIMER */
            s32 si_timerid, si_overrun;
            u64 si_value;
        };
        struct {
            u64 si_addr;
            u16 si_addr_lsb; /* BUS_MCEERR_AR: log2 of the bytes lost */
            u32 si_pad3_;
            u32 si_pkey; /* SEGV_PKUERR */
        };
        u8 si_fill_[32];
    };
};

/* The ABI's struct sigaction, as rt_sigaction(2) takes it. */
struct sigaction_k {
    u64 sa_handler;
    u64 sa_flags;
    u64 sa_restorer;
    u64 sa_mask;
};

/* stack_t */
struct stack_k {
    u64 ss_sp;
    s32 ss_flags;
    s32 ss_pad_;
    u64 ss_size;
};

/*
 * What is pending, for a thread or for a task. One siginfo per standard
 * signal; real-time ones are queued, oldest first. Last in what contains it,
 * for it is large and `info` needs no clearing.
 */
struct sig_pending {
    u64 set; /* bit n - 1: signal n */
    struct sig_queued *first, *last;
    struct siginfo info[SIGRTMIN];
};

struct task;
struct thread;
struct regs;

/* Sends info to a task (any thread may take it). task_lock not held. Ignored
 * signals vanish here; fatal ones wake everybody. */
void signal_send_task(struct task *task, const struct siginfo *info);

/*
 * A synchronous signal of the current thread (fault, trap): delivered before
 * its next user instruction; if blocked or ignored, the default action is
 * forced. addr goes to si_addr.
 */
void signal_force(int sig, int code, u64 addr);
/* A SIGSEGV by a protection key. */
void signal_force_pkey(u64 addr, int key);

/* Delivers what is pending to the current thread: builds a handler frame or
 * ends the task. May not return. Interrupts on. */
void signal_deliver(struct regs *regs);

/* Whether ss may be an alternate stack: 0, -EINVAL (flags), -ENOMEM (size). */
__must_check int signal_stack_check(const struct stack_k *ss);

/* A signal not blocked is pending for t / one that will kill it. */
bool signal_pending(const struct thread *t);
bool signal_fatal_pending(const struct thread *t);

/* "SIGSEGV"; "signal 40" style for the rest through buf (>= 16 bytes). */
const char *signal_name(int sig);
