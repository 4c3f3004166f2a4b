/*
 * A pager task that is killed in the middle of a call on many pages: of those
 * it filled, protected or freed, of those still to come, none is lost, and
 * another pager takes over. When exactly it dies is a matter of chance: in
 * each round after a different time.
 */
#define _GNU_SOURCE
#include "killed_pager.h"

enum {
    COUNT = 96,
    ROUNDS = 6,
    STEP_NS = 37000
};

static char *pages, *from;
static int fd;

/* ---- what the pager does, over and over ---- */

static void copy_all(void)
{
    (void)uffd_copy(fd, pages, from, COUNT * PAGE);
}

static void zero_all(void)
{
    (void)uffd_zero(fd, pages, COUNT * PAGE, NULL);
}

static void copy_protected(void)
{
    (void)uffd_copy_mode(fd, pages, from, COUNT * PAGE, UFFDIO_COPY_MODE_WP,
                         NULL);
}

static void protect_all(void)
{
    copy_all();
    (void)uffd_protect(fd, pages, COUNT * PAGE, UFFDIO_WRITEPROTECT_MODE_WP);
    (void)uffd_protect(fd, pages, COUNT * PAGE, 0);
}

static void poison_all(void)
{
    struct uffdio_poison poison = {.range = {(long)pages, COUNT * PAGE}};

    (void)uffd_ioctl(fd, UFFDIO_POISON, &poison);
}

/* The source of the middle page needs a pager that there is not. */
static void copy_stuck(void)
{
    char *source_of_many = map_pages(COUNT);
    int other = uffd_new(0);

    leave_hope();
    memset(source_of_many, 'k', COUNT * PAGE);
    must(!madvise(source_of_many + COUNT / 2 * PAGE, PAGE, MADV_DONTNEED));
    must(!uffd_register(other, source_of_many, COUNT * PAGE));
    (void)uffd_copy(fd, pages, source_of_many, COUNT * PAGE);
}

/* ---- who goes on ---- */

/* 'k' or zeros, wherever the pager came to. */
static int is_sound(void)
{
    for (int i = 0; i < COUNT; i++)
        if (!all_bytes(pages + i * PAGE, 'k', PAGE) &&
            !all_bytes(pages + i * PAGE, 0, PAGE))
            return 0;
    return 1;
}

/* Fills what is not there, heals what is poisoned, frees what is protected. */
static void take_over(void)
{
    for (int i = 0; i < COUNT; i++)
        (void)uffd_copy(fd, pages + i * PAGE, from, PAGE);
    must(!uffd_protect(fd, pages, COUNT * PAGE, 0));
    (void)uffd_wake(fd, pages, COUNT * PAGE);
}

/* One page after the other is written, and given back at the end. */
static void *use_all(void *unused)
{
    for (int i = 0; i < COUNT; i++)
        ((volatile char *)pages)[i * PAGE] += 0;
    return unused;
}

static void drop_half(void)
{
    must(!madvise(pages, COUNT / 2 * PAGE, MADV_DONTNEED));
}

static int kill_once(void (*call)(void), int round)
{
    pid_t pid = pager_start(call);
    pthread_t client = call == poison_all ? 0 : thread_start(use_all, NULL);
    int sound;

    pager_kill_after(pid, round * STEP_NS,
                     call == copy_all || call == protect_all ? drop_half
                                                             : NULL);
    take_over();
    if (client)
        thread_join(client);
    sound = is_sound();
    must(!madvise(pages, COUNT * PAGE, MADV_DONTNEED));
    return sound;
}

static void test(void (*call)(void), const char *what)
{
    int sound = 0;

    pages = map_pages(COUNT);
    fd = uffd_new(0);
    must(!uffd_register_mode(fd, pages, COUNT * PAGE,
                             UFFDIO_REGISTER_MODE_MISSING |
                                 UFFDIO_REGISTER_MODE_WP));
    for (int i = 0; i < ROUNDS; i++)
        sound += kill_once(call, i);
    is(sound, ROUNDS, "killed in %s", what);
    close(fd);
    munmap(pages, COUNT * PAGE);
}

int main(void)
{
    from = map_pages(COUNT);
    memset(from, 'k', COUNT * PAGE);
    test(copy_all, "UFFDIO_COPY");
    test(copy_stuck, "UFFDIO_COPY, its source missing");
    test(copy_protected, "UFFDIO_COPY of protected pages");
    test(zero_all, "UFFDIO_ZEROPAGE");
    test(protect_all, "UFFDIO_WRITEPROTECT");
    test(poison_all, "UFFDIO_POISON");
    return done_testing();
}
