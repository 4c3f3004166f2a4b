/*
 * System calls with numbers and arguments drawn from pools of interesting
 * values, in children that may die of them: the parent must go on unharmed,
 * and a child that hangs must die of SIGKILL. A pager thread in each child
 * serves a registered page, until the child destroys that as well. Arguments:
 * calls (default 20000), seed. The same arguments make the same calls.
 *
 * On Linux only numbers are drawn that do no harm to the host.
 */
#define _GNU_SOURCE
#include <sys/utsname.h>
#include <time.h>

#include "fuzz_pager.h"

#define CALLS_PER_CHILD 400
/* Not next to anything a child might write over. */
#define FAR_AWAY ((void *)0x200000000000)
#define LOOK_NS  3000000
#define PATIENCE 3 /* looks without progress before the kill */

/* Shared with the children: what is being done, for whoever has to look. */
struct progress {
    volatile long calls;
    volatile long number, args[6];
};

static struct progress *progress;
static char *pool_rw, *pool_ro, *pool_none, *pool_edge, *pool_registered,
    *pool_bound, *pool_next;
static int on_linux;
static unsigned long long state;

static unsigned next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state >> 16;
}

static long pick(const long *values, unsigned count)
{
    return values[next_random() % count];
}

#define PICK(values) pick(values, sizeof(values) / sizeof((values)[0]))

/* What is implemented here and what a Linux host bears, waiting calls last. */
static const long harmless[] = {
    3,   5,   8,   9,   9,   9,   10,  10,  11,  11,  12,  13,  14,
    16,  16,  16,  17,  19,  24,  28,  28,  32,  33,  39,  57,  63,
    72,  96,  97,  98,  99,  100, 102, 104, 107, 108, 110, 111, 121,
    124, 127, 131, 143, 145, 146, 147, 158, 186, 201, 204, 218, 228,
    229, 273, 292, 302, 309, 318, 323, 324, 436,
};
static const long waiting[] = {0,   7,   23,  34,  35,  61,  128, 130,
                               202, 202, 202, 230, 247, 270, 271, 58};
/* What only we have, or what a Linux host had better not do: clocks,
 * priorities, locked memory, descriptors of whatever is open. */
static const long ours[] = {
    18,  20,  21,  25,  25,  26,  27,  36,  38,  74,  75,  77,  79,
    89,  91,  140, 141, 142, 144, 148, 149, 150, 151, 152, 160, 164,
    213, 216, 222, 223, 224, 225, 226, 227, 233, 257, 262, 267, 269,
    274, 282, 283, 284, 285, 286, 287, 289, 290, 291, 295, 296, 310,
    311, 314, 315, 319, 322, 325, 329, 330, 331, 434, 439, 440, 462,
};
/* To ourselves only: see aim(). */
static const long aimed[] = {62, 200, 234, 129, 15, 60, 231, 203, 157};

static long draw_number(void)
{
    unsigned die = next_random() % 64;

    if (die == 0)
        return PICK(waiting);
    if (die == 1)
        return PICK(aimed);
    if (die < 5)
        return on_linux ? 600 + next_random() % 400 : next_random() % 600;
    if (die < 24 && !on_linux)
        return PICK(ours);
    return PICK(harmless);
}

static long draw_address(void)
{
    const long wild[] = {
        0,
        1,
        4096,
        65536,
        0x7ffffffff000 - 8,
        1L << 47,
        (long)0x8000000000000000,
        (long)0xffff888000000000,
        (long)0xffffffff80000000,
        (long)0xffffc90000000000,
        -1,
        -4096,
    };
    const long good[] = {
        (long)pool_rw,         (long)pool_rw,        (long)pool_rw + 64,
        (long)pool_registered, (long)pool_ro,        (long)pool_none,
        (long)pool_edge,       (long)pool_edge,      (long)pool_rw + PAGE - 8,
        (long)pool_rw + 3,     (long)pool_rw + PAGE, (long)pool_rw + PAGE + 64,
        (long)pool_bound,      (long)pool_next,
    };

    return next_random() % 4 ? PICK(good) + next_random() % 2 * 16 : PICK(wild);
}

static long draw_small(void)
{
    const long values[] = {
        0,
        1,
        2,
        3,
        4,
        5,
        6,
        7,
        8,
        16,
        24,
        32,
        33,
        48,
        64,
        100,
        128,
        136,
        255,
        256,
        1000,
        1023,
        1024,
        4095,
        4096,
        8192,
        4097,
        65536,
        1 << 20,
        1 << 30,
        1L << 31,
        1L << 32,
        1L << 46,
        0x7fffffff,
        0x10000000,
        0x22,
        0x32,
        0x11,
        0x21,
        0x1022,
        0x80000,
        0x800,
        -1,
        -2,
        -100,
        -4096,
        -0x80000000L,
        (long)0x8000000000000000,
    };
    const long requests[] = {
        0xc018aa3f, 0xc020aa00, 0x8010aa01, 0x8010aa02, 0xc028aa03, 0xc020aa04,
        0xc028aa05, 0xc018aa06, 0xc020aa07, 0xc020aa08, 0x5401,     0x5402,
        0x540f,     0x5410,     0x5413,     0x541b,     0x5421,     0xaa00,
    };

    return next_random() % 8 ? PICK(values) : PICK(requests);
}

static long draw_argument(void)
{
    switch (next_random() % 8) {
    case 0:
    case 1:
    case 2:
        return draw_address();
    case 3:
        return next_random();
    default:
        return draw_small();
    }
}

static long draw_pages_of(const char *pool)
{
    return (long)pool + next_random() % 5 * PAGE;
}

/* A request's words: pages and modes that fit, but for one in eight. */
static void draw_words(unsigned long *words, int count)
{
    const long kinds[] = {
        draw_pages_of(pool_registered),
        draw_pages_of(pool_bound),
        (long)(next_random() % 5 * PAGE),
        (long)(next_random() % 16),
        (long)(next_random() % 8) << 32 | OBJECT_FD,
    };

    for (int i = 0; i < count; i++)
        words[i] = next_random() % 8 ? PICK(kinds) : draw_argument();
}

/* What a pager asks for beside Linux's requests; returns the call's number. */
static long draw_pager_call(long *args)
{
    static unsigned long words[12];
    const struct pager_request *r =
        &pager_requests[next_random() % PAGER_REQUESTS];

    draw_words(words, 12);
    /* These words where they belong, more often than not. */
    for (int i = 0; i < 12 && next_random() % 16; i++)
        switch (r->words[i]) {
        case 'o': /* object and mode */
            words[i] = next_random() % 2 ? next_random() % 16UL << 32 : 0;
            words[i] |= next_random() % 8 ? OBJECT_FD : 3 + next_random() % 8;
            break;
        case 'p': /* bytes, whole pages */
            words[i] = next_random() % 5 * PAGE;
            break;
        case 'a': /* registered */
            words[i] = draw_pages_of(pool_registered);
            break;
        case 's': /* to be read or written */
            words[i] = (unsigned long)pool_rw;
            break;
        case 'n':
            words[i] = draw_pages_of(pool_next);
            break;
        case 'e':
            words[i] = (unsigned long)pool_registered + 4 * PAGE;
            break;
        case 'b': /* bound perhaps: flags 0 or 1 */
            words[i] = next_random() % 2UL << 32 | FRESH_FD;
            break;
        case 'f':
            words[i] = next_random() % 4;
            break;
        case 't': /* a millisecond at most */
            words[i] = next_random() % 1000000;
            break;
        case 'm': /* masks, modes */
            words[i] = next_random() % 16;
            break;
        case 'z':
            words[i] = 0;
            break;
        case '8':
            words[i] = 96; /* PAGEMAP_SCAN's size */
        }
    if (!r->request) {
        args[0] = PR_FAULTS;
        args[1] = next_random() % 2 ? 0 : next_random() % 4096;
        return SYS_prctl;
    }
    args[0] = r->fd;
    args[1] = r->request;
    if (next_random() % 16)
        args[2] = (long)words;
    return SYS_ioctl;
}

/* Calls that could reach others reach only ourselves. */
static void aim(long number, long *args)
{
    switch (number) {
    case 62:
    case 129:
    case 200:
    case 234:
    case 297:
    case 310:
    case 311:
        args[0] = getpid();
        break;
    case 109:
    case 142:
    case 143:
    case 144:
    case 145:
    case 148:
    case 203:
    case 204:
    case 274:
    case 302:
    case 314:
    case 315:
        args[0] = 0;
        break;
    case 56: /* a child is no longer ours to find */
    case 435:
        args[0] = args[0] & 0xffffffff & ~0x8000L;
        break;
    case 61:
    case 247:
        args[0] = -1;
        break;
    case 141:
        args[1] = 0;
    }
    if (number == 302 && on_linux)
        args[2] = 0;
    if (number == 234 || number == 297)
        args[1] = getpid();
}

/* In place, without a call: after clone() or vfork() the stack may be shared
 * with the one that goes on. */
static long raw_call(long number, const long *args)
{
    long result;

    asm volatile("movq 24(%[args]), %%r10\n"
                 "movq 32(%[args]), %%r8\n"
                 "movq 40(%[args]), %%r9\n"
                 "movq 16(%[args]), %%rdx\n"
                 "movq 8(%[args]), %%rsi\n"
                 "movq (%[args]), %%rdi\n"
                 "syscall\n"
                 : "=a"(result)
                 : "a"(number), [args] "b"(args)
                 : "rcx", "r11", "rdi", "rsi", "rdx", "r8", "r9", "r10",
                   "memory");
    return result;
}

static int makes_child(long number)
{
    return number == SYS_clone || number == SYS_fork || number == SYS_vfork ||
           number == SYS_clone3;
}

static void one_call(void)
{
    long number = draw_number(), args[6], none[6] = {0};

    for (int i = 0; i < 6; i++)
        args[i] = draw_argument();
    aim(number, args);
    if (!(next_random() % 10))
        number = draw_pager_call(args);
    progress->number = number;
    for (int i = 0; i < 6; i++)
        progress->args[i] = args[i];
    if (!raw_call(number, args) && makes_child(number))
        raw_call(SYS_exit_group, none);
    progress->calls++;
}

static void make_pools(void)
{
    pthread_t pager;
    int fd = uffd_new(0);

    pool_rw = map_pages(4);
    pool_ro = map_pages(1);
    pool_none = map_pages(1);
    pool_edge = map_pages(2);
    pool_registered = map_pages(4);
    mprotect(pool_ro, PAGE, PROT_READ);
    mprotect(pool_none, PAGE, PROT_NONE);
    munmap(pool_edge + PAGE, PAGE);
    pool_edge += PAGE - 8;
    for (int i = 0; i < 512; i++)
        ((long *)pool_rw)[i] = next_random() % 5;
    /* Structures: vectors, times, ranges. */
    for (int i = 512; i < 1024; i++)
        ((long *)pool_rw)[i] = draw_argument();
    uffd_register(fd, pool_registered, 4 * PAGE);
    pthread_create(&pager, NULL, serve, (void *)(long)fd);
    pool_bound = pager_make(fd, &pool_next);
}

static void child(unsigned long long seed, int calls)
{
    state = seed * 0x9e3779b97f4a7c15 + 1;
    /* What it writes is not to be taken for our own report. */
    close(1);
    close(2);
    make_pools();
    while (calls--)
        one_call();
    _exit(0);
}

/* Waits for the child as long as it gets on. */
static void attend(pid_t pid)
{
    const struct timespec look = {0, LOOK_NS};
    long seen = progress->calls;
    int status, idle = 0;

    while (!waitpid(pid, &status, WNOHANG)) {
        nanosleep(&look, NULL);
        idle = seen == progress->calls ? idle + 1 : 0;
        seen = progress->calls;
        if (idle == PATIENCE)
            kill(pid, SIGKILL);
    }
}

/* Fork, memory and a pager still do what they should. */
static int still_works(void)
{
    char *page = map_pages(1);
    int fd = uffd_new(O_NONBLOCK), good;
    pthread_t reader;

    must(!uffd_register(fd, page, PAGE));
    reader = thread_start(read_byte, page);
    good = uffd_next_page(fd) == page && !uffd_fill(fd, page, 'f');
    good = good && thread_join(reader) == (void *)(long)'f';
    close(fd);
    munmap(page, PAGE);
    return good;
}

int main(int argc, char **argv)
{
    long calls = argc > 1 ? atol(argv[1]) : 20000;
    unsigned long long seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
    char *mine = map_pages(2);
    struct utsname name;
    long children = 0, done = 0;

    uname(&name);
    on_linux = !strcmp(name.sysname, "Linux");
    progress = mmap(FAR_AWAY, PAGE, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    must(progress != MAP_FAILED);
    memset(mine, 'm', 2 * PAGE);
    while (done < calls) {
        pid_t pid;

        progress->calls = 0;
        pid = fork();

        must(pid >= 0);
        if (!pid)
            child((seed << 32) + children, CALLS_PER_CHILD);
        attend(pid);
        /* It may have written there. */
        if (progress->calls > 0 && progress->calls <= CALLS_PER_CHILD)
            done += progress->calls;
        done++;
        children++;
    }
    diag("%ld calls in %ld children", done, children);
    ok(all_bytes(mine, 'm', 2 * PAGE), "our memory is as it was");
    ok(still_works(), "and all still works");
    return done_testing();
}
