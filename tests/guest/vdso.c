/*
 * The vDSO: found through the auxiliary vector, its clocks agree with the
 * system calls' and never run backwards; it survives fork, can be moved and
 * unmapped, and cannot be written.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/time.h>
#include <time.h>

#include "probe.h"

static const Elf64_Ehdr *image;
static const char *strings;
static const Elf64_Sym *symbols;
static size_t symbol_count;

static int (*vdso_gettime)(clockid_t, struct timespec *);
static int (*vdso_getres)(clockid_t, struct timespec *);
static int (*vdso_gettimeofday)(struct timeval *, void *);
static time_t (*vdso_time)(time_t *);
static long (*vdso_getcpu)(unsigned *, unsigned *, void *);

static void find_tables(void)
{
    const Elf64_Phdr *ph = (void *)((char *)image + image->e_phoff);
    const Elf64_Dyn *dyn = NULL;

    for (int i = 0; i < image->e_phnum; i++)
        if (ph[i].p_type == PT_DYNAMIC)
            dyn = (void *)((char *)image + ph[i].p_offset);
    must(dyn);
    for (; dyn->d_tag != DT_NULL; dyn++) {
        void *at = (char *)image + dyn->d_un.d_ptr;

        if (dyn->d_tag == DT_STRTAB)
            strings = at;
        if (dyn->d_tag == DT_SYMTAB)
            symbols = at;
        if (dyn->d_tag == DT_HASH)
            symbol_count = ((Elf32_Word *)at)[1];
        /* Without DT_HASH, as on newer kernels: up to the strings. */
    }
    if (!symbol_count)
        symbol_count = ((char *)strings - (char *)symbols) / sizeof(*symbols);
    must(strings && symbols);
}

static void *find_symbol(const char *name)
{
    for (size_t i = 0; i < symbol_count; i++)
        if (symbols[i].st_shndx && !strcmp(strings + symbols[i].st_name, name))
            return (char *)image + symbols[i].st_value;
    return NULL;
}

static long ns(const struct timespec *t)
{
    return t->tv_sec * 1000000000 + t->tv_nsec;
}

static long by_call(clockid_t clock)
{
    struct timespec t;

    must(!syscall(SYS_clock_gettime, clock, &t));
    return ns(&t);
}

static long by_vdso(clockid_t clock)
{
    struct timespec t;

    must(!vdso_gettime(clock, &t));
    return ns(&t);
}

/* A call, the vDSO, a call: in order, and not far from each other. */
static void test_clock(clockid_t clock, const char *name)
{
    long backwards = 0, far = 0, slack = 0;
    struct timespec res;

    if (clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE) {
        must(!clock_getres(clock, &res));
        slack = ns(&res);
    }
    for (int i = 0; i < 200; i++) {
        long a = by_call(clock), b = by_vdso(clock), c = by_call(clock);

        backwards += a > b + slack || b > c + slack;
        far += c - a > 100000000;
    }
    is(backwards, 0, "%s agrees with the call's", name);
    ok(far < 10, "%s is near it", name);
}

static void test_clocks(void)
{
    static const int others[] = {CLOCK_PROCESS_CPUTIME_ID,
                                 CLOCK_THREAD_CPUTIME_ID};
    struct timespec t, u;

    test_clock(CLOCK_MONOTONIC, "CLOCK_MONOTONIC");
    test_clock(CLOCK_REALTIME, "CLOCK_REALTIME");
    test_clock(CLOCK_MONOTONIC_RAW, "CLOCK_MONOTONIC_RAW");
    test_clock(CLOCK_BOOTTIME, "CLOCK_BOOTTIME");
    test_clock(CLOCK_TAI, "CLOCK_TAI");
    test_clock(CLOCK_MONOTONIC_COARSE, "CLOCK_MONOTONIC_COARSE");
    test_clock(CLOCK_REALTIME_COARSE, "CLOCK_REALTIME_COARSE");
    for (int i = 0; i < 2; i++)
        ok(by_vdso(others[i]) <= by_call(others[i]), "clock %d", others[i]);
    is(vdso_gettime(10, &t), -EINVAL, "clock 10");
    is(vdso_gettime(1000, &t), -EINVAL, "clock 1000");
    is(vdso_gettime(-1, &t), -EINVAL, "clock -1");
    works(vdso_getres(CLOCK_MONOTONIC, &t), "the resolution");
    must(!syscall(SYS_clock_getres, CLOCK_MONOTONIC, &u));
    is(ns(&t), ns(&u), "is the call's");
}

static void test_others(void)
{
    unsigned cpu = 99, node = 99, now;
    struct timeval a, b, c;
    cpu_set_t one;
    time_t t = 0;
    long seconds;

    must(!syscall(SYS_gettimeofday, &a, NULL));
    works(vdso_gettimeofday(&b, NULL), "gettimeofday");
    must(!syscall(SYS_gettimeofday, &c, NULL));
    ok(!timercmp(&a, &b, >) && !timercmp(&b, &c, >), "is the time");
    ok(b.tv_usec >= 0 && b.tv_usec < 1000000, "in microseconds");
    seconds = vdso_time(&t);
    ok(seconds == t && t >= a.tv_sec && t <= c.tv_sec + 1, "time");
    ok(vdso_time(NULL) >= seconds, "to nowhere");
    must(!syscall(SYS_getcpu, &now, NULL, NULL));
    CPU_ZERO(&one);
    CPU_SET(now, &one);
    must(!sched_setaffinity(0, sizeof(one), &one));
    works(vdso_getcpu(&cpu, &node, NULL), "getcpu");
    is(cpu, now, "is the CPU");
    is(node, 0, "of node 0");
}

static int still_there(void *unused)
{
    long a = by_call(CLOCK_MONOTONIC), b = by_vdso(CLOCK_MONOTONIC);

    (void)unused;
    return a > b || memcmp(image->e_ident, ELFMAG, SELFMAG) != 0;
}

/* What the code reads lies before it; how much of it there is, is a kernel's
 * own business. */
static void test_protection(void)
{
    char *code = (char *)image;

    ok(probe_write(code, 0) == SEGV_ACCERR, "the code is read-only");
    fails(mprotect(code - PAGE, PAGE, PROT_READ | PROT_WRITE), EACCES,
          "what it reads cannot be made writable");
    is(probe_write(code - PAGE, 0), SEGV_ACCERR, "nor is it");
}

/* The whole of it: Linux does not split it. */
static size_t image_size(void)
{
    size_t end = image->e_shoff + image->e_shnum * image->e_shentsize;

    return (end + PAGE - 1) / PAGE * PAGE;
}

static int moves(void *unused)
{
    size_t size = image_size();
    char *to = map_pages(size / PAGE), *copy = map_pages(size / PAGE);

    (void)unused;
    memcpy(copy, image, size);
    if (mremap((void *)image, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to) !=
        to)
        return 1;
    return memcmp(to, copy, size) || probe_read(image) != SEGV_MAPERR;
}

/* In a child, which then does without. */
static int unmaps(void *unused)
{
    struct timespec t;

    (void)unused;
    if (munmap((void *)image, image_size()) || probe_read(image) != SEGV_MAPERR)
        return 1;
    return syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t) != 0;
}

int main(void)
{
    image = (void *)getauxval(AT_SYSINFO_EHDR);
    must(image);
    ok(!memcmp(image->e_ident, ELFMAG, SELFMAG), "an ELF image");
    is(image->e_type, ET_DYN, "a shared object");
    is((uintptr_t)image % PAGE, 0, "page aligned");
    find_tables();
    vdso_gettime = find_symbol("__vdso_clock_gettime");
    vdso_getres = find_symbol("__vdso_clock_getres");
    vdso_gettimeofday = find_symbol("__vdso_gettimeofday");
    vdso_time = find_symbol("__vdso_time");
    vdso_getcpu = find_symbol("__vdso_getcpu");
    must(vdso_gettime && vdso_getres && vdso_gettimeofday && vdso_time &&
         vdso_getcpu);
    ok(find_symbol("clock_gettime") == (void *)vdso_gettime, "two names");
    test_clocks();
    test_others();
    is(in_child(still_there, NULL), 0, "a child has it");
    test_protection();
    is(in_child(moves, NULL), 0, "it can be moved");
    is(in_child(unmaps, NULL), 0, "it can be unmapped");
    is(still_there(NULL), 0, "which is the child's affair");
    return done_testing();
}
