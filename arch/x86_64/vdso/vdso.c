/*
 * The vDSO: user-mode code the kernel brings along, see vdso(7). It reads
 * clocks without entering the kernel, to the very values the system calls
 * give; what it does not know it asks the kernel. Position independent, no
 * data of its own, no relocations: exec maps it as it is, after [vvar].
 */
#include "data.h"

#define NSEC_PER_SEC 1000000000ul

#define NR_GETTIMEOFDAY  96
#define NR_CLOCK_GETTIME 228
#define NR_CLOCK_GETRES  229
#define NR_GETCPU        309

/* Bit n: clock n, of those that count up from boot / from 1970. */
#define CLOCKS_BOOT  (1u << 1 | 1u << 4 | 1u << 6 | 1u << 7)
#define CLOCKS_EPOCH (1u << 0 | 1u << 5 | 1u << 11)

struct pair {
    long sec, part;
};

/* The page before the image, whose first byte the linker names. */
static inline const struct vdso_data *data(void)
{
    const struct vdso_data *d;

    __asm__(".hidden __ehdr_start\n\t"
            "leaq __ehdr_start - 4096(%%rip), %0"
            : "=r"(d));
    return d;
}

static long call(long nr, long a, void *b, void *c)
{
    long r;

    __asm__ volatile("syscall"
                     : "=a"(r)
                     : "0"(nr), "D"(a), "S"(b), "d"(c)
                     : "rcx", "r11", "memory");
    return r;
}

static inline unsigned long ns_since_boot(const struct vdso_data *d)
{
    unsigned int low, high;
    unsigned long cycles;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    cycles = ((unsigned long)high << 32 | low) - d->first;
    return (unsigned long)((unsigned __int128)cycles * d->ns_per_cycle >> 32);
}

static inline int clock_read(int clock, struct pair *t)
{
    const struct vdso_data *d = data();
    unsigned bit = clock < 0 || clock > 11 ? 0 : 1u << clock;
    unsigned long ns;

    if (!(bit & (CLOCKS_BOOT | CLOCKS_EPOCH)))
        return (int)call(NR_CLOCK_GETTIME, clock, t, 0);
    ns = ns_since_boot(d);
    t->sec = (long)(ns / NSEC_PER_SEC);
    t->part = (long)(ns % NSEC_PER_SEC);
    if (bit & CLOCKS_EPOCH)
        t->sec += (long)d->epoch;
    return 0;
}

/* Not called from here: a call by a name others see would be a relocation. */
int __vdso_clock_gettime(int clock, struct pair *t);
int __vdso_clock_gettime(int clock, struct pair *t)
{
    return clock_read(clock, t);
}

int __vdso_gettimeofday(struct pair *t, void *zone);
int __vdso_gettimeofday(struct pair *t, void *zone)
{
    if (!t || zone)
        return (int)call(NR_GETTIMEOFDAY, (long)t, zone, 0);
    (void)clock_read(0, t);
    t->part /= 1000;
    return 0;
}

long __vdso_time(long *t);
long __vdso_time(long *t)
{
    const struct vdso_data *d = data();
    long now = (long)(d->epoch + ns_since_boot(d) / NSEC_PER_SEC);

    if (t)
        *t = now;
    return now;
}

int __vdso_clock_getres(int clock, struct pair *t);
int __vdso_clock_getres(int clock, struct pair *t)
{
    return (int)call(NR_CLOCK_GETRES, clock, t, 0);
}

long __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused);
long __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused)
{
    unsigned low, high, id;

    if (!data()->has_rdtscp)
        return call(NR_GETCPU, (long)cpu, node, unused);
    __asm__ volatile("rdtscp" : "=a"(low), "=d"(high), "=c"(id));
    if (cpu)
        *cpu = id;
    if (node)
        *node = 0;
    return 0;
}

/* The names without the prefix are Linux's as well. */
#define ALIAS(name)                                                            \
    extern __typeof__(__vdso_##name) name                                      \
        __attribute__((weak, alias("__vdso_" #name)))
ALIAS(clock_gettime);
ALIAS(gettimeofday);
ALIAS(time);
ALIAS(clock_getres);
ALIAS(getcpu);
