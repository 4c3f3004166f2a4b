/*
 * What a program finds when it starts: argument vector, auxiliary vector,
 * segments with their rights, zeroed .bss, a stack aligned as the System V
 * ABI says. Built twice: as a static executable and as a static-pie one.
 */
#define _GNU_SOURCE
#include "probe.h"

#include <elf.h>
#include <sys/auxv.h>

extern const char __ehdr_start[];
extern void _start(void);
extern char **environ;

static char in_bss[3 * PAGE];
static char in_data[5000] = {1, 2, 3};
static const char in_rodata[64] = "read-only";
static __thread int in_tls_data = 77;
static __thread int in_tls_bss;
static int constructed;

__attribute__((constructor)) static void construct(void)
{
    constructed = 5;
}

static void test_vectors(int argc, char **argv)
{
    unsigned long *stack = (unsigned long *)argv - 1;

    ok(argc >= 1 && argv[0] && *argv[0], "there is an argv[0]");
    ok(!argv[argc], "argv ends with a null pointer");
    is(*stack, argc, "argc lies below argv");
    is((unsigned long)stack % 16, 0, "the stack was aligned to 16 bytes");
    ok(environ == argv + argc + 1, "the environment follows argv");
    ok(argv[0] > (char *)stack, "the strings are above");
}

static void test_auxv(void)
{
    const Elf64_Ehdr *header = (const void *)__ehdr_start;
    const char *name = (const char *)getauxval(AT_EXECFN);
    const char *random = (const char *)getauxval(AT_RANDOM);

    is(getauxval(AT_PAGESZ), 4096, "AT_PAGESZ");
    is(getauxval(AT_PHDR), (long)__ehdr_start + header->e_phoff, "AT_PHDR");
    is(getauxval(AT_PHENT), sizeof(Elf64_Phdr), "AT_PHENT");
    is(getauxval(AT_PHNUM), header->e_phnum, "AT_PHNUM");
    is(getauxval(AT_ENTRY), (long)&_start, "AT_ENTRY");
    is(getauxval(AT_BASE), 0, "AT_BASE: there is no interpreter");
    is(getauxval(AT_CLKTCK), 100, "AT_CLKTCK");
    is(getauxval(AT_SECURE), 0, "AT_SECURE");
    is(getauxval(AT_UID), getuid(), "AT_UID");
    ok(random && !all_bytes(random, 0, 16), "AT_RANDOM");
    ok(name && *name, "AT_EXECFN");
}

static void test_segments(void)
{
    const Elf64_Ehdr *header = (const void *)__ehdr_start;

    ok(!memcmp(header->e_ident, ELFMAG, SELFMAG), "the ELF header is mapped");
    is(probe_write((char *)(uintptr_t)__ehdr_start, 0), SEGV_ACCERR,
       "read-only");
    is(probe_write((char *)(uintptr_t)&_start, 0), SEGV_ACCERR,
       "text is not written");
    is(probe_write((char *)(uintptr_t)in_rodata, 0), SEGV_ACCERR,
       "nor is rodata");
    is(probe_call(in_rodata), SEGV_ACCERR, "rodata is not executed");
    is(probe_call(in_data), SEGV_ACCERR, "nor is data");
    is(probe_call(in_bss), SEGV_ACCERR, "nor is bss");
    is(probe_call(__builtin_frame_address(0)), SEGV_ACCERR, "nor is the stack");
    is(probe_write(in_data + 4999, 4), 0, "data is written");
}

static void test_contents(void)
{
    ok(in_data[0] == 1 && in_data[2] == 3 && in_data[4000] == 0,
       "data has its values");
    ok(all_bytes(in_bss, 0, sizeof(in_bss)), "bss is zero");
    is(constructed, 5, "constructors have run");
    is(in_tls_data, 77, "thread-local data has its value");
    is(in_tls_bss, 0, "thread-local bss is zero");
}

static int write_data(void *unused)
{
    (void)unused;
    memset(in_data, 9, sizeof(in_data));
    memset(in_bss, 9, sizeof(in_bss));
    return 0;
}

/* The program's own pages are private: a child's changes stay there. */
static void test_private(void)
{
    is(in_child(write_data, NULL), 0, "a child overwrites its data");
    ok(in_data[0] == 1 && in_bss[0] == 0, "the parent's is as it was");
}

int main(int argc, char **argv)
{
    test_vectors(argc, argv);
    test_auxv();
    test_segments();
    test_contents();
    test_private();
    return done_testing();
}
