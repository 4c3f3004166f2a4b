/*
 * Protection keys, pkeys(7): allocation, what each right forbids and how it is
 * told, the register over threads, fork and signals, user copies, memory that
 * can only be run. Without keys in the CPU the calls say so, and the rest is
 * that execute-only memory can be read.
 */
#define _GNU_SOURCE
#include "pkru.h"
#include "probe.h"

#include <pthread.h>
#include <ucontext.h>

#define RW       (PROT_READ | PROT_WRITE)
#define INITIAL  0x55555554u
#define PKUERR   4
#define NO_READ  1
#define NO_WRITE 2

static unsigned rights_of(int key)
{
    return rdpkru() >> 2 * key & 3;
}

static void set_rights(int key, unsigned rights)
{
    wrpkru((rdpkru() & ~(3u << 2 * key)) | rights << 2 * key);
}

static int key_alloc(unsigned long flags, unsigned long rights)
{
    return syscall(SYS_pkey_alloc, flags, rights);
}

static int key_free(int key)
{
    return syscall(SYS_pkey_free, key);
}

static int key_mprotect(void *at, size_t size, int prot, int key)
{
    return syscall(SYS_pkey_mprotect, at, size, prot, key);
}

/* Which key the last fault was about. */
static volatile unsigned fault_key;
static volatile unsigned handler_pkru;
static volatile greg_t fault_error, fault_trap, fault_cr2;
static sigjmp_buf key_jump;

static void key_handler(int number, siginfo_t *info, void *context)
{
    const greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;

    (void)number;
    fault_error = regs[REG_ERR];
    fault_trap = regs[REG_TRAPNO];
    fault_cr2 = regs[REG_CR2];
    fault_key = *(unsigned *)((char *)info + 32);
    handler_pkru = rdpkru();
    probe_code = info->si_code;
    probe_address = info->si_addr;
    siglongjmp(key_jump, 1);
}

/* Reads, or writes, a byte; 0 or the si_code. A jump out of the handler leaves
 * the register as the handler had it: it is put back here. */
static int touch(volatile char *at, int write)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO};
    unsigned pkru = rdpkru();

    action.sa_sigaction = key_handler;
    sigaction(SIGSEGV, &action, NULL);
    probe_code = 0;
    if (!sigsetjmp(key_jump, 1)) {
        if (write)
            *at = 1;
        else
            (void)*at;
    }
    wrpkru(pkru);
    signal(SIGSEGV, SIG_DFL);
    return probe_code;
}

static void test_alloc(void)
{
    int keys[16], count = 0;

    is(rdpkru(), INITIAL, "at first only key 0 is free");
    fails(key_alloc(1, 0), EINVAL, "no flags");
    fails(key_alloc(0, 4), EINVAL, "no such right");
    while (count < 16 && (keys[count] = key_alloc(0, 0)) >= 0)
        count++;
    is(count, 15, "15 keys");
    is(errno, ENOSPC, "no more");
    is(rdpkru(), 0, "all of them usable");
    works(key_free(keys[3]), "one is given back");
    fails(key_free(keys[3]), EINVAL, "once");
    is(key_alloc(0, NO_WRITE), keys[3], "and comes again");
    is(rights_of(keys[3]), NO_WRITE, "with the right asked for");
    fails(key_free(16), EINVAL, "key 16");
    fails(key_free(-1), EINVAL, "key -1");
    while (count)
        key_free(keys[--count]);
    wrpkru(INITIAL);
}

static void test_rights(void)
{
    char *pages = map_pages(2);
    int key = key_alloc(0, 0);

    pages[0] = 7;
    must(key > 0);
    fails(key_mprotect(pages, PAGE, RW, key + 1), EINVAL, "a free key");
    fails(key_mprotect(pages, PAGE, RW, -2), EINVAL, "key -2");
    works(key_mprotect(pages, 2 * PAGE, RW, key), "pkey_mprotect");
    is(touch(pages, 1), 0, "all is allowed");
    set_rights(key, NO_WRITE);
    is(touch(pages, 0), 0, "not to write: reading");
    is(touch(pages, 1), PKUERR, "writing");
    is(fault_key, key, "by that key");
    is((long)probe_address, (long)pages, "at that address");
    ok(fault_trap == 14 && fault_cr2 == (greg_t)pages, "the frame has it, too");
    is(fault_error, 0x27, "and says: a user's write, by the key");
    is(handler_pkru, INITIAL, "a handler starts like a program");
    is(touch(pages + PAGE, 1), PKUERR, "an untouched page is no different");
    set_rights(key, NO_READ);
    is(touch(pages, 0), PKUERR, "not to access: reading");
    is(touch(pages + PAGE, 0), PKUERR, "an untouched page");
    works(mprotect(pages, PAGE, PROT_READ), "mprotect keeps the key");
    is(touch(pages, 0), PKUERR, "it does");
    set_rights(key, 0);
    is(touch(pages, 1), SEGV_ACCERR, "a right, but a read-only page");
    set_rights(key, NO_WRITE);
    is(touch(pages, 1), PKUERR, "neither: the key is told");
    works(key_mprotect(pages, PAGE, PROT_NONE, key), "PROT_NONE");
    is(touch(pages, 0), SEGV_ACCERR, "the key lets read, the page does not");
    works(key_mprotect(pages, PAGE, RW, 0), "back to key 0");
    is(touch(pages, 1), 0, "and usable");
    works(key_mprotect(pages, PAGE, RW, -1), "-1: as mprotect");
    munmap(pages, 2 * PAGE);
    works(key_free(key), "free");
    wrpkru(INITIAL);
}

static int present(char *page)
{
    unsigned char there = 0;

    must(!mincore(page, PAGE, &there));
    return there & 1;
}

/* The key is asked before there is a page. */
static void test_untouched(void)
{
    char *pages = map_pages(2);
    int key = key_alloc(0, NO_WRITE);

    key_mprotect(pages, 2 * PAGE, RW, key);
    is(touch(pages, 1), PKUERR, "a forbidden write");
    is(present(pages), 0, "makes no page");
    is(touch(pages, 0), 0, "a read that is allowed");
    is(present(pages), 1, "makes one");
    set_rights(key, NO_READ);
    is(touch(pages + PAGE, 0), PKUERR, "a forbidden read");
    is(present(pages + PAGE), 0, "makes none");
    munmap(pages, 2 * PAGE);
    key_free(key);
    wrpkru(INITIAL);
}

/* The kernel's accesses for us are ours. */
static void test_user_copy(void)
{
    char *page = map_pages(1);
    struct timespec *time = (void *)page;
    int key = key_alloc(0, 0);

    key_mprotect(page, PAGE, RW, key);
    works(syscall(SYS_clock_gettime, 0, time), "a system call writes there");
    set_rights(key, NO_WRITE);
    fails(syscall(SYS_clock_gettime, 0, time), EFAULT, "not any more");
    set_rights(key, 0);
    memset(time, 0, sizeof(*time));
    set_rights(key, NO_WRITE);
    is(syscall(SYS_clock_nanosleep, 0, 0, time, NULL), 0, "it may read");
    set_rights(key, NO_READ);
    fails(syscall(SYS_clock_nanosleep, 0, 0, time, NULL), EFAULT, "or not");
    munmap(page, PAGE);
    key_free(key);
    wrpkru(INITIAL);
}

static void *thread_pkru(void *seen)
{
    *(unsigned *)seen = rdpkru();
    wrpkru(INITIAL | 0xff0);
    return NULL;
}

static int child_keys(void *key)
{
    int mine = *(int *)key;

    if (rights_of(mine) != NO_WRITE)
        return 1;
    if (key_free(mine))
        return 2;
    return key_alloc(0, 0) == mine ? 0 : 3;
}

static void test_inherited(void)
{
    int key = key_alloc(0, NO_WRITE);
    unsigned seen = 0, mine = rdpkru();
    pthread_t thread;

    must(!pthread_create(&thread, NULL, thread_pkru, &seen));
    pthread_join(thread, NULL);
    is(seen, mine, "a thread starts with its maker's rights");
    is(rdpkru(), mine, "and has its own from then on");
    is(in_child(child_keys, &key), 0, "a child has its parent's keys");
    works(key_free(key), "which are not shared");
    wrpkru(INITIAL);
}

static volatile unsigned usr_pkru;

static void usr_handler(int number)
{
    (void)number;
    usr_pkru = rdpkru();
    wrpkru(0);
}

/* The frame holds the register, and goes onto a stack with a key of its own. */
static void test_signals(void)
{
    int key = key_alloc(0, NO_WRITE);
    char *stack = map_pages(8);
    stack_t alt = {.ss_sp = stack, .ss_size = 8 * PAGE};
    struct sigaction action = {.sa_handler = usr_handler};
    unsigned mine = rdpkru();

    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    is(usr_pkru, INITIAL, "a handler's rights");
    is(rdpkru(), mine, "end with it");
    action.sa_flags = SA_ONSTACK;
    sigaction(SIGUSR1, &action, NULL);
    works(sigaltstack(&alt, NULL), "sigaltstack");
    usr_pkru = 0;
    raise(SIGUSR1);
    is(usr_pkru, INITIAL, "on another stack");
    is(rdpkru(), mine, "likewise");
    alt.ss_flags = SS_DISABLE;
    sigaltstack(&alt, NULL);
    munmap(stack, 8 * PAGE);
    key_free(key);
    wrpkru(INITIAL);
}

static void idle_handler(int number)
{
    (void)number;
}

/* The kernel gets onto a stack with a key; a handler only if it opens it. */
static int key_stack(void *handler)
{
    int key = key_alloc(0, 0);
    char *stack = map_pages(8);
    stack_t alt = {.ss_sp = stack, .ss_size = 8 * PAGE};
    struct sigaction action = {.sa_flags = SA_ONSTACK};

    action.sa_handler = (void (*)(int))handler;
    key_mprotect(stack, 8 * PAGE, RW, key);
    sigaction(SIGUSR1, &action, NULL);
    sigaltstack(&alt, NULL);
    set_rights(key, NO_READ);
    raise(SIGUSR1);
    return rights_of(key) != NO_READ;
}

static const unsigned char code[] = {0xc3}; /* ret */

static char *code_page(int prot)
{
    char *page = map_pages(1);

    memcpy(page, code, sizeof(code));
    works(mprotect(page, PAGE, prot), "mprotect");
    return page;
}

/* A page that is fetched before anybody has touched it. */
static void test_fetch(void)
{
    int fd = syscall(SYS_memfd_create, "code", 0);
    char *page;

    must(write(fd, code, sizeof(code)) == sizeof(code));
    page = mmap(NULL, PAGE, PROT_EXEC, MAP_PRIVATE, fd, 0);
    is(probe_call(page), 0, "a fetch brings the page");
    is(touch(page, 0), PKUERR, "a read is refused");
    munmap(page, PAGE);
    close(fd);
}

static void test_exec_only(void)
{
    char *page = code_page(PROT_EXEC), *other;
    int keys = 0;

    is(probe_call(page), 0, "execute-only memory runs");
    is(touch(page, 0), PKUERR, "and cannot be read");
    fails(key_free(fault_key), EINVAL, "its key is not ours to free");
    fails(key_mprotect(page, PAGE, RW, fault_key), EINVAL, "nor to use");
    other = mmap(NULL, PAGE, PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    is(touch(other, 0), PKUERR, "mmap with PROT_EXEC alone");
    while (key_alloc(0, 0) >= 0)
        keys++;
    is(keys, 14, "one key is gone");
    works(mprotect(page, PAGE, PROT_READ | PROT_EXEC), "readable again");
    is(touch(page, 0), 0, "it is");
    for (int key = 1; key < 16; key++)
        key_free(key);
    munmap(page, PAGE);
    munmap(other, PAGE);
    wrpkru(INITIAL);
}

/* All keys in use: execute-only memory is what it is without keys. */
static int exec_only_without(void *unused)
{
    char *page = map_pages(1);

    (void)unused;
    while (key_alloc(0, 0) >= 0)
        ;
    memcpy(page, code, sizeof(code));
    if (mprotect(page, PAGE, PROT_EXEC) || probe_call(page))
        return 1;
    return probe_read(page);
}

static void without_keys(void)
{
    char *page = code_page(PROT_EXEC);

    fails(key_alloc(0, 0), ENOSPC, "no keys");
    fails(key_free(1), EINVAL, "to free");
    fails(key_mprotect(page, PAGE, RW, 1), EINVAL, "to use");
    works(key_mprotect(page, PAGE, PROT_EXEC, 0), "key 0 is always there");
    works(key_mprotect(page, PAGE, PROT_EXEC, -1), "and -1");
    is(probe_call(page), 0, "execute-only memory runs");
    is(probe_read(page), 0, "and can be read");
}

static int have_keys(void)
{
    unsigned a = 7, b, c = 0, d;

    asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return c >> 4 & 1; /* OSPKE */
}

int main(void)
{
    if (!have_keys()) {
        without_keys();
        return done_testing();
    }
    test_alloc();
    test_rights();
    test_untouched();
    test_user_copy();
    test_inherited();
    test_signals();
    is(in_child(key_stack, (void *)usr_handler), 0,
       "a stack that the handler opens for itself");
    is(in_child(key_stack, (void *)idle_handler), 1000 + SIGSEGV,
       "one that it does not");
    is(in_child(exec_only_without, NULL), 0, "no key left for execute-only");
    test_exec_only();
    test_fetch();
    return done_testing();
}
