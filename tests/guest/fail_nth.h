/*
 * Each allocation of each call of a script fails once: the first, then the
 * second, and so on until the call goes through. A call that fails says ENOMEM
 * (or what its man page says instead) and leaves mappings and bytes as they
 * were; one that can do without goes through. Lost memory ends the whole run.
 * The knob is /proc/self/fail-nth, of debug kernels and of a Linux with fault
 * injection; where it is absent each call is just made.
 *
 * prepare() is what the calls find, anew before each attempt, which has a
 * process of its own.
 */
#pragma once

#include "mm_util.h"
#include "uffd_util.h"

#include <fcntl.h>

static char *private; /* 16 pages, all written */
static char *fresh;   /* 16 pages, none touched, and a hole of 16 behind */
static char *shared;  /* 8 pages, written */
static char *file;    /* 4 pages of backing, shared, written */
static char *paged;   /* 8 pages of uffd's, missing and protected */
static int backing, uffd, knob; /* knob: -1 where there is none */

static void prepare(void)
{
    private = map_pages(16);
    fill(private, 16, 1);
    shared = map_shared(8);
    fill(shared, 8, 40);
    backing = (int)syscall(SYS_memfd_create, "fail", 0);
    must(!ftruncate(backing, 4 * PAGE));
    file = mmap(NULL, 4 * PAGE, RW, MAP_SHARED, backing, 0);
    fill(file, 4, 60);
    paged = map_pages(8);
    uffd = uffd_new_with(0, UFFD_FEATURE_PAGEFAULT_FLAG_WP);
    must(!uffd_register_mode(uffd, paged, 4 * PAGE,
                             UFFDIO_REGISTER_MODE_MISSING |
                                 UFFDIO_REGISTER_MODE_WP));
    fresh = map_pages(32);
    must(!munmap(fresh + 16 * PAGE, 16 * PAGE));
    knob = open("/proc/self/fail-nth", O_RDWR);
}

#define PARTIAL 1 /* what came before the failure is done, as on Linux */

struct step {
    const char *name;
    long (*call)(void);
    int error; /* besides ENOMEM */
    int flags;
    void (*before)(void); /* done first, all of it, or NULL */
};

#define AREAS 64
#define LIMIT 200 /* allocations of one call */

/* ---- of more than one script ---- */

#define PUNCH 3 /* FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE */

static inline long address(const void *at)
{
    return at == MAP_FAILED ? -1 : 0;
}

static inline long do_fork(void)
{
    pid_t pid = fork();
    int status;

    if (!pid)
        _exit(0);
    return pid < 0 || waitpid(pid, &status, 0) != pid ? -1 : status;
}

/* ---- the state ---- */

struct area {
    unsigned long start, end;
    char rights[5];
    unsigned long offset, inode;
};

static struct area before[AREAS], after[AREAS];
static char text[16384];

/* That one area was cut in two makes no difference to anybody. */
static int continues(const struct area *a, const struct area *b)
{
    return a->end == b->start && !strcmp(a->rights, b->rights) &&
           a->inode == b->inode &&
           (!a->inode || a->offset + (a->end - a->start) == b->offset);
}

static int list_areas(struct area *list)
{
    int fd = open("/proc/self/maps", O_RDONLY), count = 0;
    ssize_t n, size = 0;
    char *line;

    while ((n = read(fd, text + size, sizeof(text) - 1 - size)) > 0)
        size += n;
    close(fd);
    text[size] = '\0';
    for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        struct area now = {0};

        sscanf(line, "%lx-%lx %4s %lx %*s %lu", &now.start, &now.end,
               now.rights, &now.offset, &now.inode);
        if (count && continues(&list[count - 1], &now))
            list[count - 1].end = now.end;
        else if (count < AREAS)
            list[count++] = now;
    }
    return count;
}

static int same_state(int count)
{
    int now = list_areas(after);

    if (now != count || memcmp(before, after, count * sizeof(before[0]))) {
        diag("%d areas, not %d, or other ones", now, count);
        return 0;
    }
    return filled(private, 16, 1) && filled(shared, 8, 40) &&
           filled(file, 4, 60);
}

/* ---- one attempt ---- */

enum outcome {
    THROUGH,
    FAILED,
    SURVIVED,
    WRONG
};

static void arm(int n)
{
    char number[16];
    int size = snprintf(number, sizeof(number), "%d", n);

    must(knob < 0 || write(knob, number, size) == size);
}

/* The nth allocation has failed. The question costs an allocation, too: if it
 * is refused, the call itself came by without. */
static int has_fired(void)
{
    char left[16] = "";

    return knob >= 0 && pread(knob, left, sizeof(left) - 1, 0) > 0 &&
           atoi(left) == 0;
}

static enum outcome attempt(const struct step *step, int n)
{
    int count, error, fired;
    long r;

    prepare();
    if (step->before)
        step->before();
    count = list_areas(before);
    errno = 0;
    arm(n);
    r = step->call();
    error = errno;
    fired = has_fired();
    arm(0);
    if (r >= 0)
        return fired ? SURVIVED : THROUGH;
    if (error != ENOMEM && error != step->error)
        diag("%s, allocation %d: %s", step->name, n, strerror(error));
    else if (!fired)
        diag("%s failed by itself: %s", step->name, strerror(error));
    else if ((step->flags & PARTIAL) || same_state(count))
        return FAILED;
    diag("%s, allocation %d: not as it should be", step->name, n);
    return WRONG;
}

static enum outcome run_attempt(const struct step *step, int n)
{
    pid_t pid = fork();
    int status;

    must(pid >= 0);
    if (!pid)
        _exit(attempt(step, n));
    status = wait_status(pid);
    if (status <= WRONG)
        return (enum outcome)status;
    diag("%s, allocation %d: status %d", step->name, n, status);
    return WRONG;
}

static void run_step(const struct step *step)
{
    int n, failed = 0, survived = 0;
    enum outcome r;

    for (n = 1; n < LIMIT; n++) {
        r = run_attempt(step, n);
        if (r != FAILED && r != SURVIVED)
            break;
        failed += r == FAILED;
        survived += r == SURVIVED;
    }
    diag("%s: %d failures, %d times it did without", step->name, failed,
         survived);
    ok(r == THROUGH && n < LIMIT, "%s, with each allocation failing",
       step->name);
}

static int run_script(const struct step *script, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        run_step(&script[i]);
    return done_testing();
}

#define RUN_SCRIPT(script)                                                     \
    run_script(script, sizeof(script) / sizeof((script)[0]))
