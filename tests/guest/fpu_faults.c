/*
 * A page fault leaves every register as it was: the kernel may clear and copy
 * pages with the very registers user code computes with.
 */
#include "tap.h"

#include <cpuid.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned char pattern[32], found[32];
static size_t width = 16;

static void look_for_avx(void)
{
    unsigned a = 0, b = 0, c = 0, d = 0;

    __get_cpuid(1, &a, &b, &c, &d);
    if (c & bit_AVX && c & bit_OSXSAVE)
        width = 32;
    diag("registers of %zu bytes", width);
}

/* Stores to page with a pattern in the first vector register. */
static int store_keeps_registers(volatile char *page)
{
    memset(found, 0, sizeof(found));
    if (width == 32)
        asm volatile("vmovdqu (%0), %%ymm0\n movb $1, (%2)\n"
                     "vmovdqu %%ymm0, (%1)\n vzeroupper\n" ::"r"(pattern),
                     "r"(found), "r"(page)
                     : "xmm0", "memory");
    else
        asm volatile("movdqu (%0), %%xmm0\n movb $1, (%2)\n"
                     "movdqu %%xmm0, (%1)\n" ::"r"(pattern),
                     "r"(found), "r"(page)
                     : "xmm0", "memory");
    return page[0] == 1 && !memcmp(pattern, found, width);
}

static char *map_page(void)
{
    char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    must(page != MAP_FAILED);
    return page;
}

static void test_fresh(void)
{
    ok(store_keeps_registers(map_page()), "over a page cleared for a store");
}

static void test_copied(void)
{
    char *page = map_page();
    int status = 0;
    pid_t pid;

    memset(page, 7, PAGE);
    pid = fork();
    must(pid >= 0);
    if (!pid)
        _exit(!store_keeps_registers(page) || page[1] != 7 ||
              page[PAGE - 1] != 7);
    must(waitpid(pid, &status, 0) == pid);
    is(status, 0, "over a page copied for a store");
    is(page[0], 7, "which the other task does not see");
}

int main(void)
{
    for (size_t i = 0; i < sizeof(pattern); i++)
        pattern[i] = (unsigned char)(0xa1 + i);
    look_for_avx();
    test_fresh();
    test_copied();
    return done_testing();
}
