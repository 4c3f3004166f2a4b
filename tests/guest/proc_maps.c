/* /proc/PID/maps and the names that lead there. */
#define _GNU_SOURCE
#include "proc.h"

#define MAPS "/proc/self/maps"

/* The line's text after the addresses is WANT, with the trailing name. */
static void line_is(const void *at, size_t pages, const char *want)
{
    char addresses[64];
    char *line = proc_line(at), *end;
    size_t size;

    snprintf(addresses, sizeof(addresses), "%lx-%lx ", (unsigned long)at,
             (unsigned long)at + pages * PAGE);
    size = strlen(addresses);
    if (!ok(line && !strncmp(line, addresses, size), "an area of its own"))
        return;
    end = strchr(line, '\n');
    *end = '\0';
    if (!ok(!strcmp(line + size, want), "\"%s\"", want))
        diag("got \"%s\"", line + size);
    *end = '\n';
}

static void test_lines(void)
{
    char *arena = map_pages(16);
    char *stack = (char *)&arena;
    char *shared, *line;

    must(munmap(arena, 16 * PAGE) == 0);
    must(mmap(arena + PAGE, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
              0) == arena + PAGE);
    must(mmap(arena + 3 * PAGE, 2 * PAGE, PROT_READ | PROT_EXEC,
              MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
              0) == arena + 3 * PAGE);
    shared = mmap(arena + 6 * PAGE, 3 * PAGE, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    must(shared == arena + 6 * PAGE);
    must(munmap(shared, PAGE) == 0);
    must(proc_read_all(MAPS) > 0);
    line_is(arena + PAGE, 1, "---p 00000000 00:00 0 ");
    line_is(arena + 3 * PAGE, 2, "r-xp 00000000 00:00 0 ");
    ok(!proc_line(arena) && !proc_line(arena + 2 * PAGE),
       "holes are not there");
    line = proc_line(shared + PAGE);
    must(line);
    ok(!strncmp(line + 25, " rw-s 00001000 00:01 ", 21), "shared, with offset");
    ok(!strncmp(line + 73, "/dev/zero (deleted)\n", 20), "its name, in column");
    line = proc_line(stack);
    ok(line && !strncmp(line + 73, "[stack]\n", 8), "the stack has its name");
    line = proc_line((void *)test_lines);
    ok(line && !strncmp(strchr(line, ' '), " r-xp", 5) && line[73] == '/',
       "the program's text is a file's");
    munmap(arena, 16 * PAGE);
}

static void test_heap(void)
{
    unsigned long brk = syscall(SYS_brk, 0);
    char *line;

    must((unsigned long)syscall(SYS_brk, brk + 3 * PAGE) == brk + 3 * PAGE);
    must(proc_read_all(MAPS) > 0);
    line = proc_line((void *)(brk + PAGE));
    ok(line && strstr(line, "[heap]\n") && strstr(line, "[heap]") < line + 80,
       "the heap has its name");
    must((unsigned long)syscall(SYS_brk, brk) == brk);
    must(proc_read_all(MAPS) > 0);
    ok(!strstr(proc_text, "[heap]"), "none left, none shown");
}

/* Areas by rising address, none twice, whatever the size of the reads. */
static void test_reading(void)
{
    static char byte_wise[sizeof(proc_text)], once[sizeof(proc_text)];
    int fd = open(MAPS, O_RDONLY);
    long size, n = 0;

    size = read(fd, once, sizeof(once));
    ok(size > 0 && once[size - 1] == '\n', "reads end with a line");
    is(read(fd, proc_text, 100), 0, "then comes the end");
    is(lseek(fd, 0, SEEK_SET), 0, "rewound");
    while (n < size && read(fd, byte_wise + n, 1) == 1)
        n++;
    is(n, size, "as many bytes one by one");
    ok(!memcmp(once, byte_wise, size), "and the same");
    is(pread(fd, proc_text, 50, 33), 50, "from the middle");
    ok(!memcmp(proc_text, once + 33, 50), "of the same text");
    is(pread(fd, proc_text, 50, size + 5000), 0, "nothing far behind the end");
    is(lseek(fd, 10, SEEK_SET), 10, "to a place");
    is(lseek(fd, 5, SEEK_CUR), 15, "and on");
    fails(lseek(fd, 0, SEEK_END), EINVAL, "there is no end to seek");
    fails(pread(fd, (void *)8, 10, 0), EFAULT, "bad pointer");
    fails(write(fd, "x", 1), EBADF, "opened for reading");
    close(fd);
    fd = open(MAPS, O_RDWR);
    ok(fd >= 0, "root may open it for writing");
    fails(write(fd, "1", 1), EINVAL, "but not write");
    close(fd);
}

static void test_many(void)
{
    char *area = map_pages(600);
    unsigned long last = 0, start, end;
    int lines = 0, order = 1;

    for (int i = 0; i < 600; i += 2)
        must(mprotect(area + i * PAGE, PAGE, PROT_READ) == 0);
    must(proc_read_all(MAPS) > 0);
    for (char *line = proc_text; *line; line = strchr(line, '\n') + 1) {
        order &= sscanf(line, "%lx-%lx ", &start, &end) == 2 && start >= last;
        last = end;
        lines += start >= (unsigned long)area &&
                 end <= (unsigned long)area + 600 * PAGE;
    }
    ok(order, "in order, over many pages of text");
    is(lines, 600, "every area once");
    munmap(area, 600 * PAGE);
}

static void test_names(void)
{
    static const struct {
        const char *path;
        int error;
    } names[] = {
        {"/proc/self/maps", 0},
        {"/proc/thread-self/maps", 0},
        {"//proc//self///maps", 0},
        {"/proc/./self/./maps", 0},
        {"/proc/self/status", 0},
        {"/proc/sys/vm/max_map_count", 0},
        {"/proc/self/maps/", ENOTDIR},
        {"/proc/self/maps/x", ENOTDIR},
        {"/proc/self/map", ENOENT},
        {"/proc/self/mapsmapsmapsmapsmapsmapsmapsmaps", ENOENT},
        {"/proc/999999/maps", ENOENT},
        {"/proc/99999999999/maps", ENOENT},
        {"/proc/0/maps", ENOENT},
        {"/proc/01/maps", ENOENT},
        {"/proc/-1/maps", ENOENT},
        {"/proc/sys/vm/nothing", ENOENT},
        {"/nothing", ENOENT},
        {"", ENOENT},
    };
    char path[64], target[64];
    ssize_t n;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        int fd = open(names[i].path, O_RDONLY);

        is(fd < 0 ? errno : 0, names[i].error, "open \"%s\"", names[i].path);
        is(access(names[i].path, F_OK) ? errno : 0, names[i].error,
           "access \"%s\"", names[i].path);
        if (fd >= 0)
            close(fd);
    }
    snprintf(path, sizeof(path), "/proc/%d/maps", getpid());
    works(access(path, R_OK), "by number");
    fails(open(MAPS, O_RDONLY | O_CREAT | O_EXCL, 0600), EEXIST, "O_EXCL");
    fails(open(MAPS, O_RDONLY | O_DIRECTORY), ENOTDIR, "O_DIRECTORY");
    fails(open((char *)8, O_RDONLY), EFAULT, "bad pointer");
    n = readlink("/proc/self", target, sizeof(target));
    ok(n > 0 && n < 16, "/proc/self is a link");
    target[n < 0 ? 0 : n] = '\0';
    is(atoi(target), getpid(), "to our number");
    fails(readlink(MAPS, target, sizeof(target)), EINVAL, "maps is no link");
}

/* A child that has ended, before and after it is waited for. */
static void test_ended(void)
{
    char path[64];
    int maps, status;
    pid_t child = proc_zombie();

    snprintf(path, sizeof(path), "/proc/%d/maps", child);
    is(proc_read_all(path), 0, "a zombie maps nothing");
    maps = open(path, O_RDONLY);
    snprintf(path, sizeof(path), "/proc/%d/statm", child);
    must(proc_read_all(path) > 0);
    ok(!strcmp(proc_text, "0 0 0 0 0 0 0\n"), "and uses nothing");
    snprintf(path, sizeof(path), "/proc/%d/status", child);
    must(proc_read_all(path) > 0);
    ok(strstr(proc_text, "State:\tZ (zombie)\n") != NULL,
       "it is called a zombie");
    is(proc_row(proc_text, "VmSize"), -1, "without memory rows");
    status = open(path, O_RDONLY);
    is(wait_status(child), 0, "waited for");
    fails(read(maps, proc_text, 10), ESRCH, "maps of nobody");
    fails(read(status, proc_text, 10), ESRCH, "status of nobody");
    fails(open(path, O_RDONLY), ENOENT, "and no name");
    close(maps);
    close(status);
}

/* The parent reads what the child maps. */
static void test_child(void)
{
    char *page = map_pages(3);
    char path[64];
    pid_t child;
    char *line;
    volatile int *ready = map_shared(1);

    child = fork();
    must(child >= 0);
    if (!child) {
        munmap(page + PAGE, PAGE);
        *ready = 1;
        for (;;)
            usleep(1000);
    }
    while (!*ready)
        usleep(1000);
    snprintf(path, sizeof(path), "/proc/%d/maps", child);
    must(proc_read_all(path) > 0);
    line = proc_line(page);
    ok(line && proc_line(page + 2 * PAGE) && !proc_line(page + PAGE),
       "the child's areas, not ours");
    must(proc_read_all(MAPS) > 0);
    ok(proc_line(page + PAGE) != NULL, "ours are as they were");
    kill(child, SIGKILL);
    is(wait_status(child), 1000 + SIGKILL, "the child ends");
}

int main(void)
{
    test_lines();
    test_heap();
    test_reading();
    test_many();
    test_names();
    test_child();
    test_ended();
    return done_testing();
}
