/*
 * demo-anon: the faults that the kernel repairs by itself, one kind after
 * the other, each with the number of minor faults that getrusage(2) counted
 * for it. Boot with `trace` to see each fault's story between the lines.
 */
#include <alloca.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "sys.h"

#define PAGES 8

static char *pages;

static long minor_faults(void)
{
    struct rusage usage;

    if (getrusage(RUSAGE_SELF, &usage) < 0)
        die_errno(1, "getrusage");
    return usage.ru_minflt;
}

static void read_pages(void)
{
    for (int i = 0; i < PAGES; i++)
        (void)*(volatile char *)(pages + i * PAGE_SIZE);
}

static void write_pages(void)
{
    for (int i = 0; i < PAGES; i++)
        *(volatile char *)(pages + i * PAGE_SIZE) = 1;
}

static void use_stack(void)
{
    volatile char *frame = alloca(PAGES * PAGE_SIZE);

    for (int i = PAGES - 1; i >= 0; i--)
        frame[i * PAGE_SIZE] = 1;
}

static void map(void)
{
    pages = mmap(NULL, PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        die_errno(1, "mmap");
}

static void show(const char *what, void (*work)(void))
{
    long before = minor_faults();

    work();
    printf("%-44s %3ld faults\n", what, minor_faults() - before);
    fflush(stdout);
}

static void show_cow(void)
{
    pid_t pid = fork();

    if (pid < 0)
        die_errno(1, "fork");
    if (!pid) {
        show("fork: a child writes, and copies:", write_pages);
        _exit(0);
    }
    if (waitpid(pid, NULL, 0) != pid)
        die_errno(1, "wait");
    show("the parent is left alone with its pages:", write_pages);
}

int main(void)
{
    program_name = "demo-anon";
    printf("%d pages each time\n", PAGES);
    show("mmap alone:", map);
    show("first reads, of the zero page:", read_pages);
    show("first writes, over the zero page:", write_pages);
    show("more writes:", write_pages);
    munmap(pages, PAGES * PAGE_SIZE);
    map();
    show("first writes, with no read before:", write_pages);
    show_cow();
    show("the stack grows:", use_stack);
    return 0;
}
