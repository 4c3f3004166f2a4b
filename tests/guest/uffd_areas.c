/*
 * What can be registered, and what cannot: what is nobody's memory, a program's
 * pages, memory that nobody may ever write, ranges of several kinds.
 */
#define _GNU_SOURCE
#include <sys/auxv.h>

#include "memfd.h"
#include "proc.h"
#include "uffd_util.h"

#define MISSING UFFDIO_REGISTER_MODE_MISSING
#define MINOR   UFFDIO_REGISTER_MODE_MINOR
#define WP      UFFDIO_REGISTER_MODE_WP
#define PROTECT UFFDIO_WRITEPROTECT_MODE_WP

/* Of the program's file. */
static char data[2 * PAGE] __attribute__((aligned(4096))) = {1};
static const char constants[PAGE] __attribute__((aligned(4096))) = {1};

static int fd;

/* The kernel's page with code for programs: neither anonymous nor shared. */
static void test_vdso(void)
{
    char *page = (char *)getauxval(AT_SYSINFO_EHDR);
    const char *line;
    unsigned long start, end;

    must(page && proc_read_all("/proc/self/maps") > 0);
    line = proc_line(page);
    must(line && sscanf(line, "%lx-%lx", &start, &end) == 2);
    fd = uffd_new(O_NONBLOCK);
    is(uffd_register(fd, page, end - start), -EINVAL, "the vDSO: MISSING");
    is(uffd_register_mode(fd, page, end - start, WP), -EINVAL, "WP");
    is(uffd_register_mode(fd, page, end - start, MINOR), -EINVAL, "MINOR");
    is(uffd_unregister(fd, page, end - start), -EINVAL, "UNREGISTER");
    close(fd);
    fd = uffd_new_with(O_NONBLOCK, UFFD_FEATURE_WP_ASYNC);
    is(uffd_register(fd, page, end - start), -EINVAL, "with WP_ASYNC: MISSING");
    is(uffd_register_mode(fd, page, end - start, MISSING | WP), -EINVAL,
       "both");
    is(uffd_register_mode(fd, page, end - start, MINOR | WP), -EINVAL, "MINOR");
    is(uffd_unregister(fd, page, end - start), -EINVAL, "UNREGISTER");
    close(fd);
}

/* Who only collects what was written may do so anywhere. */
static void test_collected(void)
{
    fd = uffd_new_with(O_NONBLOCK, UFFD_FEATURE_WP_ASYNC);
    is(uffd_register_mode(fd, data, 2 * PAGE, WP), 0, "a program's data");
    is(uffd_register_mode(fd, (char *)constants, PAGE, WP), 0,
       "and its constants, which an mprotect could make writable");
    data[0] = 2;
    must(!uffd_protect(fd, data, 2 * PAGE, PROTECT));
    is(page_is(data, PAGE_PROTECTED), 1, "a page of data");
    is(data[0], 2, "is there");
    data[0] = 3;
    is(page_is(data, PAGE_PROTECTED), 0, "and was written");
    is(page_is(data + PAGE, PAGE_PROTECTED), 1,
       "the next is protected, never touched");
    data[PAGE] = 4;
    is(page_is(data + PAGE, PAGE_PROTECTED), 0, "until it is");
    is(data[0] + data[PAGE], 7, "both hold what was written");
    is(uffd_unregister(fd, data, PAGE), 0, "UNREGISTER of it");
    close(fd);
}

static void test_never_written(int seal)
{
    int memory = object_of(2 * PAGE);
    char *page;

    must(fcntl(memory, F_ADD_SEALS, seal) == 0);
    page = map_object(memory, 2, PROT_READ, MAP_SHARED, 0);
    fd = uffd_new(O_NONBLOCK);
    is(uffd_register(fd, page, PAGE), -EPERM, "sealed against writes");
    is(uffd_register_mode(fd, page, PAGE, WP), -EPERM, "to be protected");
    munmap(page, 2 * PAGE);
    page = map_object(memory, 2, PROT_READ, MAP_PRIVATE, 0);
    is(uffd_register(fd, page, PAGE), 0, "a private mapping of it can be");
    munmap(page, 2 * PAGE);
    close(memory);
    close(fd);
}

/* Nothing is done if one of a range cannot be. */
static void test_several(void)
{
    char *pages = map_pages(4);
    int memory = object_of(PAGE), other;

    must(fcntl(memory, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) == 0);
    fd = uffd_new(O_NONBLOCK);
    other = uffd_new(O_NONBLOCK);
    must(!uffd_register(other, pages + 3 * PAGE, PAGE));
    is(uffd_register(fd, pages, 4 * PAGE), -EBUSY, "the last is another's");
    must(mmap(pages + 2 * PAGE, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, memory,
              0) == pages + 2 * PAGE);
    is(uffd_register(fd, pages, 4 * PAGE), -EPERM, "one before is read-only");
    is(uffd_fill(fd, pages, 'x'), -ENOENT, "nothing was registered");
    is(uffd_unregister(fd, pages, 4 * PAGE), 0, "what was not can end");
    is(uffd_fill(other, pages + 3 * PAGE, 'x'), -ENOENT, "and another's does");
    munmap(pages, 4 * PAGE);
    close(memory);
    close(other);
    close(fd);
}

int main(void)
{
    test_vdso();
    test_collected();
    test_never_written(F_SEAL_WRITE);
    test_never_written(F_SEAL_FUTURE_WRITE);
    test_several();
    return done_testing();
}
