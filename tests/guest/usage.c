/*
 * getrusage(2) and wait4(2) on memory: faults counted once each, by task and
 * by thread, those of MAP_POPULATE and of system calls too, those that failed
 * not; ru_maxrss, which never falls.
 */
#include "probe.h"

#include <pthread.h>
#include <sys/resource.h>

#define PAGES 64

static long faults(int who)
{
    struct rusage usage;

    getrusage(who, &usage);
    return usage.ru_minflt;
}

static long maxrss(int who)
{
    struct rusage usage;

    getrusage(who, &usage);
    return usage.ru_maxrss;
}

static void touch(char *pages, size_t count)
{
    for (size_t i = 0; i < count; i++)
        pages[i * PAGE] = 1;
}

static void test_counts(void)
{
    char *pages = map_pages(PAGES);
    long before = faults(RUSAGE_SELF);

    touch(pages, PAGES);
    is(faults(RUSAGE_SELF) - before, PAGES, "one fault for every page");
    before = faults(RUSAGE_THREAD);
    touch(pages, PAGES);
    is(faults(RUSAGE_THREAD) - before, 0, "none for pages that are there");
    munmap(pages, PAGES * PAGE);
    before = faults(RUSAGE_THREAD);
    pages = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    is(faults(RUSAGE_THREAD) - before, PAGES, "MAP_POPULATE's count");
    munmap(pages, PAGES * PAGE);
}

static void test_failed(void)
{
    char *page = map_pages(1);
    long before;

    mprotect(page, PAGE, PROT_NONE);
    probe_read(page); /* the handler's own pages are there after this */
    before = faults(RUSAGE_THREAD);
    probe_read(page);
    is(faults(RUSAGE_THREAD) - before, 0, "one that ends in SIGSEGV does not");
    munmap(page, PAGE);
}

static void test_system_call(void)
{
    char *page = map_pages(1);
    long before;

    before = faults(RUSAGE_THREAD);
    syscall(SYS_getrusage, RUSAGE_CHILDREN, page);
    is(faults(RUSAGE_THREAD) - before, 1, "a system call's fault counts");
    munmap(page, PAGE);
}

static long thread_faults, thread_start_faults;

static void *toucher(void *pages)
{
    thread_start_faults = faults(RUSAGE_THREAD);
    touch(pages, PAGES);
    thread_faults = faults(RUSAGE_THREAD) - thread_start_faults;
    return NULL;
}

static void test_threads(void)
{
    char *pages = map_pages(PAGES);
    long self = faults(RUSAGE_SELF), mine;
    pthread_t thread;

    must(pthread_create(&thread, NULL, toucher, pages) == 0);
    mine = faults(RUSAGE_THREAD);
    must(pthread_join(thread, NULL) == 0);
    is(thread_faults, PAGES, "a thread has its own count");
    ok(faults(RUSAGE_THREAD) - mine < PAGES, "ours is another");
    ok(faults(RUSAGE_SELF) - self >= PAGES,
       "the task's has it after the thread has ended");
    munmap(pages, PAGES * PAGE);
}

static int hog(void *mib)
{
    size_t size = *(int *)mib * (1 << 20);
    char *pages = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    long before = maxrss(RUSAGE_SELF), high;

    touch(pages, size / PAGE);
    high = maxrss(RUSAGE_SELF);
    if (high - before < (long)size / 1024 - 512)
        return 1;
    munmap(pages, size);
    return maxrss(RUSAGE_SELF) >= high - 512 ? 0 : 2;
}

static void test_maxrss(void)
{
    int mib = 16;
    long children = maxrss(RUSAGE_CHILDREN);
    struct rusage usage;
    pid_t pid;

    ok(maxrss(RUSAGE_SELF) > 0, "some pages are resident");
    ok(children < 16 << 10, "no large child so far");
    is(in_child(hog, &mib), 0, "ru_maxrss rises and does not fall");
    ok(maxrss(RUSAGE_CHILDREN) >= 15 << 10, "a child's is its parent's to see");
    ok(maxrss(RUSAGE_SELF) < 15 << 10, "but not its own");
    pid = fork();
    must(pid >= 0);
    if (!pid) {
        touch(map_pages(8 << 8), 8 << 8);
        _exit(0);
    }
    must(wait4(pid, NULL, 0, &usage) == pid);
    ok(usage.ru_maxrss >= 8 << 10 && usage.ru_maxrss < 14 << 10,
       "wait4 tells of that child (%ld KiB)", usage.ru_maxrss);
    ok(usage.ru_minflt >= 8 << 8, "and of its faults");
    ok(maxrss(RUSAGE_CHILDREN) >= 15 << 10, "the largest child is remembered");
}

int main(void)
{
    test_counts();
    test_failed();
    test_system_call();
    test_threads();
    test_maxrss();
    return done_testing();
}
