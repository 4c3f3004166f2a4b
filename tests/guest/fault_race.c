/*
 * Two threads write to the same pages at the same moment, each a byte of its
 * own: whoever's fault comes second finds the page that the first has got, and
 * neither loses a byte. Once for every kind of page that a write can meet.
 */
#define _GNU_SOURCE
#include <pthread.h>

#include "meet.h"
#include "memfd.h"

#define PAGES 1024
#define CHUNK 8 /* pages between two meetings */

static char *pages;

/* The threads have bytes 1 and 2. */
static void *writer(void *byte)
{
    for (size_t i = 0; i < PAGES; i++) {
        if (i % CHUNK == 0)
            meet();
        ((volatile char *)pages)[i * PAGE + (uintptr_t)byte] = 'w';
    }
    return NULL;
}

/* Both write to all pages, whose first byte is FIRST and stays so. */
static void race(char first, const char *what)
{
    int right = 0;
    pthread_t thread;

    must(!pthread_create(&thread, NULL, writer, (void *)1));
    writer((void *)2);
    pthread_join(thread, NULL);
    for (size_t i = 0; i < PAGES; i++)
        right += pages[i * PAGE] == first && pages[i * PAGE + 1] == 'w' &&
                 pages[i * PAGE + 2] == 'w';
    is(right, PAGES, "%s", what);
}

static void read_all(void)
{
    for (size_t i = 0; i < PAGES; i++)
        (void)((volatile char *)pages)[i * PAGE];
}

static void test_anonymous(void)
{
    pages = map_pages(PAGES);
    race(0, "pages that are not there");
    munmap(pages, PAGES * PAGE);
    pages = map_pages(PAGES);
    read_all();
    race(0, "the zero page");
    munmap(pages, PAGES * PAGE);
}

static void test_fork(void)
{
    pid_t pid;

    pages = map_pages(PAGES);
    for (size_t i = 0; i < PAGES; i++)
        pages[i * PAGE] = 'p';
    pid = fork();
    if (!pid)
        pause();
    race('p', "pages that a child has too");
    kill(pid, SIGKILL);
    is(wait_status(pid), 1000 + SIGKILL, "which goes");
    munmap(pages, PAGES * PAGE);
}

static void test_object(void)
{
    int fd = object_of(PAGES * PAGE);

    pages = map_object(fd, PAGES, RW, MAP_SHARED, 0);
    race(0, "pages that the object has not got");
    munmap(pages, PAGES * PAGE);
    pages = map_object(fd, PAGES, RW, MAP_SHARED, 0);
    for (size_t i = 0; i < PAGES; i++)
        memcpy(pages + i * PAGE, "o\0", 3);
    munmap(pages, PAGES * PAGE);
    pages = map_object(fd, PAGES, RW, MAP_SHARED, 0);
    race('o', "pages that it has");
    munmap(pages, PAGES * PAGE);
    pages = map_object(fd, PAGES, RW, MAP_PRIVATE, 0);
    race('o', "copies of them");
    munmap(pages, PAGES * PAGE);
    pages = map_object(fd, PAGES, RW, MAP_PRIVATE, 0);
    read_all();
    race('o', "copies of what was read before");
    munmap(pages, PAGES * PAGE);
    close(fd);
}

int main(void)
{
    test_anonymous();
    test_fork();
    test_object();
    return done_testing();
}
