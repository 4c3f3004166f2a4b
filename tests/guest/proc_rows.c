/*
 * Each memory row of /proc/self/status, proc_pid_status(5), follows what it is
 * the sum of, and no other does; statm and stat say the same.
 */
#include "mm_util.h"

#include <elf.h>
#include <sys/auxv.h>

#include "proc.h"

#define KIB    (PAGE / 1024)
#define SHARED (MAP_SHARED | MAP_ANONYMOUS)
#define TABLE  (512 * PAGE) /* what one page table translates */

static const char *const names[] = {
    "VmSize", "VmLck", "VmRSS", "RssAnon", "RssFile", "RssShmem",
    "VmData", "VmStk", "VmExe", "VmLib",   "VmPTE",   "VmSwap",
};
#define ROWS (sizeof(names) / sizeof(names[0]))

static long before[ROWS];

static long value(const char *name)
{
    return proc_number("/proc/self/status", name);
}

static void look(void)
{
    for (size_t i = 0; i < ROWS; i++)
        before[i] = value(names[i]);
}

/* Since look() the rows of CHANGES, "NAME+KIB NAME-KIB ...", have changed so;
 * page tables come and go with any of this. */
static void changed(const char *changes, const char *what)
{
    char now[256] = "";

    for (size_t i = 0; i < ROWS; i++) {
        long delta = value(names[i]) - before[i];

        if (delta && strcmp(names[i], "VmPTE"))
            snprintf(now + strlen(now), sizeof(now) - strlen(now), "%s%s%+ld",
                     *now ? " " : "", names[i], delta);
    }
    if (!ok(!strcmp(now, changes), "%s: %s", what, changes))
        diag("it is %s", now);
}

static char *map(size_t pages, int prot, int flags)
{
    char *at = mmap(NULL, pages * PAGE, prot, flags, -1, 0);

    must(at != MAP_FAILED);
    return at;
}

static void test_kinds_of_areas(void)
{
    char *area;

    look();
    area = map(5, RW, ANON);
    changed("VmSize+20 VmData+20", "private writable memory");
    munmap(area, 5 * PAGE);
    changed("", "unmapped");
    area = map(5, PROT_READ, ANON);
    changed("VmSize+20", "read-only");
    must(!mprotect(area, 2 * PAGE, RW));
    changed("VmSize+20 VmData+8", "made writable in part");
    munmap(area, 5 * PAGE);
    area = map(5, PROT_READ | PROT_EXEC, ANON);
    changed("VmSize+20 VmLib+20", "executable");
    munmap(area, 5 * PAGE);
    area = map(5, RW, SHARED);
    changed("VmSize+20", "shared");
    munmap(area, 5 * PAGE);
    changed("", "all unmapped");
}

static void test_stack(void)
{
    char *room = map(600, PROT_NONE, ANON), *top = room + 599 * PAGE;

    munmap(room, 600 * PAGE);
    look();
    must(mmap(top, PAGE, RW, ANON | MAP_FIXED | MAP_GROWSDOWN, -1, 0) == top);
    changed("VmSize+4 VmStk+4", "a stack");
    top[-3 * (long)PAGE] = 1;
    changed("VmSize+16 VmRSS+4 RssAnon+4 VmStk+16", "that has grown");
    munmap(top - 3 * PAGE, 4 * PAGE);
    changed("", "unmapped");
}

static void test_locked(void)
{
    char *area = map(8, PROT_NONE, ANON);

    look();
    (void)mlock(area, 8 * PAGE);
    changed("VmLck+32", "locked memory");
    must(!munlock(area + PAGE, 2 * PAGE));
    changed("VmLck+24", "unlocked in part");
    munmap(area, 4 * PAGE);
    changed("VmSize-16 VmLck+16", "unmapped in part");
    munmap(area, 8 * PAGE);
    changed("VmSize-32", "all of it");
}

static void test_resident(void)
{
    char *area = map(8, RW, ANON), *object = map(8, RW, SHARED);
    char c;

    look();
    c = *(volatile char *)area;
    changed("", "the zero page is nobody's");
    area[0] = area[PAGE] = (char)(c + 1);
    changed("VmRSS+8 RssAnon+8", "two pages of one's own");
    object[0] = object[PAGE] = object[2 * PAGE] = 1;
    changed("VmRSS+20 RssAnon+8 RssShmem+12", "three shared ones");
    must(!madvise(area, PAGE, MADV_DONTNEED));
    changed("VmRSS+16 RssAnon+4 RssShmem+12", "one given up");
    must(!madvise(object, PAGE, MADV_REMOVE));
    changed("VmRSS+12 RssAnon+4 RssShmem+8", "one punched out");
    munmap(area, 8 * PAGE);
    munmap(object, 8 * PAGE);
    ok(value("RssFile") + value("RssShmem") > 0, "the program is a file, too");
}

/* A private copy of an object's page is anonymous. */
static void test_copies(void)
{
    int fd = syscall(SYS_memfd_create, "object", 0);
    char *area;

    must(!ftruncate(fd, PAGE));
    area = mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0);
    look();
    (void)*(volatile char *)area;
    changed("VmRSS+4 RssShmem+4", "an object's page");
    area[0] = 1;
    changed("VmRSS+4 RssAnon+4", "copied");
    munmap(area, PAGE);
    changed("VmSize-4 VmData-4", "unmapped");
    close(fd);
}

static void test_tables(void)
{
    char *room = map(4 * 512, RW, ANON);
    char *at = (char *)(((uintptr_t)room + TABLE - 1) & -TABLE);
    long first;

    at[0] = 1;
    first = value("VmPTE");
    at[PAGE] = 1;
    is(value("VmPTE") - first, 0, "a page table serves many pages");
    at[TABLE] = 1;
    is(value("VmPTE") - first, 4, "and then there is another");
    munmap(at + TABLE, TABLE);
    is(value("VmPTE") - first, 0, "which goes with its last page");
    munmap(room, 4 * TABLE);
}

static void test_peaks(void)
{
    long size = value("VmSize"), peak;
    char *area = map(5000, RW, ANON);

    peak = value("VmPeak");
    is(peak - size, 5000 * KIB, "VmPeak is the most there was");
    munmap(area, 5000 * PAGE);
    is(value("VmPeak"), peak, "and stays");
    is(value("VmSize"), size, "VmSize does not");
    area = map(3000, RW, ANON);
    memset(area, 1, 3000 * PAGE);
    peak = value("VmRSS");
    ok(value("VmHWM") > peak - 512, "VmHWM is the most there was");
    munmap(area, 3000 * PAGE);
    ok(value("VmHWM") > peak - 512, "and stays");
    ok(value("VmRSS") < peak - 2500 * (long)KIB, "VmRSS does not");
}

/* What the program's headers say of its code, in KiB. */
static long code_size(void)
{
    const Elf64_Phdr *p = (const void *)getauxval(AT_PHDR);
    unsigned long start = -1UL, end = 0;

    for (unsigned long n = getauxval(AT_PHNUM); n; n--, p++)
        if (p->p_type == PT_LOAD && (p->p_flags & PF_X)) {
            start = p->p_vaddr < start ? p->p_vaddr : start;
            end =
                p->p_vaddr + p->p_filesz > end ? p->p_vaddr + p->p_filesz : end;
        }
    return (long)(((end + PAGE - 1) & -PAGE) - (start & -PAGE)) / 1024;
}

static void test_others(void)
{
    long size, resident, shared, text, lib, data, vsize, rss;

    is(value("VmExe"), code_size(), "VmExe is the program's code");
    must(proc_read_all("/proc/self/statm") > 0);
    must(sscanf(proc_text, "%ld %ld %ld %ld %ld %ld", &size, &resident, &shared,
                &text, &lib, &data) == 6);
    must(proc_read_all("/proc/self/stat") > 0);
    must(sscanf(strrchr(proc_text, ')'),
                ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d "
                "%*d %*d %*d %*d %*d %*u %ld %ld",
                &vsize, &rss) == 2);
    is(size * (long)KIB, value("VmSize"), "statm's size");
    is(resident * (long)KIB, value("VmRSS"), "resident");
    is(shared * (long)KIB, value("RssFile") + value("RssShmem"), "shared");
    is(text * (long)KIB, value("VmExe"), "text");
    is(data * (long)KIB, value("VmData") + value("VmStk"), "data");
    is(vsize / 1024, value("VmSize"), "stat's vsize");
    ok(rss * (long)KIB > 8000 && rss * (long)KIB < 9000, "rss");
}

int main(void)
{
    look(); /* the pages that it needs are there after this */
    changed("", "nothing has changed");
    test_kinds_of_areas();
    test_stack();
    test_locked();
    test_resident();
    test_copies();
    test_tables();
    test_peaks();
    memset(map(2000, RW, SHARED), 1, 2000 * PAGE);
    test_others();
    return done_testing();
}
