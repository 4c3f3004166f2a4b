/*
 * Which neighbouring mappings become one: besides being alike, what private
 * pages they have had decides. Counted in /proc/self/maps.
 */
#define _GNU_SOURCE
#include "tap.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define PAGES 8UL
#define RW    (PROT_READ | PROT_WRITE)

static char *arena;

static char *page(unsigned long i)
{
    return arena + i * PAGE;
}

static void fresh(void)
{
    must(mmap(arena, PAGES * PAGE, PROT_NONE,
              MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1,
              0) == arena);
    /* Nothing of the test's can merge with what is around it. */
    must(!mprotect(page(1), (PAGES - 2) * PAGE, RW));
}

static void protect(unsigned long from, unsigned long to, int prot)
{
    must(!mprotect(page(from), (to - from) * PAGE, prot));
}

static void touch(unsigned long i)
{
    *(volatile char *)page(i) = 1;
}

/* Mappings that lie in the arena but for its two edges. */
static int count(void)
{
    static char text[16384];
    int fd = open("/proc/self/maps", O_RDONLY), n = 0;
    ssize_t got, used = 0;

    must(fd >= 0);
    while ((got = read(fd, text + used, sizeof(text) - 1 - used)) > 0)
        used += got;
    close(fd);
    text[used] = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        unsigned long start, end;

        must(sscanf(line, "%lx-%lx", &start, &end) == 2);
        n += (char *)start >= page(1) && (char *)end <= page(PAGES - 1);
    }
    return n;
}

static void test_untouched(void)
{
    fresh();
    is(count(), 1, "one mapping to begin with");
    protect(2, 4, PROT_READ);
    is(count(), 3, "rights differ");
    protect(2, 4, RW);
    is(count(), 1, "untouched ones join");
}

static void test_touched_neighbour(void)
{
    fresh();
    protect(2, 4, PROT_READ);
    touch(1);
    protect(2, 4, RW);
    is(count(), 1, "untouched joins the touched one below and the other above");
    fresh();
    protect(2, 4, PROT_READ);
    touch(4);
    protect(2, 4, RW);
    is(count(), 1, "the same with the one above touched");
}

static void test_touched_middle(void)
{
    fresh();
    protect(1, 3, PROT_READ);
    touch(4);
    protect(3, PAGES - 1, PROT_READ);
    is(count(), 2, "a touched one does not join an untouched one");
}

static void test_two_touched(void)
{
    fresh();
    protect(3, 5, PROT_READ);
    touch(1);
    touch(5);
    is(count(), 3, "two touched, one between");
    protect(3, 5, RW);
    is(count(), 2, "they stay apart");
    fresh();
    protect(3, PAGES - 1, PROT_READ);
    touch(1);
    protect(3, PAGES - 1, RW);
    touch(5);
    is(count(), 1, "touched after they had joined");
    fresh();
    touch(1);
    touch(5);
    protect(3, 5, PROT_NONE);
    protect(3, 5, RW);
    is(count(), 1, "what was one becomes one again");
}

static void test_neighbours_id(void)
{
    fresh();
    protect(1, 3, PROT_READ | PROT_EXEC | PROT_WRITE);
    touch(1);
    touch(4);
    protect(1, 3, RW);
    is(count(), 1, "alike but for rights when touched: they join");
}

static int child_count(void (*body)(void))
{
    int status = 0;
    pid_t pid = fork();

    must(pid >= 0);
    if (!pid) {
        body();
        _exit(count());
    }
    must(waitpid(pid, &status, 0) == pid);
    return WEXITSTATUS(status);
}

static void split_and_join(void)
{
    protect(3, 5, PROT_READ);
    protect(3, 5, RW);
}

static void map_beside(void)
{
    munmap(page(3), 2 * PAGE);
    must(mmap(page(3), 2 * PAGE, RW,
              MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1,
              0) == page(3));
}

static void test_fork(void)
{
    fresh();
    protect(1, 3, PROT_READ);
    is(child_count(split_and_join), 2, "untouched, a child's join as well");
    fresh();
    touch(1);
    is(child_count(split_and_join), 1, "a child's own halves join");
    is(child_count(map_beside), 3, "but a new one does not join a copied one");
    map_beside();
    is(count(), 1, "as it does in the parent");
}

static void test_remap(void)
{
    char *place =
        mmap(NULL, PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    fresh();
    touch(3);
    must(mremap(page(3), PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, place) ==
         place);
    is(count(), 2, "a hole where it was");
    must(mremap(place, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, page(3)) ==
         page(3));
    is(count(), 1, "back again, it is one");
}

int main(void)
{
    arena = mmap(NULL, PAGES * PAGE, PROT_NONE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    must(arena != MAP_FAILED);
    test_untouched();
    test_touched_neighbour();
    test_touched_middle();
    test_two_touched();
    test_neighbours_id();
    test_fork();
    test_remap();
    return done_testing();
}
