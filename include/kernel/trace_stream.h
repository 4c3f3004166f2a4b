/*
 * The machine-readable trace: with `stream` on the command line the kernel
 * writes what happens to QEMU's debug console, for tools/faultscope; with
 * `stream` or `calls` it keeps the last system calls in a ring, for GDB. A
 * kernel that is not asked has neither in its way: system calls then enter by
 * the stub without a hook.
 *
 * A record is a struct trace_head and `size` - 16 bytes more, all multiples of
 * eight, little-endian:
 *
 *   START    magic, ticks per millisecond; the first record
 *   FAULT    the struct fault_record, when the fault is over; its cycle
 *            only if it is a deadlock
 *   SWITCH   u64: tid of the thread that runs now; the head has the one left
 *   NAME     char[16]: what the thread is called from now on
 *   CALL     struct trace_call; the head's time is the entry's
 *   TREE     after a call of mmap's family: for each area start, end, flags,
 *            in preorder; in start bit 0: red, 1: has a left, 2: a right
 *            child, 3: the newest area, not in the tree yet, as the last.
 *            No areas when there are over TRACE_TREE_MAX
 *   MESSAGE  a CALL that has read a userfaultfd: struct trace_call, the
 *            context (its address), struct uffd_msg for each message. Over
 *            TRACE_MESSAGES go into more records, in which the result is 0
 *   FILL     a CALL by which a pager answered (COPY, ZEROPAGE, MOVE,
 *            WRITEPROTECT, CONTINUE, POISON, WAKE, FL_COPY_NEXT; FL_FILL,
 *            FL_WAKE, FL_CLEAN, FL_EVICT): struct trace_call, the context,
 *            the request's structure as the call has left it
 */
#pragma once

#include <mm/ledger.h>

enum trace_type {
    TRACE_START = 1,
    TRACE_FAULT,
    TRACE_SWITCH,
    TRACE_NAME,
    TRACE_CALL,
    TRACE_TREE,
    TRACE_MESSAGE,
    TRACE_FILL,
};

/* The calls a trace says more of. */
enum {
    NR_read = 0,
    NR_mmap = 9,
    NR_mprotect = 10,
    NR_munmap = 11,
    NR_brk = 12,
    NR_ioctl = 16,
    NR_mremap = 25,
    NR_madvise = 28,
    NR_execve = 59,
    NR_mlock = 149,
    NR_munlockall = 152,
    NR_prctl = 157,
    NR_execveat = 322,
    NR_mlock2 = 325,
    NR_pkey_mprotect = 329,
    NR_process_madvise = 440,
};

#define TRACE_MAGIC      0x3145434152544c46ull /* "FLTRACE1" */
#define TRACE_TREE_MAX   256u
#define TRACE_NODE_ALONE 8u
#define TRACE_MESSAGES   16u

struct trace_head {
    u8 type, cpu;
    u16 size; /* of the whole record */
    u32 tid;
    u64 time; /* cycles() */
};

struct trace_call {
    u64 end; /* cycles(); 0: it has not returned */
    u64 number, arg[6];
    u64 result;
};

/* The last calls, for GDB: slot n % TRACE_CALLS is call n's. */
#define TRACE_CALLS 256u
struct trace_slot {
    u64 begin;
    u32 tid;
    struct trace_call call;
};
extern struct trace_slot trace_calls[TRACE_CALLS];
extern u64 trace_call_count;

/* Asked for on the command line? Once, before there are other processors. */
void trace_stream_init(void);

/* One record: the head and n bytes of data (a multiple of eight). Takes the
 * console class's lock, interrupts off. */
void trace_write(enum trace_type type, u32 tid, u64 time, const void *data,
                 size_t n);

/* The hook of ledger_finish(). */
void trace_fault(const struct fault_record *rec);

/* The processor goes from one thread to another. Interrupts off. */
extern bool trace_streams;
void trace_switch(u32 from, u32 to, u64 now);

/* A traced read or ioctl is over: if it was a userfaultfd's and brought
 * messages or filled, writes that. Reads the caller's memory, so may sleep. */
__must_check bool trace_uffd(u32 tid, u64 begin, const struct trace_call *call);

/* What the traced system-call stub calls: performs the call. */
long trace_syscall(u64 number, const u64 arg[6]);
