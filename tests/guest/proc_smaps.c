/* /proc/PID/smaps, smaps_rollup, and the memory rows of status and statm. */
#define _GNU_SOURCE
#include "proc.h"

#define SMAPS  "/proc/self/smaps"
#define ROLLUP "/proc/self/smaps_rollup"

/* The record of the area at ADDRESS in a fresh reading. */
static char *record(const char *path, const void *address)
{
    char *line;

    must(proc_read_all(path) > 0);
    line = proc_line(address);
    must(line);
    return strchr(line, '\n') + 1;
}

static void row_is(const char *text, const char *name, long want)
{
    is(proc_row(text, name), want, "%s %ld kB", name, want);
}

/* Pages of a known state between two that cannot merge. */
static char *new_area(size_t pages)
{
    char *area = map_pages(pages + 2);

    must(mprotect(area, PAGE, PROT_NONE) == 0);
    must(mprotect(area + (pages + 1) * PAGE, PAGE, PROT_NONE) == 0);
    return area + PAGE;
}

static void touch(const void *address)
{
    (void)*(const volatile char *)address;
}

static void test_format(void)
{
    static const char *rows[] = {
        "Size",          "KernelPageSize", "MMUPageSize",     "Rss",
        "Pss",           "Pss_Dirty",      "Shared_Clean",    "Shared_Dirty",
        "Private_Clean", "Private_Dirty",  "Referenced",      "Anonymous",
        "KSM",           "LazyFree",       "AnonHugePages",   "ShmemPmdMapped",
        "FilePmdMapped", "Shared_Hugetlb", "Private_Hugetlb", "Swap",
        "SwapPss",       "Locked",         "THPeligible",
    };
    char *area = new_area(3), *at = record(SMAPS, area), want[32];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(want, sizeof(want), "%s:", rows[i]);
        if (!ok(!strncmp(at, want, strlen(want)), "row %s", rows[i]))
            diag("got %.20s", at);
        at = strchr(at, '\n') + 1;
    }
    at = record(SMAPS, area);
    ok(!strncmp(at, "Size:                 12 kB\n", 28), "in columns");
    ok(!!strstr(at, "\nVmFlags: rd wr mr mw me ac sd \n"), "the flags");
}

static void test_anonymous(void)
{
    char *area = new_area(6), *at;

    area[0] = 1;
    area[PAGE] = 1;
    touch(area + 2 * PAGE);
    at = record(SMAPS, area);
    row_is(at, "Size", 24);
    row_is(at, "Rss", 8);
    row_is(at, "Pss", 8);
    row_is(at, "Private_Dirty", 8);
    row_is(at, "Private_Clean", 0);
    row_is(at, "Anonymous", 8);
    row_is(at, "Referenced", 8);
    must(madvise(area, PAGE, MADV_DONTNEED) == 0);
    row_is(record(SMAPS, area), "Rss", 4);
}

/* What may be dropped is not dirty any more, until it is written again. */
static void test_lazy(void)
{
    char *area = new_area(4), *other = new_area(1), *at;

    memset(area, 1, 4 * PAGE);
    must(madvise(area, 3 * PAGE, MADV_FREE) == 0);
    must(madvise(other, PAGE, MADV_COLD) == 0); /* Linux waits for something */
    at = record(SMAPS, area);
    row_is(at, "LazyFree", 12);
    row_is(at, "Private_Dirty", 4);
    row_is(at, "Referenced", 4);
    area[0] = 1;
    row_is(record(SMAPS, area), "LazyFree", 8);
}

static int look_shared(void *argument)
{
    char *area = argument, *at = record(SMAPS, area);

    return proc_row(at, "Shared_Dirty") == 12 && proc_row(at, "Pss") == 6 &&
           proc_row(at, "Pss_Dirty") == 6 && proc_row(at, "Private_Dirty") == 0;
}

static int look_own(void *argument)
{
    char *area = argument, *at;

    area[0] = 2;
    at = record(SMAPS, area);
    return proc_row(at, "Shared_Dirty") == 8 &&
           proc_row(at, "Private_Dirty") == 4 && proc_row(at, "Pss") == 8 &&
           proc_row(at, "Rss") == 12;
}

static void test_fork(void)
{
    char *area = new_area(3);

    memset(area, 1, 3 * PAGE);
    is(in_child(look_shared, area), 1, "after fork each has half");
    is(in_child(look_own, area), 1, "what is written is one's own");
    row_is(record(SMAPS, area), "Private_Dirty", 12);
}

static void test_shared(void)
{
    char *area = map_shared(4), *at;

    area[0] = 1;
    touch(area + PAGE);
    at = record(SMAPS, area);
    row_is(at, "Rss", 8);
    row_is(at, "Private_Dirty", 4);
    row_is(at, "Private_Clean", 4);
    row_is(at, "Anonymous", 0);
    row_is(at, "Referenced", 8);
    ok(!!strstr(at, "\nVmFlags: rd wr sh mr mw me ms sd \n"), "shared flags");
}

/* What a read maps beside its own page counts as referenced. */
static void test_around(void)
{
    int fd = syscall(SYS_memfd_create, "object", 0);
    char *area, *at;

    must(ftruncate(fd, 4 * PAGE) == 0);
    for (int i = 0; i < 4; i++)
        must(pwrite(fd, "x", 1, i * PAGE) == 1);
    area = mmap(NULL, 4 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
    touch(area); /* they may lie in two groups of 16 */
    touch(area + 3 * PAGE);
    at = record(SMAPS, area);
    row_is(at, "Rss", 16);
    row_is(at, "Referenced", 16);
    munmap(area, 4 * PAGE);
    close(fd);
}

/* A page stays dirty when the mapping it was written by is gone. */
static void test_dirt_stays(void)
{
    int fd = syscall(SYS_memfd_create, "object", 0);
    char *area, *at;

    must(ftruncate(fd, PAGE) == 0);
    area = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    touch(area);
    area[0] = 1;
    munmap(area, PAGE);
    area = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
    touch(area);
    at = record(SMAPS, area);
    row_is(at, "Private_Dirty", 4);
    row_is(at, "Private_Clean", 0);
    munmap(area, PAGE);
    close(fd);
}

static void test_status(void)
{
    const char *status = "/proc/self/status", *statm = "/proc/self/statm";
    static const char *rows[] = {
        "VmPeak", "VmSize",  "VmLck",   "VmPin",    "VmHWM",
        "VmRSS",  "RssAnon", "RssFile", "RssShmem", "VmData",
        "VmStk",  "VmExe",   "VmLib",   "VmPTE",    "VmSwap",
    };
    long size = proc_number(status, "VmSize");
    long rss = proc_number(status, "VmRSS"), pages, resident, shared;
    char *area, *object;
    int order = 1;
    char *last = proc_text;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *row = strstr(proc_text, rows[i]);

        order &= row && row > last;
        last = row ? row : last;
    }
    ok(order, "the memory rows in Linux's order");
    is(proc_row(proc_text, "Threads"), 1, "one thread");
    is(proc_row(proc_text, "Tgid"), getpid(), "our number");
    is(proc_row(proc_text, "PPid"), getppid(), "our parent's");
    ok(!!strstr(proc_text, "State:\tR (running)\n"), "running");
    area = map_pages(16);
    object = map_shared(8);
    is(proc_number(status, "VmSize"), size + 24 * 4, "VmSize follows mmap");
    memset(area, 1, 5 * PAGE);
    memset(object, 1, 3 * PAGE);
    is(proc_number(status, "VmRSS"), rss + 8 * 4, "VmRSS follows faults");
    is(proc_row(proc_text, "VmRSS"),
       proc_row(proc_text, "RssAnon") + proc_row(proc_text, "RssFile") +
           proc_row(proc_text, "RssShmem"),
       "the sum of its kinds");
    must(proc_read_all(statm) > 0);
    must(sscanf(proc_text, "%ld %ld %ld", &pages, &resident, &shared) == 3);
    is(pages, size / 4 + 24, "statm's size");
    is(resident, rss / 4 + 8, "statm's resident");
    ok(shared >= 3, "statm's shared");
    must(munmap(area, 16 * PAGE) == 0 && munmap(object, 8 * PAGE) == 0);
    is(proc_number(status, "VmSize"), size, "VmSize follows munmap");
    is(proc_row(proc_text, "VmRSS"), rss, "so does VmRSS");
    ok(proc_row(proc_text, "VmHWM") >= rss, "the high-water mark");
    ok(proc_row(proc_text, "VmPeak") >= size, "of the size");
}

/* The high-water mark stays, until it is told not to. Linux counts loosely. */
static void test_peak(void)
{
    const char *status = "/proc/self/status";
    char *area = map_pages(512);
    long peak;

    memset(area, 1, 512 * PAGE);
    peak = proc_number(status, "VmRSS");
    must(munmap(area, 512 * PAGE) == 0);
    ok(proc_number(status, "VmHWM") >= peak - 1024, "it stays");
    must(proc_store("/proc/self/clear_refs", "5") == 0);
    ok(proc_number(status, "VmHWM") < peak - 1024, "cleared");
    is(proc_row(proc_text, "VmHWM"), proc_row(proc_text, "VmRSS"),
       "to what is resident");
}

/* One record for all, the sum of the others. */
static void test_rollup(void)
{
    long rss = 0, pss_dirty;
    char *area = new_area(4);

    memset(area, 1, 4 * PAGE);
    for (int round = 0; round < 2; round++) { /* the first faults pages in */
        must(proc_read_all(SMAPS) > 0);
        rss = 0;
        for (char *at = proc_text; (at = strstr(at, "\nRss:")); at++)
            rss += strtol(at + 5, NULL, 10);
        must(proc_read_all(ROLLUP) > 0);
    }
    ok(!!strstr(proc_text, " ---p 00000000 00:00 0    "), "its line");
    ok(!strncmp(proc_text + 73, "[rollup]\n", 9), "its name");
    is(proc_row(proc_text, "Rss"), rss, "the sum");
    pss_dirty = proc_row(proc_text, "Pss_Dirty");
    ok(pss_dirty >= 16, "what we wrote is in it");
    ok(proc_row(proc_text, "Pss_Anon") >= 16, "as anonymous");
    is(proc_row(proc_text, "Size"), -1, "no size");
    ok(!strstr(proc_text, "VmFlags"), "no flags");
}

/* Who asks for the accessed bits to be cleared sees what is accessed after. */
static void test_referenced(void)
{
    char *area = new_area(4), *object = map_shared(4), *filler = map_pages(80);

    memset(area, 1, 4 * PAGE);
    memset(object, 1, 4 * PAGE);
    is(proc_store("/proc/self/clear_refs", "1"), 0, "clear all");
    row_is(record(SMAPS, area), "Referenced", 0);
    row_is(record(SMAPS, object), "Referenced", 0);
    /* Linux leaves translations in the TLB, and the CPU says nothing of what
     * it has there. Unmapping many pages throws all away. */
    memset(filler, 1, 80 * PAGE);
    munmap(filler, 80 * PAGE);
    touch(area + PAGE);
    touch(object + PAGE);
    touch(object + 2 * PAGE);
    row_is(record(SMAPS, area), "Referenced", 4);
    row_is(record(SMAPS, object), "Referenced", 8);
    is(proc_store("/proc/self/clear_refs", "3"), 0, "clear objects' only");
    row_is(record(SMAPS, area), "Referenced", 4);
    row_is(record(SMAPS, object), "Referenced", 0);
    is(proc_store("/proc/self/clear_refs", "2\n"), 0, "clear anonymous");
    row_is(record(SMAPS, area), "Referenced", 0);
    row_is(record(SMAPS, area), "Rss", 16);
}

static void test_clear_errors(void)
{
    const char *path = "/proc/self/clear_refs";
    int fd;

    is(proc_store(path, "0"), EINVAL, "0");
    is(proc_store(path, "6"), EINVAL, "6");
    is(proc_store(path, "x"), EINVAL, "no number");
    is(proc_store(path, "12"), EINVAL, "12");
    is(proc_store(path, "1 1"), EINVAL, "two");
    is(proc_store(path, ""), EINVAL, "nothing");
    is(proc_store(path, " 3 "), 0, "blanks around it");
    is(proc_store(path, "5"), 0, "the high-water mark");
    fd = open(path, O_RDONLY);
    ok(fd >= 0, "root may open it for reading");
    fails(read(fd, proc_text, 1), EINVAL, "but not read");
    close(fd);
}

static void test_ended(void)
{
    char path[64];
    pid_t child = proc_zombie();

    snprintf(path, sizeof(path), "/proc/%d/smaps", child);
    is(proc_read_all(path), 0, "a zombie's smaps is empty");
    snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", child);
    is(proc_read_all(path), -ESRCH, "and has no rollup");
    is(wait_status(child), 0, "waited for");
}

int main(void)
{
    test_format();
    test_anonymous();
    test_lazy();
    test_fork();
    test_shared();
    test_around();
    test_dirt_stays();
    test_status();
    test_peak();
    test_rollup();
    test_referenced();
    test_clear_errors();
    test_ended();
    return done_testing();
}
