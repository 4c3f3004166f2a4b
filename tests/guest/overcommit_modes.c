/*
 * The three modes of /proc/sys/vm/overcommit_memory, set for this test and
 * set back. In mode 2 everything promised counts: private memory that may be
 * written and shared memory, over fork and mprotect; nothing else does.
 */
#define _GNU_SOURCE
#include "proc.h"

#include <sys/resource.h>
#include <sys/sysinfo.h>

#define RW     (PROT_READ | PROT_WRITE)
#define ANON   (MAP_PRIVATE | MAP_ANONYMOUS)
#define SHARED (MAP_SHARED | MAP_ANONYMOUS)
#define MIB    (1UL << 20)
#define CHUNK  (4 * MIB)

static size_t total;

static int set(const char *knob, const char *value)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/sys/vm/%s", knob);
    errno = proc_store(path, value);
    return errno ? -1 : 0;
}

static long get(const char *knob)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/sys/vm/%s", knob);
    must(proc_read_all(path) > 0);
    return atol(proc_text);
}

static char *map(size_t size, int prot, int flags)
{
    return mmap(NULL, size, prot, flags, -1, 0);
}

static void test_knobs(void)
{
    is(get("overcommit_memory"), 0, "mode 0 at first");
    is(get("overcommit_ratio"), 50, "half of memory");
    is(get("overcommit_kbytes"), 0, "no fixed amount");
    fails(set("overcommit_memory", "3"), EINVAL, "there is no mode 3");
    fails(set("overcommit_memory", "-1"), EINVAL, "nor -1");
    works(set("overcommit_kbytes", "1000"), "an amount");
    is(get("overcommit_ratio"), 0, "makes the ratio 0");
    works(set("overcommit_ratio", "60"), "a ratio");
    is(get("overcommit_kbytes"), 0, "makes the amount 0");
}

static void test_always(void)
{
    char *pages;

    works(set("overcommit_memory", "1"), "mode 1");
    pages = map(4 * total, RW, ANON);
    ok(pages != MAP_FAILED, "gives four times what there is");
    is(probe_write(pages + 3 * total, 1), 0, "page by page");
    munmap(pages, 4 * total);
    pages = map(4 * total, RW, SHARED);
    ok(pages != MAP_FAILED, "shared memory too");
    munmap(pages, 4 * total);
}

/* How many chunks are to be had; they stay when the child keeps them. */
static int chunks(int prot, int flags)
{
    int count = 0;

    while (count < 1000 && map(CHUNK, prot, flags) != MAP_FAILED)
        count++;
    return count;
}

static int count_private(void *unused)
{
    (void)unused;
    return chunks(RW, ANON);
}

static int count_noreserve(void *unused)
{
    (void)unused;
    return chunks(RW, ANON | MAP_NORESERVE);
}

static int count_shared(void *unused)
{
    (void)unused;
    return chunks(RW, SHARED);
}

static int count_mprotect(void *unused)
{
    char *pages = map(1000 * CHUNK, PROT_READ, ANON);
    int count = 0;

    (void)unused;
    while (count < 1000 && !mprotect(pages + count * CHUNK, CHUNK, RW))
        count++;
    return errno == ENOMEM ? count : 0;
}

/* Growing asks, moving does not; what moved is promised once. */
static int count_mremap(void *unused)
{
    size_t size = CHUNK;
    char *pages = map(size, RW, ANON), *place = map(CHUNK, PROT_NONE, ANON);
    char *moved;

    (void)unused;
    munmap(place, CHUNK);
    while ((moved = mremap(pages, size, size + CHUNK, MREMAP_MAYMOVE)) !=
           MAP_FAILED) {
        pages = moved;
        size += CHUNK;
    }
    if (mremap(pages, CHUNK, CHUNK, MREMAP_MAYMOVE | MREMAP_FIXED, place) !=
        place)
        return 0;
    return size / CHUNK + chunks(RW, ANON);
}

/* What mprotect() takes back before a write can be promised again. */
static int count_given_back(void *unused)
{
    int count = chunks(RW, ANON) - 1;
    char *pages = map(CHUNK, PROT_READ, ANON);

    (void)unused;
    for (int i = 0; i < 100; i++)
        if (mprotect(pages, CHUNK / 2, RW) || mprotect(pages, CHUNK, PROT_READ))
            return 0;
    return count + 1;
}

/* A stack that cannot be promised more does not grow. */
static int count_stack(void *unused)
{
    const struct rlimit endless = {RLIM_INFINITY, RLIM_INFINITY};
    char *room = map(1000 * CHUNK, PROT_NONE, ANON);
    char *top = room + 1000 * CHUNK - PAGE;
    int count = 0;

    (void)unused;
    munmap(room, 1000 * CHUNK);
    setrlimit(RLIMIT_STACK, &endless);
    if (mmap(top, PAGE, RW, ANON | MAP_GROWSDOWN | MAP_FIXED, -1, 0) != top)
        return 0;
    while (count < 900 && !probe_write(top - (count + 1) * CHUNK, 1))
        count++;
    return count;
}

static int read_only_is_free(void *unused)
{
    (void)unused;
    return map(1000 * CHUNK, PROT_READ, ANON) == MAP_FAILED;
}

/* Two of these cannot be: fork() says so. */
static int fork_refused(void *unused)
{
    pid_t pid;

    (void)unused;
    chunks(RW, ANON);
    pid = fork();
    if (!pid)
        _exit(0);
    if (pid > 0)
        wait_status(pid);
    return pid < 0 && errno == ENOMEM ? 0 : 1;
}

static int close_to(int count, int want)
{
    return count > want - 4 && count < want + 4;
}

static void test_never(void)
{
    int want;

    works(set("overcommit_memory", "2"), "mode 2");
    works(set("overcommit_ratio", "60"), "60 per cent");
    want = in_child(count_private, NULL);
    ok(want > 10 && want * CHUNK < total / 100 * 60, "private memory ends (%d)",
       want);
    ok(close_to(in_child(count_noreserve, NULL), want),
       "MAP_NORESERVE is no way around");
    ok(close_to(in_child(count_shared, NULL), want), "shared memory ends");
    ok(close_to(in_child(count_mprotect, NULL), want), "so does mprotect");
    ok(close_to(in_child(count_mremap, NULL), want), "so does mremap");
    ok(close_to(in_child(count_stack, NULL), want), "and a growing stack");
    ok(close_to(in_child(count_given_back, NULL), want),
       "what nobody has written to is given back");
    is(in_child(read_only_is_free, NULL), 0, "what cannot be written is free");
    is(in_child(fork_refused, NULL), 0, "fork is refused what it would copy");
    ok(close_to(in_child(count_private, NULL), want), "all was given back");
}

int main(void)
{
    struct sysinfo info;

    must(sysinfo(&info) == 0);
    total = info.totalram * info.mem_unit;
    test_knobs();
    test_always();
    test_never();
    set("overcommit_memory", "0");
    set("overcommit_ratio", "50");
    return done_testing();
}
