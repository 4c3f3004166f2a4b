/* Operations that touch memory, and the child that sees its own copy. */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mmfuzz.h"
#include "ops.h"
#include "uffd.h"

static long draw_spot(void)
{
    static const long spots[] = {0, 0, 0, 8, 2048, PAGE - 8};
    long page;

    if (!draw_below(24))
        return draw_below(BREAK_PAGES * PAGE) & -8;
    page = draw_page() & -8;
    return page + spots[draw_below(6)];
}

/* Bytes that do no harm when they are executed, from wherever on: ret, nop,
 * clc, stc, cld, cmc. The first is ret. */
static long draw_value(void)
{
    static const unsigned char codes[] = {0xc3, 0x90, 0xf8, 0xf9, 0xfc, 0xf5};
    long value = 0;

    for (int i = 0; i < 7; i++)
        value = value << 8 | codes[draw_below(sizeof(codes))];
    return value << 8 | codes[0];
}

void draw_read(long *args)
{
    args[0] = draw_spot();
}

long run_read(const long *args)
{
    long value = 0;

    touch_read(at(args[0]), &value);
    log_text(" (%#lx)", value);
    return 0;
}

void draw_write(long *args)
{
    args[0] = draw_spot();
    args[1] = draw_value();
}

long run_write(const long *args)
{
    touch_write(at(args[0]), args[1]);
    return 0;
}

void draw_call(long *args)
{
    args[0] = draw_page() & -8;
}

long run_call(const long *args)
{
    touch_call(at(args[0]));
    return 0;
}

void draw_look(long *args)
{
    (void)args;
}

long run_look(const long *args)
{
    (void)args;
    look();
    return 0;
}

void draw_fork(long *args)
{
    args[0] = draw_below(8);
}

static void child(long count)
{
    log_text("\n");
    in_fork = 1;
    limit_time();
    run_some(count);
    log_text("  look");
    look();
    server_sync();
    _exit(0);
}

long run_fork(const long *args)
{
    int status = 0;
    pid_t pid;

    if (in_fork)
        return 0;
    pid = fork();
    if (pid < 0)
        return -1;
    if (!pid)
        child(args[0]);
    if (waitpid(pid, &status, 0) != pid)
        return -2;
    log_text(" ended");
    return status;
}

void draw_vmwritev(long *args)
{
    args[0] = draw_page();
    args[1] = draw_below(4 * PAGE);
    args[2] = draw_page();
    args[3] = draw_below(4) ? args[1] : (long)draw_below(4 * PAGE);
}

/* Not from what it writes to, see docs/linux-differences.md. */
void draw_vmreadv(long *args)
{
    draw_vmwritev(args);
    if ((unsigned long)args[0] - args[2] + 4 * PAGE < 8 * PAGE)
        args[2] = args[0] ^ (8 * PAGE);
}

static long vm_copy(long number, const long *args)
{
    struct iovec local = {at(args[0]), args[1]};
    struct iovec remote = {at(args[2]), args[3]};

    return sys_call(number, SYS(getpid), (long)&local, 1, (long)&remote, 1, 0);
}

long run_vmreadv(const long *args)
{
    return vm_copy(SYS_process_vm_readv, args);
}

long run_vmwritev(const long *args)
{
    return vm_copy(SYS_process_vm_writev, args);
}
