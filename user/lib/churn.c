/* Client and checks of the demos of evicting pagers. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "churn.h"
#include "uffd.h"

#define STEPS_PER_PAGE 4

static const char *const phrases[] = {
    "A store hits a page that is not there. ",
    "The CPU raises a page fault. ",
    "The kernel looks for the area. ",
    "It walks four levels of tables. ",
    "The message waits for its pager. ",
    "The pager fills the page. ",
    "The store goes on. ",
    "Nobody noticed. ",
};

static unsigned random_next(unsigned *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

/* What PAGE holds after its VERSIONth writing; prose, so it compresses. */
static void compose(unsigned page, unsigned version, char *bytes)
{
    unsigned seed = page * 7919 + version * 104729 + 1;
    size_t used = 0;

    while (used < PAGE_SIZE) {
        const char *phrase = phrases[random_next(&seed) % 8];
        size_t length = strlen(phrase);

        if (length > PAGE_SIZE - used)
            length = PAGE_SIZE - used;
        memcpy(bytes + used, phrase, length);
        used += length;
    }
}

struct client {
    char *region;
    int object;
    unsigned long pages, frames;
    unsigned *version;  /* of each page; 0: never written */
    unsigned long most; /* frames ever in use */
};

static void check_frames(struct client *client)
{
    struct stat info;

    if (fstat(client->object, &info) < 0)
        die_errno(1, "fstat of the object");
    if ((unsigned long)info.st_blocks * 512 / PAGE_SIZE > client->most)
        client->most = info.st_blocks * 512 / PAGE_SIZE;
    if (client->most > client->frames)
        die(1, "%lu frames in use", client->most);
}

static void write_page(struct client *client, unsigned long page)
{
    compose(page, ++client->version[page], client->region + page * PAGE_SIZE);
    check_frames(client);
}

static void check_page(struct client *client, unsigned long page)
{
    char expected[PAGE_SIZE] = {0};

    if (client->version[page])
        compose(page, client->version[page], expected);
    if (memcmp(client->region + page * PAGE_SIZE, expected, PAGE_SIZE) != 0) {
        die(1, "page %lu is not what was written to it", page);
    }
    check_frames(client);
}

/* All pages in order; then some again and again, two reads to a write. */
static void use(struct client *client)
{
    unsigned seed = 1;

    for (unsigned long page = 0; page < client->pages; page++)
        write_page(client, page);
    for (unsigned long i = 0; i < client->pages * STEPS_PER_PAGE; i++) {
        unsigned long page = random_next(&seed) % client->pages;

        /* Half of the accesses go to an eighth of the pages. */
        if (random_next(&seed) % 2)
            page /= 8;
        if (random_next(&seed) % 3)
            check_page(client, page);
        else
            write_page(client, page);
    }
    for (unsigned long page = 0; page < client->pages; page++)
        check_page(client, page);
}

static void make_client(struct client *client)
{
    client->object = syscall(SYS_memfd_create, "region", 0);
    if (client->object < 0 ||
        ftruncate(client->object, client->pages * PAGE_SIZE) < 0)
        die_errno(2, "memory object of %lu pages", client->pages);
    client->region =
        map_or_die(client->pages * PAGE_SIZE, MAP_SHARED, client->object);
    client->version = calloc(client->pages, sizeof(*client->version));
    if (!client->version)
        die_errno(2, "memory");
}

/* The pager is a child, so that it has the client's userfaultfd. */
static pid_t start_pager(const struct client *client, const struct store *store,
                         struct evict_counts *counts)
{
    struct evict_region region = {
        .uffd = uffd_open(UFFD_FEATURE_MISSING_SHMEM |
                          UFFD_FEATURE_PAGEFAULT_FLAG_WP |
                          UFFD_FEATURE_WP_HUGETLBFS_SHMEM),
        .object = client->object,
        .client = getpid(),
        .base = (unsigned long)client->region,
        .pages = client->pages,
        .frames = client->frames,
        .store = store,
        .counts = counts,
    };
    pid_t pid;

    uffd_register(region.uffd, client->region, client->pages * PAGE_SIZE,
                  UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP);
    pid = fork();
    if (pid < 0)
        die_errno(2, "fork");
    if (!pid)
        evict_serve(&region);
    close(region.uffd);
    return pid;
}

static void report(const char *name, const struct client *client,
                   const struct evict_counts *counts)
{
    printf("%s: %lu faults served, %lu of them first touches\n", name,
           counts->faults, counts->first);
    printf("%s: %lu pages stored, %lu dropped unchanged, %lu frames at most\n",
           name, counts->stored, counts->dropped, client->most);
    printf("%s: the store has %lu bytes for %lu: %lu %%\n", name, counts->bytes,
           client->pages * PAGE_SIZE,
           counts->bytes * 100 / (client->pages * PAGE_SIZE));
    printf("%s: every page read back as it was written\n", name);
}

void churn(const char *name, unsigned long pages, unsigned long frames,
           const struct store *store)
{
    struct client client = {.pages = pages, .frames = frames};
    struct evict_counts *counts =
        map_or_die(PAGE_SIZE, MAP_SHARED | MAP_ANONYMOUS, -1);
    pid_t pager;

    make_client(&client);
    pager = start_pager(&client, store, counts);
    printf("%s: %lu pages in %lu frames\n", name, pages, frames);
    fflush(stdout);
    use(&client);
    kill(pager, SIGKILL);
    if (waitpid(pager, NULL, 0) != pager)
        die_errno(1, "wait for the pager");
    report(name, &client, counts);
}
